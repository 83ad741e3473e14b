"""The process that trains: takes the oldest queued run and writes what came of it.

python -m digitcore.jobs.worker              trains until nothing is queued, then ends
python -m digitcore.jobs.worker --idle 900   stays for up to so many seconds when nothing is
                                        queued, TensorFlow loaded, until its stdin is closed
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import sys
import threading
import time
import traceback
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import filelock
import psutil

from digitcore import datasets, files, runs
from digitcore.jobs import queue, train, warm_up
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.runs import Run

_POLL_SECONDS = 0.05
_LOOK_ANYWAY_SECONDS = 2.0
# A fresh process is better than one that has grown so large.
_MAX_BYTES = 4_000_000_000
_RESERVE_BYTES = 65_536
# Nobody is still making a run after a day.
_MAKING_SECONDS = 86_400


def main() -> None:
    """Trains what is queued, one run after the other, if it finds a free place."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m digitcore.jobs.worker")
    parser.add_argument("--idle", type=float, default=0, help="seconds to stay without work")
    idle = parser.parse_args().idle
    runs.models_dir().mkdir(parents=True, exist_ok=True)
    _sweep_folder(runs.models_dir())
    fit = True
    # Asked again after the place is free: a run queued in between, by somebody who still
    # saw it taken, would wait for ever.
    while fit and (idle or queue.queued()):
        place = _take_place()
        if place is None:
            return
        with place:
            fit = _serve(_Idle(idle))
        idle = 0
    if queue.queued():
        queue.start_worker()


def _take_place() -> AbstractContextManager[Any] | None:
    # Two rounds, because who only looks whether a place is held holds it for a moment.
    for path, seconds in [(p, s) for s in (0.0, 0.2) for p in queue.place_paths()]:
        with suppress(filelock.Timeout):
            # Not the lock itself: `with` would take it a second time, and let go only once.
            return files.lock(path, seconds).acquire()
    return None


def _serve(idle: _Idle) -> bool:
    """Trains until nothing is queued for long; False if this process should go on no more."""
    while True:
        if waiting := queue.queued():
            # One, and then the queue anew: it may be another one after a training.
            fit = next((fit for fit in map(work, waiting) if fit is not None), None)
            if fit is False:
                return False
            if fit is None and queue.queued():
                time.sleep(_LOOK_ANYWAY_SECONDS)  # none can begin, as on a full disk
            idle.begin()
        elif not idle.wait():
            return True


class _Idle:
    """The time without work: loads what a training needs, and waits for a run to be queued."""

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
        if not self._warm and not _something_trains():
            warm_up.warm_up()
            self._warm = True
        while not self._alone.is_set() and time.monotonic() - self._since < self._seconds:
            woken = self._woken()
            if woken != self._seen or time.monotonic() - looked > _LOOK_ANYWAY_SECONDS:
                self._seen = woken
                return True
            time.sleep(_POLL_SECONDS)
        return False

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


def work(run: Run) -> bool | None:
    """Trains one queued run in this process, and leaves its state true whatever happens.

    Returns:
        Whether this process is fit to train another one: it has not failed, nor grown large.
        None if the run could not be begun.
    """
    try:
        with run.claim():
            return _work(run) and psutil.Process().memory_info().rss < _MAX_BYTES
    except (runs.RunError, OSError):
        # Another worker has it, somebody removed the folder, or nothing can be written there.
        return None


def _work(run: Run) -> bool:
    before = [os.dup(stream.fileno()) for stream in (sys.stdout, sys.stderr)]
    reserve = run.path / ".reserve"
    try:
        _sweep(run)
        # A full disk must leave room to say so.
        reserve.write_bytes(bytes(_RESERVE_BYTES))
        with open(run.path / "worker.log", "ab") as log:
            # By file descriptor, because TensorFlow's C++ part writes there too.
            _point_output_at(log.fileno(), log.fileno())
        _carry_out(run)
        run.update(status="finished", message="")
    except StoppedError:
        run.update(status="stopped", message=runs.stopped_early(run))
    except Exception as error:
        with suppress(OSError):
            reserve.unlink(missing_ok=True)
        with suppress(OSError):  # the log may be on the full disk, too
            traceback.print_exc()
            sys.stderr.flush()
        # Where that cannot be written, readers see that nobody trains it any more.
        with suppress(OSError, runs.RunError):
            run.update(status="failed", message=_sentence(error))
        return False
    finally:
        with suppress(OSError):
            reserve.unlink(missing_ok=True)
        _point_output_at(*before)
        for descriptor in before:
            os.close(descriptor)
    return True


def _sweep_folder(folder: Path) -> None:
    """Removes what processes left that were killed while they deleted or made a run."""
    for grave in folder.glob(".deleted-*"):
        shutil.rmtree(grave, ignore_errors=True)
    for new in folder.glob(".new-*"):
        with suppress(OSError):
            if time.time() - new.stat().st_mtime > _MAKING_SECONDS:
                shutil.rmtree(new, ignore_errors=True)


def _sweep(run: Run) -> None:
    """Removes what a killed process was about to put in a file's place."""
    # Under the lock, because others replace the state meanwhile.
    with runs.changes_lock(run.path.parent):
        for path in run.path.rglob(".tmp-*"):
            path.unlink()


def _point_output_at(out: int, err: int) -> None:
    for stream, descriptor in ((sys.stdout, out), (sys.stderr, err)):
        with suppress(OSError):
            stream.flush()
        os.dup2(descriptor, stream.fileno())


def _carry_out(run: Run) -> None:
    # The data that whoever asked for the run would see.
    os.environ.pop(datasets.VARIABLE, None)
    if folder := run.state.data_folder:
        os.environ[datasets.VARIABLE] = folder
    with open(run.path / "events.jsonl", "ab", buffering=0) as file:
        if file.tell():
            file.write(b"\n")  # the last line may be a part of one
        train.carry_out(run, Reporter(run, file.write))


def _sentence(error: Exception) -> str:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    # TensorFlow and HDF5 have errors of their own.
    if full or os.strerror(errno.ENOSPC) in str(error):
        return "The disk is full. Make room, then Resume goes on from the last checkpoint."
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return (
            "There was too little memory. End other programs and resume, "
            "or start a training with a smaller network or batch."
        )
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__


if __name__ == "__main__":
    main()
