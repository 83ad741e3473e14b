"""What a run leaves when it ends: the network, its answers, its figures, and on what they hold."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from digitcore import files, runs
from digitcore.analysis import classification
from digitcore.datasets import Dataset, Split
from digitcore.drawing.samples import Hand
from digitcore.jobs import environment
from digitcore.runs import Run, events
from digitcore.runs.predictor import Predictor

if TYPE_CHECKING:
    from digitcore.training.loop import Trained

# As many as there are test images: enough to see how far training and test are apart.
_TRAIN_SAMPLE = 10_000
_TIMED = 50


def write(run: Run, trained: Trained, dataset: Dataset) -> None:
    """Writes the network, its answers on test and validation, and `metrics.json`.

    What pages ask for is put in its place at the end and at once, so that nobody finds a
    half of it, and a resumed run has its earlier results until then.
    """
    files.replace(run.path / "model.keras", trained.model.save)
    metrics = circumstances(run, trained, dataset)

    def export(path: Path) -> None:
        trained.model.export(path, format="litert", verbose=False)
        metrics.update(_measured(run, path, dataset))

    files.replace(run.path / "model.tflite", export)
    files.write_atomic(run.path / "metrics.json", json.dumps(metrics, indent=1).encode())


def _measured(run: Run, path: Path, dataset: Dataset) -> dict[str, Any]:
    """What the network in that file answers, and how fast; writes `probabilities.npz`."""
    predictor = Predictor(path, threads=environment.cores())
    splits = {
        "test": dataset.test,
        "validation": dataset.validation,
        "train": Split(dataset.train.images[:_TRAIN_SAMPLE], dataset.train.labels[:_TRAIN_SAMPLE]),
    }
    begun = time.perf_counter()
    tables = {name: predictor.probabilities(split.images) for name, split in splits.items()}
    predictions_per_second = sum(map(len, tables.values())) / (time.perf_counter() - begun)
    labels = {name: split.labels for name, split in splits.items()}
    found = {
        **classification.scores(tables, labels),
        "network_checksum": predictor.checksum,
        "prediction_ms": _milliseconds(path, dataset.test.images[:_TIMED]),
        "predictions_per_second": predictions_per_second,
    }
    if (run.path / runs.HAND).exists():
        found["hand"] = _of_hand(run, predictor)
    test, validation = tables["test"], tables["validation"]
    files.replace(
        run.path / "probabilities.npz",
        lambda path: np.savez_compressed(path, test=test, validation=validation),
    )
    return found


def _milliseconds(path: Path, images: np.ndarray) -> float:
    """For one image, median of these, as a page asks: one by one on one core."""
    predictor = Predictor(path)
    seconds = []
    for image in images:
        begun = time.perf_counter()
        predictor.probabilities(image[np.newaxis])
        seconds.append(time.perf_counter() - begun)
    return 1000 * statistics.median(seconds)


def circumstances(run: Run, trained: Trained, dataset: Dataset) -> dict[str, Any]:
    """How the run went, on what data and machine."""
    return {
        "best_epoch": trained.best_epoch,
        "epochs": trained.epochs,
        "parameters": run.recipe.parameters,
        "precision": trained.precision,
        "xla": trained.xla,
        "fit_seconds": trained.fit_seconds,
        "preparation_seconds": trained.preparation_seconds,
        "seconds_to_99": events.seconds_to(0.99, events.read_epochs(run.path / "events.jsonl")),
        "images_per_second": trained.images_per_second,
        "seed": run.recipe.seed,
        "data_checksum": dataset.checksum,
        "data_source": dataset.source,
        "data_notice": dataset.notice,
        "machine": ", ".join(filter(None, (environment.machine(), trained.gpu))),
        "versions": environment.versions(),
        "parent": run.state.parent,
    }


def _of_hand(run: Run, predictor: Predictor) -> dict[str, Any]:
    """Drawings that were taught and held out, and how many of the latter are read rightly."""
    from digitcore.jobs import networks

    hand = Hand.load(run.path / runs.HAND)
    images, labels = hand.held_out.images()
    start = networks.load(run, runs.START_NETWORK)
    before = start(images, training=False).numpy() if len(labels) else images[:, :, 0]
    after = predictor.probabilities(images)
    return {
        "taught": len(hand.taught),
        "held_out": len(labels),
        "right_before": int((before.argmax(axis=1) == labels).sum()),
        "right_after": int((after.argmax(axis=1) == labels).sum()),
        "test_accuracy_before": runs.read_metrics(run.path / runs.START_METRICS)["test_accuracy"],
    }
