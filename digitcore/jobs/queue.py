"""Who trains what, and when: the queue of runs, and the workers that take from it.

A run is queued by its state alone. Workers are processes; each holds one of a few places
(locks) in the models folder, takes the oldest queued run and trains it. Whoever queues a
run also starts a worker, if a place is free. So any number of servers, shells and
notebooks share a queue, and none of them needs to live on.
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
from digitcore.jobs.request import Request
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError, State, events
from digitcore.runs.events import Event

VARIABLE = "DIGITCORE_WORKERS"
IDLE_SECONDS = 15 * 60
_MAX_WORKERS = 64
_SECONDS_BETWEEN_STARTS = 3

_workers: list[tuple[float, subprocess.Popen[bytes]]] = []
_last_start = [-1e9]  # in seconds of the monotonic clock
_stays_warm = [False]
_starting = threading.Lock()


def submit(recipe: Recipe) -> Run:
    """A new queued run, and a worker process that will train it.

    Raises:
        RecipeError: the recipe distils, and the teacher cannot teach it.
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
    if run.status not in ("stopped", "failed"):
        raise RunError(f"Only a stopped or failed run can go on. {run.id} is {run.status}.")
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
    """A new queued run that goes on where an ended one stands, up to that many epochs in all.

    It names the old one as its parent and has its curves so far. Its schedule is that of
    the longer training, from where it goes on; early stopping is off if it ended the old one.

    Args:
        run: a run that has ended and has a checkpoint.
        epochs: more than the old one has done, its own included.

    Raises:
        RunError: it has not ended, has no checkpoint, or has done as many epochs.
        RecipeError: a recipe may not have so many epochs, or it distils and the teacher cannot
            teach it.
        OSError: the folder cannot be written.
    """
    if run.active:
        raise RunError(f"Only a run that has ended can be extended. {run.id} is {run.status}.")
    recipe = run.recipe.changed(epochs=epochs)
    teacher.check(recipe)
    # Whole ones. A killed run has no metrics or those of an earlier stop, and of a stopped one
    # they count the epoch that was begun.
    epochs_done = events.EventLog().read(run.path / "events.jsonl").epochs
    told = epochs_done["epoch"]
    done = max([*map(int, told)] or [run.metrics.epochs if run.metrics else 0])
    if epochs <= done:
        raise RunError(f"{run.id} has done {done} epochs; ask for more. Received: {epochs}")
    best = sum(map(int, told[events.best_epoch(epochs_done)]))
    impatient = 0 < recipe.early_stopping <= done - best
    if impatient or (done < run.recipe.epochs and run.status == "finished"):
        recipe = recipe.changed(early_stopping=0)
    if not run.has_checkpoint:
        raise RunError(f"{run.id} has no checkpoint to go on from.")

    asked = request.read(run)

    def fill(folder: Path) -> None:
        shutil.copytree(run.path / "checkpoint", folder / "checkpoint")
        for name in ("events.jsonl", *asked.files):
            if (run.path / name).exists():
                shutil.copy(run.path / name, folder)
        if asked != Request():
            request.write(folder, asked)

    child = runs.create(recipe, run, fill)
    wake()
    return child


def follow(run: Run, offset: int = 0, poll: float = 0.1) -> Iterator[Event]:
    """A run's events as they come, until it neither waits nor trains any more.

    Args:
        run: the run.
        offset: the byte of its events to begin at, as `Run.events` gives it.
        poll: seconds between two looks.
    """
    active = True
    while active:
        active = run.active  # asked first, so that the last events are not missed
        new, offset = run.events(offset)
        yield from new
        if run.status == "queued":
            ensure_worker()
        if active and not new:
            time.sleep(poll)


def queued() -> list[Run]:
    """Runs that wait for a worker, the next one first."""
    return waiting(runs.list_active())


def waiting(active: list[tuple[Run, State]]) -> list[Run]:
    found = [(run, state) for run, state in active if state.status == "queued"]
    return [run for run, _ in sorted(found, key=lambda item: (item[1].turn, item[0].id))]


def places() -> int:
    """How many runs train at once: DIGITCORE_WORKERS, or 1.

    Raises:
        ValueError: it is not a number from 1 to 64.
    """
    asked = os.environ.get(VARIABLE) or "1"
    if not asked.isdecimal() or not 1 <= int(asked) <= _MAX_WORKERS:
        raise ValueError(f"{VARIABLE} is a number from 1 to {_MAX_WORKERS}. Received: {asked!r}")
    return int(asked)


def place_paths() -> list[Path]:
    """The locks that workers hold, one each."""
    return [runs.models_dir() / runs.LOCKS / f".worker-{n}" for n in range(places())]


# --- workers -----------------------------------------------------------------


def start_worker() -> None:
    """Starts a process that trains what is queued, unless each place has one.

    It has a session of its own, so that it outlives the page, the shell or the server.
    """
    with _starting:
        _start_worker()


def _start_worker() -> None:
    free = sum(not files.held(path, anew=True) for path in place_paths())
    # A process that is just starting will take one of them: thirty who press Start at
    # once need no thirty workers.
    now = time.monotonic()
    _workers[:] = [(since, worker) for since, worker in _workers if worker.poll() is None]
    if free <= sum(now - since < _SECONDS_BETWEEN_STARTS for since, _ in _workers):
        return
    folder = runs.models_dir().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    _last_start[0] = now
    # While this process lives and holds the other end of the pipe, an idle worker waits.
    idle = ["--idle", str(IDLE_SECONDS)] if _stays_warm[0] else []
    # What it says before it has a run's own log; the last worker's words are enough.
    with open(folder / ".worker.log", "wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "digitcore.jobs.worker", *idle],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "DIGITCORE_MODELS_DIR": str(folder)},
            stdin=subprocess.PIPE if idle else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # Kept until it has ended, as Python warns who forgets one that runs.
    _workers.append((now, worker))


def ensure_worker() -> None:
    """For those who see a run wait: starts a worker now and then, as the last may have died."""
    if time.monotonic() - _last_start[0] > _SECONDS_BETWEEN_STARTS:
        with suppress(OSError):  # no reason for a look to fail
            start_worker()


def keep_warm() -> None:
    """For a server: its workers stay for a while when nothing is queued, TensorFlow loaded.

    Starts one now, unless something trains, which it would slow. They end with the server.
    """
    _stays_warm[0] = True
    if time.monotonic() - _last_start[0] <= _SECONDS_BETWEEN_STARTS:
        return
    # One is enough.
    if any(files.held(path) for path in place_paths()):
        return
    if all(state.status == "queued" for _, state in runs.list_active()):
        with suppress(OSError):
            start_worker()


def wake_path() -> Path:
    """A file that is touched whenever a run is queued: idle workers look at its time."""
    return runs.models_dir() / runs.LOCKS / ".wake"


def wake() -> None:
    """Tells idle workers that something is queued, and starts one if a slot is free."""
    path = wake_path()
    path.parent.mkdir(exist_ok=True)
    path.touch()
    # The run is queued: who looks at it tries again.
    with suppress(OSError):
        start_worker()
