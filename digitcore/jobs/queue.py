"""Who works on what, and when: the queue of jobs, and the workers that take from it.

A job is queued by its state alone: a run's if it is a training, else its own (`job.Job`). Workers
are processes. Each holds one of a few slots (locks) in the models folder, takes the oldest queued
job and carries it out. There are slots for trainings and one for short jobs, so that these wait for
no training. Queueing a job also starts a worker, if a slot is free. So any number of servers,
shells and notebooks work on the same queue, and none of them needs to live on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from digitcore import files, runs
from digitcore.jobs import request, teacher
from digitcore.jobs.job import Job, list_jobs
from digitcore.jobs.request import Request
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunStateError, State, events, kept_epochs
from digitcore.runs.events import Event

VARIABLE = "DIGITCORE_WORKERS"
IDLE_SECONDS = 15 * 60
_MAX_WORKERS = 64
_SECONDS_BETWEEN_STARTS = 3

_workers: list[tuple[float, bool, subprocess.Popen[bytes]]] = []
_last_start = [-1e9, -1e9]  # of a worker for trainings and for short jobs, by the monotonic clock
_stays_warm = [False]
_starting = threading.Lock()


def submit(recipe: Recipe) -> Run:
    """A new queued run, and a worker process that will train it.

    Raises:
        RecipeError: the recipe distils, and the teacher has no soft targets for it.
        OSError: the folder cannot be written.
    """
    teacher.check(recipe)
    run = runs.create(recipe)
    wake()
    return run


def resume(run: Run) -> None:
    """Queues a stopped or failed run again, to go on from its last checkpoint.

    Raises:
        RunError: it was neither stopped nor has it failed.
        OSError: the folder cannot be written.
    """
    # Its metrics may be damaged: they are written anew.
    if (status := run.judged().status) not in ("stopped", "failed"):
        raise RunStateError(f"Only a stopped or failed run can go on. {run.id} is {status}.")
    turn = 1 + max(state.turn for _, state in runs.list_states())
    run.update(
        only_from=("stopped", "failed"),
        status="queued",
        message="",
        turn=turn,
        data_folder=runs.data_folder(),
    )
    wake()


def extend(run: Run, epochs: int) -> Run:
    """A new queued run that continues an ended one, up to that many epochs in all.

    It names the old one as its parent and has its curves so far. Its schedule is that of the
    longer training, from that epoch on; early stopping is off if it ended the old one.

    Args:
        run: a run that has ended and has a checkpoint.
        epochs: in all, more than the old one has done.

    Raises:
        RunError: it has not ended, has no checkpoint, or has done that many epochs.
        RecipeError: a recipe may not have so many epochs, or it distils and the teacher has no soft
            targets for it.
        OSError: the folder cannot be written.
    """
    if run.active:
        raise RunStateError(f"Only a run that has ended can be extended. {run.id} is {run.status}.")
    recipe = run.recipe.changed(epochs=epochs)
    teacher.check(recipe)
    # Whole epochs. The metrics of a killed run are missing or of an earlier stop, and those of a
    # stopped run count the epoch that was not finished.
    epochs_done = run.log().epochs
    numbers = epochs_done["epoch"]
    done = max([*map(int, numbers)] or [run.metrics.epochs if run.metrics else 0])
    if epochs <= done:
        raise RunStateError(f"{run.id} has done {done} epochs; ask for more. Received: {epochs}")
    best = sum(map(int, numbers[events.best_epoch(epochs_done)]))
    impatient = 0 < recipe.early_stopping <= done - best
    if impatient or (done < run.recipe.epochs and run.judged().status == "finished"):
        recipe = recipe.changed(early_stopping=0)
    if not run.has_checkpoint:
        raise RunStateError(f"{run.id} has no checkpoint to go on from.")

    values = request.read(run)

    def fill(folder: Path) -> None:
        for name in ("checkpoint", kept_epochs.FOLDER):
            if (run.path / name).exists():
                shutil.copytree(run.path / name, folder / name)
        for name in ("events.jsonl", *values.files):
            if (run.path / name).exists():
                shutil.copy(run.path / name, folder)
        if values != Request():
            request.write(folder, values)

    child = runs.create(recipe, run, fill)
    wake()
    return child


def submit_job(run: Run, kind: str) -> Job:
    """The run's short job of that kind, queued; one that is active already is not queued twice.

    Raises:
        RunError: the run was deleted.
        ValueError: there is no short job of that kind.
        OSError: the folder cannot be written.
    """
    job = Job(run, kind)
    turns = [state.turn for other in list_jobs() if (state := other.state)]
    if job.queue(turn=1 + max(turns, default=0)):
        wake(short=True)
    return job


def follow(job: Run | Job, offset: int = 0, poll: float = 0.1) -> Iterator[Event]:
    """The events of a training or a short job as they come, until it has ended.

    Args:
        job: the run that trains, or the short job.
        offset: the byte of its events to begin at, as `Run.events` gives it.
        poll: seconds between two looks.
    """
    active = True
    while active:
        active = job.active  # first, so that the last events are not missed
        new, offset = job.events(offset)
        yield from new
        if job.status == "queued":
            ensure_worker(short=isinstance(job, Job))
        if active and not new:
            time.sleep(poll)


def queued() -> list[Run]:
    """Runs that wait for a worker, the next one first."""
    return in_order(runs.list_active())


def queued_jobs() -> list[Job]:
    """Short jobs that wait for a worker, the next one first."""
    states = [(job, job.state) for job in list_jobs()]
    turns = [(state.turn, job) for job, state in states if state and state.status == "queued"]
    return [job for _, job in sorted(turns, key=lambda item: (item[0], str(item[1].path)))]


def waiting(short: bool) -> list[Run] | list[Job]:
    """What a worker for short jobs, or for trainings, may take, the next one first."""
    return queued_jobs() if short else queued()


def in_order(active: list[tuple[Run, State]]) -> list[Run]:
    """Those of these runs that wait for a worker, the next one first."""
    turns = [(state.turn, run) for run, state in active if state.status == "queued"]
    return [run for _, run in sorted(turns, key=lambda item: (item[0], item[1].id))]


def slots() -> int:
    """How many runs train at once: DIGITCORE_WORKERS, or 1.

    Raises:
        ValueError: it is not a number from 1 to 64.
    """
    text = os.environ.get(VARIABLE) or "1"
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_WORKERS:
        raise ValueError(f"{VARIABLE} is a number from 1 to {_MAX_WORKERS}. Received: {text!r}")
    return int(text)


def slot_paths(short: bool = False) -> list[Path]:
    """The locks that workers for short jobs, or for trainings, hold, one each."""
    names = ["short"] if short else [str(number) for number in range(slots())]
    return [runs.models_dir() / runs.LOCKS / f".worker-{name}" for name in names]


# --- workers -----------------------------------------------------------------


def start_worker(short: bool = False) -> None:
    """Starts a process that carries out what is queued, unless each slot has one.

    It has its own session, so that it outlives the page, the shell or the server.
    """
    with _starting:
        _start_worker(short)


def _start_worker(short: bool) -> None:
    free = sum(not files.held(path, anew=True) for path in slot_paths(short))
    # A process that is just starting will take one of them: thirty people who press Start at
    # once do not need thirty workers.
    now = time.monotonic()
    _workers[:] = [entry for entry in _workers if entry[2].poll() is None]
    young = [kind for since, kind, _ in _workers if now - since < _SECONDS_BETWEEN_STARTS]
    if free <= young.count(short):
        return
    folder = runs.models_dir().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    _last_start[short] = now
    # While this process lives and holds the other end of the pipe, an idle worker waits.
    idle = ["--idle", str(IDLE_SECONDS)] if _stays_warm[0] and not short else []
    only = ["--short"] if short else []
    # What it says before it has a job's log; the last worker's words are enough.
    with open(folder / (".worker-short.log" if short else ".worker.log"), "wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "digitcore.jobs.worker", *idle, *only],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "DIGITCORE_MODELS_DIR": str(folder)},
            stdin=subprocess.PIPE if idle else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # Kept until it has ended: Python warns of a forgotten child process.
    _workers.append((now, short, worker))


def ensure_worker(short: bool = False) -> None:
    """For those who see a job wait: starts a worker now and then, as the last may have died."""
    if time.monotonic() - _last_start[short] > _SECONDS_BETWEEN_STARTS:
        with suppress(OSError):  # no reason for a look to fail
            start_worker(short)


def keep_warm() -> None:
    """For a server: its workers stay for a while when nothing is queued, TensorFlow loaded.

    Starts one now, unless something trains, which it would slow. They end with the server.
    """
    _stays_warm[0] = True
    if time.monotonic() - _last_start[0] <= _SECONDS_BETWEEN_STARTS:
        return
    # One is enough.
    if any(files.held(path) for path in slot_paths()):
        return
    if all(state.status == "queued" for _, state in runs.list_active()):
        with suppress(OSError):
            start_worker()


def wake_path() -> Path:
    """A file that is touched whenever a run is queued: idle workers look at its time."""
    return runs.models_dir() / runs.LOCKS / ".wake"


def wake(short: bool = False) -> None:
    """Tells idle workers that something is queued, and starts one if a slot is free."""
    if not short:
        path = wake_path()
        path.parent.mkdir(exist_ok=True)
        path.touch()
    # The job is queued all the same: the next look at it tries again.
    with suppress(OSError):
        start_worker(short)
