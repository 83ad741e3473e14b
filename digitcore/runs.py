"""The run folder: create, read, list, rename, stop, delete.

A reader may come at any moment and a writer may die at any moment, so files are
appended to or replaced, never rewritten in place. Who trains a run holds its lock, and
changes of `state.json` are made under one lock a models folder, because a page and a
worker both make them. Who trains what, and when, is in `queue`.

    RunError (ValueError)   there is no such run, it is broken, or it cannot do that now
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
import secrets
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import filelock
import numpy as np
import pydantic

from digitcore import events, files
from digitcore.events import Event
from digitcore.recipe import Recipe, RecipeError

Status = Literal["queued", "running", "stopping", "finished", "stopped", "failed", "broken"]
ACTIVE = ("queued", "running", "stopping")

_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
_LOST = (
    "The training process was killed, ran out of memory, or the computer was switched off. "
    "Resume goes on from the last checkpoint."
)
LOCKS = ".locks"
# What a run that learns a person's hand begins with: its parent's network and numbers, and
# the drawings.
BEGINNINGS = (START_NETWORK, START_METRICS, HAND) = ("start.keras", "start.json", "hand.json")
_LOCK_SECONDS = 10
_TAIL_BYTES = 8_000
# Far more than a run of this project writes; a file that is larger is not one of ours.
_MOST_TEXT_BYTES = 1_000_000
_MOST_TABLE_BYTES = 100_000_000
_CLAIM_SECONDS = 2

_NUMBERS = (
    *(f"{split}_{what}" for split in ("test", "validation") for what in ("accuracy", "loss")),
    *("fit_seconds", "images_per_second", "parameters", "epochs"),
)


class RunError(ValueError):
    """There is no such run, it is broken, or it cannot do that now."""


@dataclass(frozen=True)
class State:
    """What `state.json` holds. Times are seconds since 1970 and only for people to read.

    `turn` says who comes first in the queue, `number` the how-manieth run of its folder it
    is (its colour), `parent` the run that it went on or learned more from, `pid` the process that trains or
    trained it, and `data_folder` where DIGITCORE_DATA_DIR pointed for whoever asked for it.
    """

    status: Status
    created: Annotated[float, pydantic.Field(ge=0, le=1e11)]
    message: str = ""
    title: str = ""
    number: int = 0
    turn: int = 0
    parent: str | None = None
    pid: int | None = None
    started: float | None = None
    data_folder: str | None = None


_STATE = pydantic.TypeAdapter(State)


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

    @functools.cached_property
    def id(self) -> str:
        return self.path.name

    @functools.cached_property
    def _recipe_path(self) -> Path:
        return self.path / "recipe.toml"

    @functools.cached_property
    def _state_path(self) -> Path:
        return self.path / "state.json"

    @property
    def recipe(self) -> Recipe:
        """Raises RunError when `recipe.toml` is missing or not a recipe."""
        try:
            return files.remembered(self._recipe_path, Recipe.load)
        except OSError as error:
            reason = "is missing" if isinstance(error, FileNotFoundError) else error.strerror
            raise RunError(f"The run {self.id} is broken: recipe.toml {reason}") from None
        except RecipeError as error:
            raise RunError(f"The run {self.id} is broken: {error}") from None

    @property
    def state(self) -> State:
        """The state now. A run whose process is gone is failed, a broken one says why."""
        return self._judged()

    def _judged(self, written: State | None = None) -> State:
        try:
            self.recipe  # noqa: B018  a run without a readable recipe is broken
            state = written or self._written()
            if state.status not in ("running", "stopping") or files.held(self.lock_path):
                return state
            # It may just have ended: it writes its last state before it lets the lock go.
            state = self._written()
        except RunError as error:
            return State("broken", created=0.0, message=str(error))
        if state.status in ("running", "stopping"):
            return replace(state, status="failed", message=_LOST)
        return state

    @property
    def lock_path(self) -> Path:
        """The lock that is held by the process that trains this run, and by no other."""
        # Apart from the run, so that a damaged folder cannot take its lock along.
        return self.path.parent / LOCKS / self.id

    @property
    def status(self) -> Status:
        return self.state.status

    @property
    def active(self) -> bool:
        """Whether it waits, trains or is about to stop, so that more will come."""
        return self.status in ACTIVE

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        # `Path.exists` raises where a folder may not be entered.
        return os.path.exists(self.path / "checkpoint" / "last.npz")

    @property
    def metrics(self) -> dict[str, Any] | None:
        """What `metrics.json` holds, or None while there is none (see `results.write`).

        Raises:
            RunError: the file is damaged, or lacks what every reader counts on.
        """
        try:
            return dict(files.remembered(self.path / "metrics.json", read_metrics))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunError(f"metrics.json of run {self.id} cannot be used: {error}") from None

    @property
    def name(self) -> str:
        """The title that a person gave, or else the recipe's name."""
        return self.called(self.state)

    def called(self, state: State) -> str:
        """`name`, for who has read its state already."""
        return state.title or (self.recipe.name if state.status != "broken" else self.id)

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
        except OSError:  # damaged, but no reason to show nothing of the run
            return [], offset
        end = data.rfind(b"\n") + 1
        return list(events.parse(data[:end])), offset + end

    def start_event(self) -> Event | None:
        """What was told as the training first began; reads no further than that."""
        with suppress(OSError), open(self.path / "events.jsonl", "rb") as file:
            told = itertools.chain.from_iterable(map(events.parse, file))
            return next((event for event in told if event["kind"] == "start"), None)
        return None

    def last_events(self) -> list[Event]:
        """The newest events, some dozens, however many there are."""
        try:
            with open(self.path / "events.jsonl", "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
                data = file.read()
        except OSError:
            return []
        # Its first line may be a part of one; as such it is garbled, and passed over.
        return list(events.parse(data[: data.rfind(b"\n") + 1]))

    def probabilities(self) -> dict[str, np.ndarray]:
        """Arrays `test` (10000, 10) and `validation` (M, 10), float32, rows sum to 1.

        Raises:
            RunError: the run has none yet, or the file is damaged.
        """
        try:
            arrays = files.read_arrays(self.path / "probabilities.npz", _MOST_TABLE_BYTES)
            tables = {name: arrays[name] for name in ("test", "validation")}
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
        with changes_lock(self.path.parent):
            state = self._written(anew=True)
            # What its file says may be "running": whether it is, its lock says.
            status = self._judged(state).status if only_from else state.status
            if only_from and status not in only_from:
                raise RunError(f"The run {self.id} is {status}, not {' or '.join(only_from)}.")
            state = replace(state, **changes)
            files.write_atomic(self.path / "state.json", _to_json(state))
        return state

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Makes this process the one that trains the run, while the block runs.

        Raises:
            RunError: it is not queued, or another process trains it.
        """
        try:
            # Not at once, as who looks whether the lock is held holds it for a moment.
            with files.lock(self.lock_path, _CLAIM_SECONDS):
                self.update(
                    only_from=("queued",), status="running", pid=os.getpid(), started=time.time()
                )
                yield
        except filelock.Timeout:
            raise RunError(f"Another process trains the run {self.id}.") from None

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
            self.update(only_from=("queued",), status="stopped", message=stopped_early(self))
        except RunError:
            if self.status != "running":
                raise RunError(
                    f"Only a run that trains can stop. {self.id} is {self.status}."
                ) from None
            self.update(only_from=("running", "stopping"), status="stopping")

    def delete(self) -> None:
        """Removes the folder.

        Raises:
            RunError: the run is training, or what lies there is a link and no folder.
        """
        if self.path.is_symlink():
            raise RunError(f"{self.id} is a link and no run.")
        # Renamed first, so that a reader sees the whole run or none of it, and under the
        # lock, so that no worker claims it meanwhile.
        grave = self.path.with_name(f".deleted-{secrets.token_hex(4)}")
        with changes_lock(self.path.parent):
            if self.status in ("running", "stopping"):
                raise RunError(f"The run {self.id} is training; stop it first.")
            self.path.rename(grave)
        # Renamed it is deleted; a worker that begins sweeps such folders, too.
        shutil.rmtree(grave, ignore_errors=True)
        self.lock_path.unlink(missing_ok=True)

    def _written(self, *, anew: bool = False) -> State:
        file = self._state_path
        try:
            return _read_state(file) if anew else files.remembered(file, _read_state)
        except (OSError, ValueError) as error:
            reason = f"state.json cannot be read: {error}"
            raise RunError(f"The run {self.id} is broken: {reason}") from None


def stopped_early(run: Run) -> str:
    """The message of a run that was stopped while nothing was trained since it was queued."""
    return "" if run.has_checkpoint else "Stopped before it began."


def models_dir() -> Path:
    """Where runs live: `DIGITCORE_MODELS_DIR`, or `models` beside the package."""
    folder = os.environ.get("DIGITCORE_MODELS_DIR")
    return Path(folder).expanduser() if folder else Path(__file__).parents[1] / "models"


def create(
    recipe: Recipe,
    parent: Run | None = None,
    fill: Callable[[Path], object] | None = None,
    title: str = "",
) -> Run:
    """A new queued run of this recipe, which no worker knows of yet (see `queue.submit`).

    Args:
        recipe: what it trains.
        parent: the run that it goes on from.
        fill: called with the new folder, to put there what the run begins with.
        title: as of `Run.rename`.

    Raises:
        OSError: the folder cannot be written. What `fill` raises is passed on.
    """
    folder = models_dir()
    folder.mkdir(parents=True, exist_ok=True)
    # Filled before it gets its name, so that nobody sees half a run.
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        new.chmod(0o755)
        (new / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
        if fill:
            fill(new)
        now = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        with changes_lock(folder):
            states = [state for _, state in list_states()]
            number = 1 + max((state.number for state in states), default=0)
            turn = 1 + max((state.turn for state in states), default=0)
            origin = parent.id if parent else None
            state = State("queued", now, "", title, number, turn, origin)
            (new / "state.json").write_bytes(_to_json(replace(state, data_folder=data_folder())))
            while (path := folder / f"{stamp}-{recipe.name}-{secrets.token_hex(2)}").exists():
                pass
            new.rename(path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return Run(path)


def load(run_id: str) -> Run:
    """The run with that id.

    Raises:
        RunError: there is none. An id is a folder's name, never a path.
    """
    path = models_dir() / run_id
    # A link might lead out of the models folder, and deleting it would delete there.
    if not _ID.fullmatch(run_id) or path.is_symlink() or not path.is_dir():
        known = [run.id for run in list_runs()[:1]]
        hint = f" The newest is {known[0]}." if known else ""
        raise RunError(f"There is no run of that name.{hint} Received: {run_id:.100}")
    return Run(path)


def list_runs() -> list[Run]:
    """All runs, newest first, broken ones among them."""
    return [run for run, _ in _listed()]


def list_states() -> list[tuple[Run, State]]:
    """All runs, newest first, each with its state now."""
    return [(run, run._judged(written)) for run, written in _listed()]


def list_active() -> list[tuple[Run, State]]:
    """The runs that wait, train or are about to stop, newest first, with their states now."""
    told = [(run, run.state) for run, written in _listed() if written.status in ACTIVE]
    return [(run, state) for run, state in told if state.status in ACTIVE]


def write_zip(chosen: Iterable[Run], file: IO[bytes]) -> None:
    """Writes the folders of these runs as one zip file, without their checkpoints."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for run in chosen:
            for path in sorted(run.path.iterdir()):
                # Not what a link leads to, which may be any file of this computer.
                if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                    archive.write(path, f"{run.id}/{path.name}")


def data_folder() -> str | None:
    """Where DIGITCORE_DATA_DIR points, absolute, because a worker runs in another folder."""
    folder = os.environ.get("DIGITCORE_DATA_DIR")
    return str(Path(folder).expanduser().resolve()) if folder else None


def changes_lock(folder: Path) -> filelock.BaseFileLock:
    """Held while a state of that models folder is changed."""
    return files.lock(folder / LOCKS / ".changes", _LOCK_SECONDS)


# Pages ask for all of a thousand runs again and again, and most of the time went into paths.
@functools.lru_cache(maxsize=10_000)
def _run_at(path: str) -> Run:
    return Run(Path(path))


def _listed() -> list[tuple[Run, State]]:
    """All runs, newest first, each with what its file says; broken if that cannot be read."""
    try:
        with os.scandir(models_dir()) as entries:
            found = [
                _run_at(entry.path)
                for entry in entries
                if _ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    told = []
    for run in found:
        try:
            told.append((run, run._written()))
        except RunError as error:
            told.append((run, State("broken", created=0.0, message=str(error))))
    # By number, as a clock that jumps gives wrong names; a broken one has none.
    return sorted(told, key=lambda item: (item[1].number, item[0].id), reverse=True)


def _to_json(state: State) -> bytes:
    return json.dumps(asdict(state), indent=1).encode()


def _read_state(path: Path) -> State:
    try:
        state = _STATE.validate_json(files.read(path, _MOST_TEXT_BYTES))
    except pydantic.ValidationError as error:
        faults = [
            f"{e['loc'][0]}: {e['msg']}. Received: {e['input']!r}" if e["loc"] else e["msg"]
            for e in error.errors()
        ]
        raise ValueError("; ".join(faults)) from None
    if state.status == "broken":
        raise ValueError("broken is what a reader says, not a state")
    return state


def read_metrics(path: Path) -> dict[str, Any]:
    """What a `metrics.json` holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or lacks what every reader counts on.
    """
    try:
        metrics = json.loads(files.read(path, _MOST_TEXT_BYTES))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(metrics, dict):
        raise ValueError("it must hold an object")
    for key in _NUMBERS:
        if not isinstance(metrics.get(key), int | float):
            raise ValueError(f"{key} must be a number. Received: {metrics.get(key)!r}")
    for key in ("test_interval", "validation_interval"):
        ends = metrics.get(key)
        if not isinstance(ends, list) or [isinstance(e, int | float) for e in ends] != [True] * 2:
            raise ValueError(f"{key} must be two numbers. Received: {ends!r}")
    return metrics
