"""What a run and a short job have in common: a state, and a lock that says whether it is true.

A reader may come at any moment and a writer may die at any moment. The process that carries
one out holds its lock, which ends with that process, however it ends. So one whose `state.json`
says `running` while nobody holds its lock has failed, whoever looks. Changes of states are
made under one lock per models folder, because both pages and workers make them.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock

from digitcore import files
from digitcore.runs import events
from digitcore.runs.errors import RunBrokenError, RunError, RunNotFoundError, RunStateError
from digitcore.runs.events import Event
from digitcore.runs.state import ACTIVE, State, Status, read_state, to_json

LOCKS = ".locks"
_LOCK_SECONDS = 10
_CLAIM_SECONDS = 2


class Claimable:
    """A folder with `state.json`, `events.jsonl` and `worker.log`, which one process claims at a time.

    Attributes:
        path: the folder.
        run_path: the run's folder, which it is or lies in.
    """

    # Why it has failed if its process is gone, and the way out.
    _LOST: str

    def __init__(self, path: Path, run_path: Path, name: str, lock_name: str) -> None:
        self.path, self.run_path = path, run_path
        self._name, self._lock_name = name, lock_name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Claimable) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def lock_path(self) -> Path:
        """The lock that is held by the process that carries it out, and by no other."""
        # Apart from the run, so that a damaged folder cannot take its lock along.
        return self.run_path.parent / LOCKS / self._lock_name

    @functools.cached_property
    def _state_path(self) -> Path:
        return self.path / "state.json"

    @functools.cached_property
    def _events_path(self) -> Path:
        return self.path / "events.jsonl"

    def judged(self, written: State | None = None) -> State:
        """The state now, given what its file says if that was read already.

        Failed if its process is gone, broken (with the reason) if it cannot be read.
        """
        try:
            self._check()
            state = written or self.written()
            if state.status not in ("running", "stopping") or files.held(self.lock_path):
                return state
            # It may just have ended: it writes its last state before it lets the lock go.
            state = self.written()
        except RunNotFoundError as error:
            return State("deleted", created=0.0, message=str(error))
        except RunError as error:
            return State("broken", created=0.0, message=str(error))
        if state.status in ("running", "stopping"):
            return replace(state, status="failed", message=self._LOST)
        return state

    @property
    def state(self) -> State | None:
        """The state now, as `judged` finds it."""
        return self.judged()

    @property
    def status(self) -> Status | None:
        state = self.state
        return state.status if state else None

    @property
    def active(self) -> bool:
        """Whether it waits, runs or is about to stop, so that more will come."""
        return self.status in ACTIVE

    def events(self, offset: int = 0) -> tuple[list[Event], int]:
        """Events from byte `offset` on, and the offset to go on from.

        A half-written last line is left for the next call; a garbled line is passed over.
        """
        return events.read_from(self._events_path, offset)

    def written(self, *, anew: bool = False) -> State:
        """What `state.json` says, true or not; read again if asked `anew`.

        Raises:
            RunError: it is broken, or its run was deleted.
        """
        file = self._state_path
        try:
            return read_state(file) if anew else files.remembered(file, read_state)
        except (OSError, ValueError) as error:
            raise self._broken(f"state.json cannot be read: {error}") from None

    def update(self, *, only_from: tuple[Status, ...] | None = None, **changes: Any) -> State:
        """Replaces values of `state.json`, atomically, and returns the new state.

        Raises:
            RunError: its status is not one of `only_from`, it is broken, or its run was deleted.
            OSError: it cannot be written.
        """
        with changes_lock(self.run_path.parent):
            state = self.written(anew=True)
            # What its file says may be "running": whether it is, its lock says.
            status = self.judged(state).status if only_from else state.status
            if only_from and status not in only_from:
                raise RunStateError(f"The {self._name} is {status}, not {' or '.join(only_from)}.")
            state = replace(state, **changes)
            files.write_atomic(self._state_path, to_json(state))
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
            raise RunStateError(f"Another process carries out the {self._name}.") from None

    def _check(self) -> None:
        """Raises RunError if it is broken, whatever its state says."""

    def _broken(self, reason: str) -> RunError:
        """It is broken for that reason; or, where the run's folder is gone, that was deleted."""
        if not os.path.isdir(self.run_path):
            return RunNotFoundError(f"The run {self.run_path.name} was deleted.")
        return RunBrokenError(f"The {self._name} is broken: {reason}")


def changes_lock(folder: Path) -> filelock.BaseFileLock:
    """The lock for changing any state in that models folder."""
    return files.lock(folder / LOCKS / ".changes", _LOCK_SECONDS)
