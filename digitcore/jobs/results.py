"""What a training leaves: the network, its probabilities, its metrics, and how they came about."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from digitcore import files, runs
from digitcore.analysis import classification
from digitcore.datasets import Dataset, Split
from digitcore.drawing.samples import HandwritingSamples
from digitcore.jobs import environment, fine_tuning, request
from digitcore.jobs.request import Request
from digitcore.runs import Run, events
from digitcore.runs.metrics import from_dict
from digitcore.runs.predictor import Predictor

if TYPE_CHECKING:
    from digitcore.training.loop import Trained

# As many as there are test images: enough to see how far training and test are apart.
_TRAIN_SAMPLE = 10_000
_TIMED = 50


def write(run: Run, trained: Trained, dataset: Dataset) -> None:
    """Writes the network, its probabilities on test and validation, and `metrics.json`.

    What pages read is replaced at the end and at once, so that nobody finds half of it, and a
    resumed run keeps its earlier results until then.
    """
    files.replace(run.path / "model.keras", trained.model.save)
    metrics = circumstances(run, trained, dataset)

    def export(path: Path) -> None:
        trained.model.export(path, format="litert", verbose=False)
        metrics.update(_measured(run, path, dataset))

    files.replace(run.path / "model.tflite", export)
    runs.write_metrics(run.path / "metrics.json", from_dict(metrics))


def _measured(run: Run, path: Path, dataset: Dataset) -> dict[str, Any]:
    """What the network in that file predicts, and how fast; writes `probabilities.npz`."""
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
    values = request.read(run)
    if values.kind == "fine-tune":
        found["fine_tuning"] = _fine_tuning(run, values, predictor)
    test, validation = tables["test"], tables["validation"]
    files.replace(
        run.path / "probabilities.npz",
        lambda path: np.savez_compressed(path, test=test, validation=validation),
    )
    return found


def _milliseconds(path: Path, images: np.ndarray) -> float:
    """Median time for one of these images, predicted as a page does: one by one on one core."""
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
        "compilation_seconds": trained.compilation_seconds,
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


def _fine_tuning(run: Run, values: Request, predictor: Predictor) -> dict[str, Any]:
    """How many drawings were trained on and held out, and how many of the latter are correct.

    Before fine-tuning they are predicted by the initial network, after it by `predictor`.
    """
    from digitcore.jobs import networks

    samples = HandwritingSamples.load(run.path / str(values.extra_samples))
    images, labels = samples.held_out.images(fine_tuning.drawing_input(run.recipe.info))
    initial = networks.load(run, str(values.initial_weights))
    before = initial(images, training=False).numpy() if len(labels) else images[:, :, 0]
    after = predictor.probabilities(images)
    metrics = runs.read_metrics(run.path / str(values.initial_metrics))
    return {
        "samples": len(samples.training),
        "held_out": len(labels),
        "correct_before": int((before.argmax(axis=1) == labels).sum()),
        "correct_after": int((after.argmax(axis=1) == labels).sum()),
        "test_accuracy_before": metrics.test_accuracy,
    }
