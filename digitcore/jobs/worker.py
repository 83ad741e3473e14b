"""The process that carries out jobs: takes the oldest one that is queued, until none is.

python -m digitcore.jobs.worker              trains until nothing is queued, then ends
python -m digitcore.jobs.worker --idle 900   stays for up to so many seconds when nothing is
                                        queued, TensorFlow loaded, until its stdin is closed
python -m digitcore.jobs.worker --short      carries out short jobs, and ends when none is queued
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import threading
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import filelock

from digitcore import files, runs
from digitcore.jobs import queue, warm_up
from digitcore.jobs.carry_out import carry_out
from digitcore.runs import LOCKS

_POLL_SECONDS = 0.05
_LOOK_ANYWAY_SECONDS = 2.0
# A worker is started while somebody's first page is drawn, which loading TensorFlow would slow.
_BEFORE_WARM_UP_SECONDS = 3.0
# Nobody is still making a run after a day.
_MAKING_SECONDS = 86_400


def main() -> None:
    """Carries out what is queued, one job after the other, if there is a free slot."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m digitcore.jobs.worker")
    parser.add_argument("--idle", type=float, default=0, help="seconds to stay without work")
    parser.add_argument("--short", action="store_true", help="short jobs instead of trainings")
    options = parser.parse_args()
    idle, short = options.idle, options.short
    runs.models_dir().mkdir(parents=True, exist_ok=True)
    _sweep_folder(runs.models_dir())
    fit = True
    # Asked again after the slot is free: a job queued in between, by somebody who still saw it
    # taken, would wait for ever.
    while fit and (idle or queue.waiting(short)):
        slot = _take_slot(short)
        if slot is None:
            return
        with slot:
            fit = _serve(_Idle(idle), short)
        idle = 0
    if queue.waiting(short):
        queue.start_worker(short)


def _take_slot(short: bool) -> AbstractContextManager[Any] | None:
    # Two rounds, because who only looks whether a slot is held holds it for a moment.
    for path, seconds in [(p, s) for s in (0.0, 0.2) for p in queue.slot_paths(short)]:
        with suppress(filelock.Timeout):
            # Not the lock itself: `with` would take it a second time, and let go only once.
            return files.lock(path, seconds).acquire()
    return None


def _serve(idle: _Idle, short: bool) -> bool:
    """Works until nothing is queued for long; False if this process should go on no more."""
    while True:
        if waiting := queue.waiting(short):
            # One, and then the queue anew: it may be another one after a training.
            fit = next((fit for fit in map(carry_out, waiting) if fit is not None), None)
            if fit is False:
                return False
            if fit is None and queue.waiting(short):
                time.sleep(_LOOK_ANYWAY_SECONDS)  # none can begin, as on a full disk
            idle.begin()
        elif not idle.wait():
            return True


class _Idle:
    """The time without work: loads what a training needs, and waits until one is queued."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._alone = seconds, threading.Event()
        self._warm = False
        self._seen = self._woken()
        self.begin()
        if seconds:
            threading.Thread(target=self._watch, daemon=True).start()

    def begin(self) -> None:
        self._since = time.monotonic()

    def wait(self) -> bool:
        """Until a run may be queued; False when it has been long, or nobody is there any more."""
        if not self._seconds:
            return False
        looked = time.monotonic()
        warm_up_at = max(looked, self._since + _BEFORE_WARM_UP_SECONDS)
        while not self._alone.is_set() and (now := time.monotonic()) - self._since < self._seconds:
            if not self._warm and now >= warm_up_at:
                warm_up_at = math.inf
                self._warm_up()
            woken = self._woken()
            if woken != self._seen or time.monotonic() - looked > _LOOK_ANYWAY_SECONDS:
                self._seen = woken
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _warm_up(self) -> None:
        if not _something_trains():
            warm_up.warm_up()
            self._warm = True

    def _watch(self) -> None:
        # The other end is held by the server, and closed by the system when that dies.
        # Unbuffered, as Python aborts where a thread holds stdin's buffer when it ends.
        while os.read(sys.stdin.fileno(), 1024):
            pass
        self._alone.set()

    @staticmethod
    def _woken() -> int:
        try:
            return queue.wake_path().stat().st_mtime_ns
        except OSError:
            return 0


def _something_trains() -> bool:
    return any(state.status != "queued" for _, state in runs.list_active())


def _sweep_folder(folder: Path) -> None:
    """Removes what is left of deleted runs, and of processes killed while they made one."""
    for grave in folder.glob(".deleted-*"):
        shutil.rmtree(grave, ignore_errors=True)
    for lock in (folder / LOCKS).glob(".*@*"):  # of short jobs
        if not (folder / lock.name.split("@", 1)[1]).exists():
            lock.unlink(missing_ok=True)
    for new in folder.glob(".new-*"):
        with suppress(OSError):
            if time.time() - new.stat().st_mtime > _MAKING_SECONDS:
                shutil.rmtree(new, ignore_errors=True)


if __name__ == "__main__":
    main()
