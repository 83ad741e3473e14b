"""A short job: a request about an existing run, in a folder within the run's.

`models/<run>/jobs/<kind>/` has `state.json`, `events.jsonl` and `worker.log`, as a run's folder
has; the result is `models/<run>/<kind>.json`. The run's own state does not change. As with runs,
the process that carries out a job holds its lock, and changes of its state are made under the lock
of the models folder.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock

from digitcore import files, runs
from digitcore.jobs.kinds import SHORT
from digitcore.runs import ACTIVE, Run, RunError, State, Status, events
from digitcore.runs.events import Event
from digitcore.runs.state import read_state, to_json

FOLDER = "jobs"
_LOST = (
    "Its process was killed, ran out of memory, or the computer was switched off. Start it again."
)
_CLAIM_SECONDS = 2


class Job:
    """A request of one kind about one run. Cheap to make; each value is read when asked for."""

    def __init__(self, run: Run, kind: str) -> None:
        if kind not in SHORT:
            raise ValueError(f"A short job is one of {', '.join(SHORT)}. Received: {kind:.50}")
        self.run, self.kind = run, kind
        self.path = run.path / FOLDER / kind
        # A run's id has no "@" and begins with no dot, so that no run has this lock.
        self.lock_path = run.path.parent / runs.LOCKS / f".{kind}@{run.id}"

    def __repr__(self) -> str:
        return f"Job({self.run.id!r}, {self.kind!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def exists(self) -> bool:
        """Whether it was ever asked for."""
        return os.path.exists(self.path / "state.json")

    @property
    def state(self) -> State | None:
        """The state now; failed if its process is gone, broken if unreadable, None if never asked.

        A request whose file is damaged can be made again.
        """
        return self._judged()

    def _judged(self, *, anew: bool = False) -> State | None:
        try:
            state = self._written(anew=anew)
            if state.status not in ("running", "stopping") or files.held(self.lock_path):
                return state
            # It may just have ended: it writes its last state before it lets the lock go.
            state = self._written(anew=True)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            return State("broken", created=0.0, message=f"state.json cannot be read: {error}")
        if state.status in ("running", "stopping"):
            return replace(state, status="failed", message=_LOST)
        return state

    @property
    def status(self) -> Status | None:
        state = self.state
        return state.status if state else None

    @property
    def active(self) -> bool:
        """Whether it waits, runs or is about to stop."""
        return self.status in ACTIVE

    @property
    def result_path(self) -> Path:
        """The file that its result is written to, in the run's folder."""
        return self.run.path / f"{self.kind}.json"

    def events(self, offset: int = 0) -> tuple[list[Event], int]:
        """Events from byte `offset` on, and the offset to go on from, as `Run.events`."""
        return events.read_from(self.path / "events.jsonl", offset)

    def queue(self, turn: int) -> bool:
        """Queues it unless it is active; whether it was queued.

        Raises:
            RunError: the run was deleted.
            OSError: its folder cannot be written.
        """
        with runs.changes_lock(self.run.path.parent):
            if self.active:
                return False
            try:
                # Not `parents=True`, which would bring a deleted run's folder back.
                self.path.parent.mkdir(exist_ok=True)
                self.path.mkdir(exist_ok=True)
            except FileNotFoundError:
                raise RunError(f"The run {self.run.id} was deleted.") from None
            for name in ("events.jsonl", "worker.log"):
                (self.path / name).unlink(missing_ok=True)
            self._write(State("queued", time.time(), turn=turn, data_folder=runs.data_folder()))
        return True

    def update(self, *, only_from: tuple[Status, ...] | None = None, **changes: Any) -> State:
        """Replaces values of `state.json`, atomically, and returns the new state.

        Raises:
            RunError: its status is not one of `only_from`, or there is no readable state.
            OSError: it cannot be written, or the run was deleted.
        """
        with runs.changes_lock(self.run.path.parent):
            state = self._judged(anew=True) if only_from else self._written(anew=True)
            if state is None or (only_from and state.status not in only_from):
                status = state.status if state else "unknown"
                raise RunError(f"This job is {status}, not {' or '.join(only_from or ())}.")
            state = replace(state, **changes)
            self._write(state)
        return state

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Makes this process the one that carries it out, while the block runs.

        Raises:
            RunError: it is not queued, or another process carries it out.
        """
        try:
            # Waits a moment, because a look at the lock holds it for an instant.
            with files.lock(self.lock_path, _CLAIM_SECONDS):
                self.update(
                    only_from=("queued",), status="running", pid=os.getpid(), started=time.time()
                )
                yield
        except filelock.Timeout:
            raise RunError(f"Another process carries out {self!r}.") from None

    def stop(self) -> None:
        """Asks the worker to stop; a queued job is stopped at once, and an ended one stays so."""
        with suppress(RunError):
            self.update(only_from=("queued",), status="stopped")
        with suppress(RunError):
            self.update(only_from=("running",), status="stopping")

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Replaces the result.

        Raises:
            OSError: it cannot be written, or the run was deleted.
        """
        # Under the lock, because a training of this run sweeps what killed writers left.
        with runs.changes_lock(self.run.path.parent):
            files.write_atomic(self.result_path, json.dumps(result, indent=1).encode())

    def _written(self, *, anew: bool) -> State:
        path = self.path / "state.json"
        return read_state(path) if anew else files.remembered(path, read_state)

    def _write(self, state: State) -> None:
        files.write_atomic(self.path / "state.json", to_json(state))


def list_jobs() -> list[Job]:
    """All short jobs that were ever asked for, in no particular order."""
    found = (Job(run, kind) for run in runs.list_runs() for kind in SHORT)
    return [job for job in found if job.exists]
