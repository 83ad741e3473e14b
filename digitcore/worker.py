"""The process that trains: takes the oldest queued run and writes what came of it.

python -m digitcore.worker      trains until nothing is queued, then ends
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import numpy as np

from digitcore import evaluation, runs
from digitcore.data import Dataset, Split, load_dataset
from digitcore.runs import Event, Run

if TYPE_CHECKING:
    from digitcore.training import Checkpoint, Trained

_STOP_CHECK_SECONDS = 0.2
_DOWNLOAD_EVENT_BYTES = 200_000
# As many as there are test images: enough to see how far training and test are apart.
_TRAIN_SAMPLE = 10_000


def main() -> None:
    """Trains what is queued, one run after the other; one worker a models folder."""
    runs.models_dir().mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(runs.models_dir() / ".worker.lock", timeout=0)
    # Asked again after the lock is free: a run queued in between, whose own worker
    # found the lock taken and ended, would wait for ever.
    while runs.queued():
        try:
            with lock:
                while waiting := runs.queued():
                    work(waiting[0])
        except filelock.Timeout:
            return


def work(run: Run) -> None:
    """Trains one queued run in this process, and leaves its state true whatever happens."""
    try:
        run.claim()
    except runs.RunError:
        return
    with open(run.path / "worker.log", "ab") as log:
        # By file descriptor, because TensorFlow's C++ part writes there too.
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    try:
        stopped = _train(run)
        run.update(status="stopped" if stopped else "finished", message="")
    except _StoppedError:
        run.update(status="stopped", message="Stopped before it began.")
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        # Somebody may have removed the folder; the other runs in the queue go on.
        with suppress(runs.RunError, OSError):
            run.update(status="failed", message=_sentence(error))


def _train(run: Run) -> bool:
    with open(run.path / "events.jsonl", "ab", buffering=0) as file:
        reporter = _Reporter(run, file.write)
        reporter.tell({"kind": "stage", "stage": "TensorFlow"})
        # Imported here, so that a worker that finds nothing to do ends at once.
        import keras
        import tensorflow as tf

        from digitcore import training

        tf.config.experimental.enable_op_determinism()
        # The files name the layers, which Keras numbers on from one network to the next.
        keras.utils.clear_session()
        reporter.tell({"kind": "stage", "stage": "data"})
        recipe = run.recipe
        dataset = load_dataset(
            recipe.dataset,
            validation_share=recipe.validation_share,
            training_images=recipe.training_images,
            progress=reporter.download,
        )
        checkpoint = read_checkpoint(run)
        reporter.tell({"kind": "stage", "stage": "training"})
        trained = training.train(
            recipe,
            dataset,
            reporter.report,
            save=lambda checkpoint: write_checkpoint(run, checkpoint),
            resume_from=checkpoint,
        )
        reporter.tell({"kind": "stage", "stage": "testing"})
        write_results(run, trained, dataset)
    return trained.stopped


def write_results(run: Run, trained: Trained, dataset: Dataset) -> None:
    """Writes the network, its answers on test and validation, and `metrics.json`."""
    from digitcore.predictor import Predictor

    _replace(run.path / "model.keras", trained.model.save)
    _replace(
        run.path / "model.tflite",
        lambda path: trained.model.export(path, format="litert", verbose=False),
    )
    predictor = Predictor(run)
    splits = {
        "test": dataset.test,
        "validation": dataset.validation,
        "train": Split(dataset.train.images[:_TRAIN_SAMPLE], dataset.train.labels[:_TRAIN_SAMPLE]),
    }
    tables = {name: predictor.probabilities(split.images) for name, split in splits.items()}
    test, validation = tables["test"], tables["validation"]
    _replace(
        run.path / "probabilities.npz",
        lambda path: np.savez_compressed(path, test=test, validation=validation),
    )
    labels = {name: split.labels for name, split in splits.items()}
    metrics = {**evaluation.scores(tables, labels), **circumstances(run, trained, dataset)}
    runs.write_atomic(run.path / "metrics.json", json.dumps(metrics, indent=1).encode())


def circumstances(run: Run, trained: Trained, dataset: Dataset) -> dict[str, Any]:
    """How the run went, on what data and machine."""
    return {
        "best_epoch": trained.best_epoch,
        "epochs": trained.epochs,
        "parameters": run.recipe.parameters,
        "fit_seconds": trained.fit_seconds,
        "images_per_second": trained.images_per_second,
        "seed": run.recipe.seed,
        "data_checksum": dataset.checksum,
        "data_source": dataset.source,
        "data_notice": dataset.notice,
        "machine": _machine(),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
        },
    }


def write_checkpoint(run: Run, checkpoint: Checkpoint) -> None:
    """Replaces `checkpoint/last.npz`."""
    values = asdict(checkpoint)
    arrays = {
        f"{key}/{index}": array
        for key in ("variables", "optimizer", "best_weights")
        for index, array in enumerate(values.pop(key))
    }
    (run.path / "checkpoint").mkdir(exist_ok=True)
    _replace(
        run.path / "checkpoint" / "last.npz",
        lambda path: np.savez(path, meta=json.dumps(values), **arrays),
    )


def read_checkpoint(run: Run) -> Checkpoint | None:
    """What the run can go on from, or None when it must begin anew.

    Raises:
        RunError: the file is damaged.
    """
    from digitcore.training import Checkpoint

    try:
        with (
            open(run.path / "checkpoint" / "last.npz", "rb") as opened,
            np.load(opened, allow_pickle=False) as file,
        ):
            checkpoint = Checkpoint(**json.loads(str(file["meta"])))
            for key in ("variables", "optimizer", "best_weights"):
                count = sum(name.startswith(f"{key}/") for name in file.files)
                setattr(checkpoint, key, [file[f"{key}/{i}"] for i in range(count)])
    except FileNotFoundError:
        return None
    except Exception as error:
        raise runs.RunError(f"The checkpoint of run {run.id} cannot be read: {error}") from None
    return checkpoint


class _StoppedError(Exception):
    """Somebody asked to stop while nothing was trained yet."""


class _Reporter:
    """Writes events as lines, and passes on the wish to stop."""

    def __init__(self, run: Run, write: Callable[[bytes], Any]) -> None:
        self._run, self._write = run, write
        self._checked = self._bytes = 0.0

    def tell(self, event: Event) -> None:
        line = json.dumps({"time": time.time(), **event}, separators=(",", ":"))
        self._write(line.encode() + b"\n")

    def report(self, event: Event) -> bool:
        self.tell(event)
        now = time.monotonic()
        if now - self._checked < _STOP_CHECK_SECONDS:
            return False
        self._checked = now
        return self._run.status == "stopping"

    def download(self, done: int, total: int) -> None:
        if done - self._bytes >= _DOWNLOAD_EVENT_BYTES or done in (0, total):
            self._bytes = done
            self.tell({"kind": "download", "done": done, "total": total})
            if self._run.status == "stopping":
                raise _StoppedError


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    # The ending is kept, because Keras and NumPy look at it.
    temporary = path.with_name(f".tmp-{path.name}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _machine() -> str:
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores, {platform.system()}"


def _sentence(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__


if __name__ == "__main__":
    main()
