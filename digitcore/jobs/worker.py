"""The process that trains: takes the oldest queued run and writes what came of it.

python -m digitcore.jobs.worker              trains until nothing is queued, then ends
python -m digitcore.jobs.worker --idle 900   stays for up to so many seconds when nothing is
                                        queued, TensorFlow loaded, until its stdin is closed
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import psutil

from digitcore import datasets, files, runs
from digitcore.datasets import Dataset, Split, load_dataset
from digitcore.drawing.samples import Hand
from digitcore.jobs import checkpoints, queue
from digitcore.jobs.fine_tuning import MAX_VARIATIONS, VARIATIONS, blended
from digitcore.recipes import Recipe
from digitcore.runs import Run
from digitcore.runs.events import Event

_STOP_CHECK_SECONDS = 0.2
_POLL_SECONDS = 0.05
_LOOK_ANYWAY_SECONDS = 2.0
_DOWNLOAD_EVENT_BYTES = 200_000
# A fresh process is better than one that has grown so large.
_MAX_BYTES = 4_000_000_000
# Keras has adapters and pictures for these, which are nothing to it when they are missing.
_NOT_FOR_TRAINING = ("matplotlib", "pandas", "sklearn")
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
            _load()
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


def _load() -> None:
    """Loads TensorFlow and the digits, and takes one step, as the first is slow in a process."""
    _import_tensorflow()
    import tensorflow as tf

    from digitcore import training

    tf.config.experimental.enable_op_determinism()
    with suppress(datasets.DataError):
        dataset = load_dataset(download=False)
        training.train(
            Recipe.load(Recipe.names()[0]), dataset, lambda event: None, stop=lambda: True
        )
    sys.stdout.write(f"Ready: process {os.getpid()}, TensorFlow {tf.__version__}\n")
    sys.stdout.flush()


def _import_tensorflow() -> None:
    """Imports it without what Keras takes along if it is there, a third of the seconds."""
    # Else one process takes all of a GPU's memory, and there may be several workers.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    absent = [name for name in _NOT_FOR_TRAINING if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's "not installed"
    try:
        import tensorflow  # noqa: F401
    finally:
        for name in absent:
            del sys.modules[name]


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
        stopped = _train(run)
        run.update(status="stopped" if stopped else "finished", message="")
    except _StoppedError:
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


def _train(run: Run) -> bool:
    # The digits that whoever asked for the run would see.
    os.environ.pop(datasets.VARIABLE, None)
    if folder := run.state.data_folder:
        os.environ[datasets.VARIABLE] = folder
    with open(run.path / "events.jsonl", "ab", buffering=0) as file:
        if file.tell():
            file.write(b"\n")  # the last line may be a part of one
        reporter = _Reporter(run, file.write)
        reporter.tell({"kind": "stage", "stage": "TensorFlow"})
        # Imported here, so that a worker that finds nothing to do ends at once.
        _import_tensorflow()
        import keras
        import tensorflow as tf

        from digitcore import training
        from digitcore.jobs import results, teacher

        tf.config.experimental.enable_op_determinism()
        # The files name the layers, which Keras numbers on from one network to the next.
        keras.utils.clear_session()
        reporter.tell({"kind": "stage", "stage": "data"})
        recipe = run.recipe
        dataset = load_dataset(
            recipe.dataset,
            validation_split=recipe.validation_split,
            training_images=recipe.training_images,
            progress=reporter.download,
        )
        checkpoint = checkpoints.read(run)
        weights, taught = _beginning(run, dataset)
        reporter.tell({"kind": "stage", "stage": "training"})
        try:
            trained = training.train(
                recipe,
                dataset,
                reporter.tell,
                stop=reporter.stops,
                save=lambda checkpoint: checkpoints.write(run, checkpoint),
                resume_from=checkpoint,
                weights=weights,
                taught=taught,
                teacher=teacher.load() if recipe.distillation else None,
            )
        except training.StoppedError:
            raise _StoppedError from None
        if weights:
            trained.model.set_weights(blended(weights, trained.model.get_weights()))
        reporter.tell({"kind": "stage", "stage": "testing"})
        results.write(run, trained, dataset)
    return trained.stopped


def _beginning(run: Run, dataset: Dataset) -> tuple[list[np.ndarray] | None, Split | None]:
    """Weights that the run begins with, and what it learns beside the dataset, if anything.

    Raises:
        RunError: the dataset is not the one that its parent learned, or a file is damaged.
        HandError: the drawings cannot be read.
    """
    if not (run.path / runs.HAND).exists():
        return None, None
    from digitcore.jobs import networks

    if runs.read_metrics(run.path / runs.START_METRICS)["data_checksum"] != dataset.checksum:
        raise runs.RunError(
            "A run learns a hand beside the digits that it has learned before, which are not on "
            f"this machine. Received: {dataset.source}"
        )
    taught = Hand.load(run.path / runs.HAND).taught
    images = taught.variations(min(VARIATIONS * len(taught), MAX_VARIATIONS), run.recipe.seed)
    return networks.load(run, runs.START_NETWORK).get_weights(), Split(*images)


class _StoppedError(Exception):
    """Somebody asked to stop while nothing was trained yet."""


class _Reporter:
    """Writes events as lines, and passes on the wish to stop."""

    def __init__(self, run: Run, write: Callable[[bytes], Any]) -> None:
        self._run, self._write = run, write
        self._checked = self._bytes = 0.0
        self._stopping = False

    def tell(self, event: Event) -> None:
        line = json.dumps({"time": time.time(), **event}, separators=(",", ":"))
        self._write(line.encode() + b"\n")

    def stops(self) -> bool:
        """Whether somebody asked to stop; looks a few times a second, until that is so."""
        now = time.monotonic()
        if not self._stopping and now - self._checked >= _STOP_CHECK_SECONDS:
            self._checked = now
            self._stopping = self._run.status == "stopping"
        return self._stopping

    def download(self, done: int, total: int) -> None:
        # Fewer than before are those of the next server.
        if not 0 <= done - self._bytes < _DOWNLOAD_EVENT_BYTES or done in (0, total):
            self._bytes = done
            self.tell({"kind": "download", "done": done, "total": total})
            if self._run.status == "stopping":
                raise _StoppedError


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
