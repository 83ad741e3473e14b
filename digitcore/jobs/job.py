"""A short job: a request about an existing run, in a folder within the run's.

`models/<run>/jobs/<kind>/` has `state.json`, `events.jsonl` and `worker.log`, as a run's folder
has; the result is `models/<run>/<kind>.json`. The run's own state does not change.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from digitcore import files, runs
from digitcore.jobs.kinds import SHORT
from digitcore.runs import Claimable, Run, RunError, RunNotFoundError, State
from digitcore.runs.state import to_json

FOLDER = "jobs"


class Job(Claimable):
    """A request of one kind about one run. Cheap to make; each value is read when asked for."""

    _LOST = (
        "Its process was killed, ran out of memory, or the computer was switched off. "
        "Start it again."
    )

    def __init__(self, run: Run, kind: str) -> None:
        if kind not in SHORT:
            raise ValueError(f"A short job is one of {', '.join(SHORT)}. Received: {kind:.50}")
        self.run, self.kind = run, kind
        # A run's id has no "@" and begins with no dot, so that no run has this lock.
        lock_name = f".{kind}@{run.id}"
        super().__init__(
            run.path / FOLDER / kind, run.path, f"job {kind} of run {run.id}", lock_name
        )

    def __repr__(self) -> str:
        return f"Job({self.run.id!r}, {self.kind!r})"

    @property
    def exists(self) -> bool:
        """Whether it was ever asked for."""
        return os.path.exists(self._state_path)

    @property
    def state(self) -> State | None:
        """The state now, as `judged` finds it; None if it was never asked for.

        A request whose file is damaged can be made again.
        """
        return self.judged() if self.exists or not self.run_path.exists() else None

    @property
    def result_path(self) -> Path:
        """The file that its result is written to, in the run's folder."""
        return self.run_path / f"{self.kind}.json"

    def queue(self, turn: int) -> bool:
        """Queues it unless it is active; whether it was queued.

        Raises:
            RunNotFoundError: the run was deleted.
            OSError: its folder cannot be written.
        """
        with runs.changes_lock(self.run_path.parent):
            if self.active:
                return False
            try:
                # Not `parents=True`, which would bring a deleted run's folder back.
                self.path.parent.mkdir(exist_ok=True)
                self.path.mkdir(exist_ok=True)
            except FileNotFoundError:
                raise RunNotFoundError(f"The run {self.run.id} was deleted.") from None
            for name in ("events.jsonl", "worker.log"):
                (self.path / name).unlink(missing_ok=True)
            state = State("queued", time.time(), turn=turn, data_folder=runs.data_folder())
            files.write_atomic(self._state_path, to_json(state))
        return True

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
        with runs.changes_lock(self.run_path.parent):
            files.write_atomic(self.result_path, json.dumps(result, indent=1).encode())


def list_jobs() -> list[Job]:
    """All short jobs that were ever asked for, in no particular order."""
    found = (Job(run, kind) for run in runs.list_runs() for kind in SHORT)
    return [job for job in found if job.exists]
