"""How a job reports: events as lines of a file, and whether somebody asked it to stop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from digitcore.runs.events import Event

STOP_CHECK_SECONDS = 0.2
_PROGRESS_SECONDS = 0.2
_DOWNLOAD_EVENT_BYTES = 200_000


class StoppedError(Exception):
    """Somebody asked the job to stop."""


class _HasStatus(Protocol):
    @property
    def status(self) -> str | None: ...


class Reporter:
    """Writes events as lines, and passes on the request to stop.

    Args:
        job: what is carried out; its status says whether to stop.
        write: called with each line, its end included.
    """

    def __init__(self, job: _HasStatus, write: Callable[[bytes], Any]) -> None:
        self.job, self._write = job, write
        self._checked = self._bytes = self._told = 0.0
        self._stopping = False

    def tell(self, event: Event) -> None:
        """Appends an event, with the time."""
        line = json.dumps({"time": time.time(), **event}, separators=(",", ":"))
        self._write(line.encode() + b"\n")

    def stage(self, stage: str) -> None:
        """Says what the job does from now on."""
        self.tell({"kind": "stage", "stage": stage})

    def progress(self, done: int, total: int) -> None:
        """Tells how much of a short job is done, a few times a second, and the end."""
        now = time.monotonic()
        if done == total or now - self._told >= _PROGRESS_SECONDS:
            self._told = now
            self.tell({"kind": "progress", "done": done, "total": total})

    def stops(self) -> bool:
        """Whether somebody asked to stop; looks a few times a second, until that is so."""
        now = time.monotonic()
        if not self._stopping and now - self._checked >= STOP_CHECK_SECONDS:
            self._checked = now
            self._stopping = self.job.status == "stopping"
        return self._stopping

    def download(self, done: int, total: int) -> None:
        """Tells of a download, in few events.

        Raises:
            StoppedError: somebody asked to stop.
        """
        # Fewer bytes than before are those of the next server.
        if not 0 <= done - self._bytes < _DOWNLOAD_EVENT_BYTES or done in (0, total):
            self._bytes = done
            self.tell({"kind": "download", "done": done, "total": total})
            if self.job.status == "stopping":
                raise StoppedError
