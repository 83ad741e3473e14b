"""The run folder: create, read, append, list, rename, stop, delete.

A reader may come at any moment and a writer may die at any moment, so files are
appended to or replaced, never rewritten in place. Changes of `state.json` are
made under one lock a models folder, because a page and a worker both make them.

    RunError (ValueError)   there is no such run, it is broken, or it cannot do that now
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import filelock
import numpy as np
import psutil
import pydantic

from digitcore.recipe import Recipe, RecipeError

Status = Literal["queued", "running", "stopping", "finished", "stopped", "failed", "broken"]
Event = dict[str, Any]

_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
_LOST = "The training process was killed or crashed. Resume goes on from the last whole epoch."


_CURVE = {"time", "step", "epoch", "loss", "accuracy"}
_KEYS: dict[str, set[str]] = {
    "stage": {"time", "stage"},
    "download": {"time", "done", "total"},
    "start": {"time", "step", "steps", "steps_per_epoch"},
    "batch": {*_CURVE, "images_per_second"},
    "epoch": {*_CURVE, "validation_loss", "validation_accuracy", "learning_rate", "best"},
}


_NUMBERS = (
    *(f"{split}_{what}" for split in ("test", "validation") for what in ("accuracy", "loss")),
    *("fit_seconds", "images_per_second", "parameters", "epochs"),
)


class RunError(ValueError):
    """There is no such run, it is broken, or it cannot do that now."""


@dataclass(frozen=True)
class State:
    """What `state.json` holds. Times are seconds since 1970, `started` is the process's own."""

    status: Status
    created: Annotated[float, pydantic.Field(ge=0, le=1e11)]
    pid: int | None = None
    started: float | None = None
    message: str = ""
    title: str = ""
    number: int = 0  # the how-manieth run of its folder it is, for a colour that stays


_STATE = pydantic.TypeAdapter(State)
_workers: list[subprocess.Popen[bytes]] = []
_last_start = [-1e9]  # in seconds of the monotonic clock
_SECONDS_BETWEEN_STARTS = 10


class Run:
    """One training of one recipe: a folder. Cheap to make; each value is read when asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Run({self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def id(self) -> str:
        return self.path.name

    @cached_property
    def recipe(self) -> Recipe:
        """Raises RunError when `recipe.toml` is missing or not a recipe."""
        if not (self.path / "recipe.toml").exists():
            raise RunError(f"The run {self.id} is broken: recipe.toml is missing")
        try:
            return Recipe.load(self.path / "recipe.toml")
        except RecipeError as error:
            raise RunError(f"The run {self.id} is broken: {error}") from None

    @property
    def state(self) -> State:
        """The state now. A run whose process is gone is failed, a broken one says why."""
        try:
            self.recipe  # noqa: B018  a run without a readable recipe is broken
            state = _read_state(self.path)
        except RunError as error:
            return State("broken", created=0.0, message=str(error))
        if state.status in ("running", "stopping") and not _alive(state):
            return replace(state, status="failed", message=_LOST)
        return state

    @property
    def status(self) -> Status:
        return self.state.status

    @property
    def active(self) -> bool:
        """Whether it waits, trains or is about to stop, so that more will come."""
        return self.status in ("queued", "running", "stopping")

    @property
    def metrics(self) -> dict[str, Any] | None:
        """What `metrics.json` holds, or None while there is none (see `worker.write_results`).

        Raises:
            RunError: the file is damaged, or lacks what every reader counts on.
        """
        try:
            metrics = json.loads((self.path / "metrics.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunError(f"metrics.json of run {self.id} cannot be read: {error}") from None
        fault = _fault(metrics)
        if fault:
            raise RunError(f"metrics.json of run {self.id} cannot be used: {fault}.")
        return dict(metrics)

    @property
    def name(self) -> str:
        """The title that a person gave, or else the recipe's name."""
        return self.state.title or (self.recipe.name if self.status != "broken" else self.id)

    def events(self, offset: int = 0) -> tuple[list[Event], int]:
        """Events from byte `offset` on, and the offset to go on from.

        A half-written last line is left for the next call; a garbled line is passed over.
        """
        try:
            with open(self.path / "events.jsonl", "rb") as file:
                file.seek(offset)
                data = file.read()
        except FileNotFoundError:
            return [], 0
        end = data.rfind(b"\n") + 1
        return list(_parse(data[:end])), offset + end

    def follow(self, offset: int = 0, poll: float = 0.1) -> Iterator[Event]:
        """Events from byte `offset` on, as they come, until the run waits and trains no more.

        Args:
            offset: where to begin, as `events` gives it.
            poll: seconds between two looks.
        """
        active = True
        while active:
            active = self.active  # asked first, so that the last events are not missed
            events, offset = self.events(offset)
            yield from events
            if self.status == "queued":
                ensure_worker()
            if active and not events:
                time.sleep(poll)

    def probabilities(self) -> dict[str, np.ndarray]:
        """Arrays `test` (10000, 10) and `validation` (M, 10), float32, rows sum to 1.

        Raises:
            RunError: the run has none yet, or the file is damaged.
        """
        try:
            # Opened here, because NumPy leaves a file open that is no zip.
            with (
                open(self.path / "probabilities.npz", "rb") as opened,
                np.load(opened, allow_pickle=False) as file,
            ):
                tables = {name: file[name] for name in ("test", "validation")}
        except FileNotFoundError:
            raise RunError(f"The run {self.id} has no predictions yet.") from None
        except Exception as error:  # zipfile, zlib and NumPy each have errors of their own
            raise RunError(f"probabilities.npz of run {self.id} cannot be read: {error}") from None
        for name, table in tables.items():
            if table.ndim != 2 or table.shape[1] != 10:
                raise RunError(
                    f"probabilities.npz of run {self.id}: {name} has shape {table.shape}."
                )
        return tables

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the worker's log, empty when there is none."""
        try:
            with open(self.path / "worker.log", "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 20_000))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def update(self, *, only_from: tuple[Status, ...] | None = None, **changes: Any) -> State:
        """Replaces values of `state.json`, atomically, and returns the new state.

        Raises:
            RunError: its status is not one of `only_from`, or the run is broken.
        """
        with _lock(self.path.parent):
            state = _read_state(self.path)
            if only_from is not None and state.status not in only_from:
                raise RunError(
                    f"The run {self.id} is {state.status}, not {' or '.join(only_from)}."
                )
            state = replace(state, **changes)
            write_atomic(self.path / "state.json", json.dumps(asdict(state), indent=1).encode())
        return state

    def claim(self) -> None:
        """Makes this process the one that trains the run.

        Raises:
            RunError: it is not queued, so another process has it or it was stopped.
        """
        process = psutil.Process()
        self.update(
            only_from=("queued",), status="running", pid=process.pid, started=process.create_time()
        )

    def rename(self, title: str) -> None:
        """Sets the title that people see; an empty one brings the recipe's name back."""
        self.update(title=" ".join(title.split())[:80])

    def stop(self) -> None:
        """Asks the worker to stop and keep the best epoch; a queued run is stopped at once.

        Raises:
            RunError: the run is not waiting or training.
        """
        if self.status == "stopping":
            return
        try:
            self.update(only_from=("queued",), status="stopped", message="Stopped before it began.")
        except RunError:
            if self.status != "running":
                raise RunError(
                    f"Only a run that trains can stop. {self.id} is {self.status}."
                ) from None
            self.update(only_from=("running", "stopping"), status="stopping")

    def resume(self) -> None:
        """Queues the run again, to go on from its last checkpoint.

        Raises:
            RunError: it was neither stopped nor has it failed.
        """
        if self.status not in ("stopped", "failed"):
            raise RunError(f"Only a stopped or failed run can go on. {self.id} is {self.status}.")
        self.update(status="queued", message="", pid=None, started=None)
        start_worker()

    def delete(self) -> None:
        """Removes the folder.

        Raises:
            RunError: the run is training.
        """
        # Renamed first, so that a reader sees the whole run or none of it, and under the
        # lock, so that no worker claims it meanwhile.
        grave = self.path.with_name(f".deleted-{secrets.token_hex(4)}")
        with _lock(self.path.parent):
            if self.status in ("running", "stopping"):
                raise RunError(f"The run {self.id} is training; stop it first.")
            self.path.rename(grave)
        shutil.rmtree(grave)

    def write_zip(self, file: IO[bytes]) -> None:
        """Writes the folder as a zip file, without the checkpoint."""
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(self.path.iterdir()):
                if path.is_file() and not path.name.startswith("."):
                    archive.write(path, f"{self.id}/{path.name}")


def models_dir() -> Path:
    """Where runs live: `DIGITCORE_MODELS_DIR`, or `models` beside the package."""
    folder = os.environ.get("DIGITCORE_MODELS_DIR")
    return Path(folder).expanduser() if folder else Path(__file__).parents[1] / "models"


def create(recipe: Recipe) -> Run:
    """A new queued run of this recipe.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = models_dir()
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    newest = next((run.state.number for run in list_runs() if run.status != "broken"), 0)
    state = State("queued", created=now, number=newest + 1)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    run = Run(folder / f"{stamp}-{recipe.name}-{secrets.token_hex(2)}")
    # Filled before it gets its name, so that nobody sees half a run.
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        new.chmod(0o755)
        (new / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
        (new / "state.json").write_text(json.dumps(asdict(state), indent=1))
        new.rename(run.path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return run


def submit(recipe: Recipe) -> Run:
    """A new queued run, and a worker process that will train it.

    Raises:
        OSError: the folder cannot be written, or no process can be started.
    """
    run = create(recipe)
    start_worker()
    return run


def start_worker() -> None:
    """Starts a process that trains what is queued; it ends at once if another one does.

    It has a session of its own, so that it outlives the page, the shell or the server.
    """
    # Absolute, because the worker runs in another folder than this process may.
    folders = {"DIGITCORE_MODELS_DIR": str(models_dir().resolve())}
    if data_folder := os.environ.get("DIGITCORE_DATA_DIR"):
        folders["DIGITCORE_DATA_DIR"] = str(Path(data_folder).expanduser().resolve())
    _last_start[0] = time.monotonic()
    models_dir().mkdir(parents=True, exist_ok=True)
    # What it says before it has a run's own log; the last worker's words are enough.
    with open(models_dir() / ".worker.log", "wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "digitcore.worker"],
            cwd=Path(__file__).parents[1],
            env={**os.environ, **folders},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # Those that have ended are let go; who forgets one that runs is warned by Python.
    _workers[:] = [worker, *(other for other in _workers if other.poll() is None)]


def ensure_worker() -> None:
    """For those who see a run wait: starts a worker now and then, as the last may have died."""
    if time.monotonic() - _last_start[0] > _SECONDS_BETWEEN_STARTS:
        start_worker()


def load(run_id: str) -> Run:
    """The run with that id.

    Raises:
        RunError: there is none. An id is a folder's name, never a path.
    """
    path = models_dir() / run_id
    if not _ID.match(run_id) or not path.is_dir():
        known = [run.id for run in list_runs()[:1]]
        hint = f" The newest is {known[0]}." if known else ""
        raise RunError(f"There is no run of that name.{hint} Received: {run_id}")
    return Run(path)


def list_runs() -> list[Run]:
    """All runs, newest first, broken ones among them."""
    try:
        paths = [p for p in models_dir().iterdir() if _ID.match(p.name) and p.is_dir()]
    except FileNotFoundError:
        return []
    return [Run(path) for path in sorted(paths, key=lambda p: p.name, reverse=True)]


def queued() -> list[Run]:
    """Runs that wait for a worker, oldest first."""
    runs = [(run.state.created, run.id, run) for run in list_runs() if run.status == "queued"]
    return [run for *_, run in sorted(runs, key=lambda r: r[:2])]


def current(events: list[Event]) -> list[Event]:
    """The events that count: where a run went on from a checkpoint, what it had done
    after that checkpoint was done again, and the first attempt is dropped."""
    kept: list[Event] = []
    for event in events:
        if event["kind"] == "start":
            kept = [e for e in kept if e.get("step", 0) <= event.get("step", 0)]
        kept.append(event)
    return kept


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces the file's content; a reader sees the old or the new, never a part."""
    handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read_state(path: Path) -> State:
    try:
        state = _STATE.validate_json((path / "state.json").read_bytes())
        if state.status != "broken":
            return state
        fault = "broken is what a reader says, not a state"
    except pydantic.ValidationError as error:
        fault = "; ".join(
            f"{e['loc'][0]}: {e['msg']}. Received: {e['input']!r}" if e["loc"] else e["msg"]
            for e in error.errors()
        )
    except OSError as error:
        fault = str(error)
    raise RunError(f"The run {path.name} is broken: state.json cannot be read: {fault}")


def _fault(metrics: Any) -> str | None:
    if not isinstance(metrics, dict):
        return "it must hold an object"
    for key in _NUMBERS:
        if not isinstance(metrics.get(key), int | float):
            return f"{key} must be a number. Received: {metrics.get(key)!r}"
    for key in ("test_interval", "validation_interval"):
        ends = metrics.get(key)
        if not isinstance(ends, list) or [isinstance(e, int | float) for e in ends] != [True] * 2:
            return f"{key} must be two numbers. Received: {ends!r}"
    return None


def _alive(state: State) -> bool:
    if state.pid is None or state.started is None:
        return False
    try:
        process = psutil.Process(state.pid)
        # The number may since have gone to another process; a zombie trains no more.
        same = abs(process.create_time() - state.started) < 2
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.NoSuchProcess, ValueError):
        return False


def _parse(data: bytes) -> Iterator[Event]:
    for line in data.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if not isinstance(event, dict) or not isinstance(kind := event.get("kind"), str):
            continue
        # A reader may count on a kind's keys, whatever happened to the file.
        keys = _KEYS.get(kind, set())
        if all(isinstance(event.get(key), str if key == "stage" else int | float) for key in keys):
            yield event


def _lock(folder: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(folder / ".lock", timeout=10)
