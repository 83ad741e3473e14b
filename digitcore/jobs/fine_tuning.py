"""Fine-tuning a run's network on a person's handwriting: a training whose request has more values.

It starts from the weights of a run that has ended, trains for one short epoch on the dataset and
on variations of the drawings, and keeps a network between the two.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from digitcore import runs
from digitcore.datasets import Dataset, DatasetInfo, Split
from digitcore.drawing import DrawingInput
from digitcore.drawing.samples import HandwritingSamples, SamplesError
from digitcore.jobs import queue, request
from digitcore.jobs.request import Request
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunStateError

VARIATIONS = 30  # of each drawing
MAX_VARIATIONS = 1_500

# What fine-tuning changes of the recipe of the run that it starts from.
_CHANGES = {
    "epochs": 1,
    "batch_size": 128,
    "epoch_images": 6_000,
    "synthetic_digits": 0,
    "distillation": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "schedule": "cosine",
    "warmup_ratio": 0.1,
    "early_stopping": 0,
}
_OUTLIERS = 300
# Most of the gain on the drawings is there already, and much less is forgotten of the dataset
# (weight interpolation: Wortsman et al., 2022).
_INTERPOLATION = 0.7


def fine_tune(run: Run, samples: HandwritingSamples) -> Run:
    """A new queued run that starts from an ended run's network and trains on these drawings.

    It names that run as its parent. Its `metrics.json` says under `fine_tuning` how many of the
    held-out drawings are correct before and after.

    Args:
        run: a run that has ended and has a network.
        samples: with at least one drawing that is not held out.

    Raises:
        RunError: the run has not ended, or has no network.
        SamplesError: each drawing is held out, or there is none; or the run's dataset has other
            classes than the digits.
        OSError: the folder cannot be written.
    """
    drawing_input(run.recipe.info)
    if run.active:
        raise RunStateError(
            f"Only a run that has ended can be fine-tuned. {run.id} is {run.status}."
        )
    if not run.metrics or not (run.path / "model.keras").exists():
        raise RunStateError(f"{run.id} has no network that could be fine-tuned.")
    count = len(samples.training)
    if not count:
        raise SamplesError(
            "Fine-tuning takes at least one drawing that is not held out. Received: none"
        )

    def fill(folder: Path) -> None:
        shutil.copy(run.path / "model.keras", folder / request.INITIAL_WEIGHTS)
        shutil.copy(run.path / "metrics.json", folder / request.INITIAL_METRICS)
        samples.save(folder / request.EXTRA_SAMPLES)
        request.write(
            folder,
            Request(
                "fine-tune",
                request.INITIAL_WEIGHTS,
                request.INITIAL_METRICS,
                request.EXTRA_SAMPLES,
                _INTERPOLATION,
            ),
        )

    title = f"{run.recipe.name} + {count} drawing{'s' * (count > 1)}"
    child = runs.create(fine_tuning_recipe(run.recipe), run, fill, title)
    queue.wake()
    return child


def drawing_input(info: DatasetInfo) -> DrawingInput:
    """How handwriting samples become input images for a network of that dataset.

    Raises:
        SamplesError: it is not a dataset of digits that can be drawn.
    """
    if not info.is_of_digits or info.drawing is None or not info.drawing.strokes:
        raise SamplesError(
            "Handwriting samples are digits, for networks of a dataset of digits that can be drawn, "
            f"such as MNIST. Received: {info.title}"
        )
    return info.drawing


def fine_tuning_recipe(recipe: Recipe) -> Recipe:
    """The recipe to fine-tune a network of that recipe: a few small steps.

    Most images are the dataset's again, so that nothing is forgotten (rehearsal: Robins, 1995). A
    network that was trained on outliers sees some of them again, too.
    """
    outliers = min(_OUTLIERS, recipe.synthetic_outliers)
    return recipe.changed(**_CHANGES, synthetic_outliers=outliers)


def extra_images(run: Run, values: Request, dataset: Dataset) -> Split | None:
    """Variations of the drawings that a request names, to train on beside the dataset.

    Raises:
        RunError: the dataset is not the one that the initial network was trained on.
        SamplesError, OSError: the drawings cannot be read, or are no drawings for this dataset.
    """
    if not values.extra_samples:
        return None
    if values.initial_metrics:
        known = runs.read_metrics(run.path / values.initial_metrics).data_checksum
        if known != dataset.checksum:
            raise RunStateError(
                "Fine-tuning needs the dataset that the network was trained on, which is not on "
                f"this machine. Received: {dataset.source}"
            )
    samples = HandwritingSamples.load(run.path / values.extra_samples).training
    count = min(VARIATIONS * len(samples), MAX_VARIATIONS)
    like = drawing_input(run.recipe.info)
    return Split(*samples.variations(count, run.recipe.seed, like))


def interpolated(
    initial: list[np.ndarray], trained: list[np.ndarray], fraction: float
) -> list[np.ndarray]:
    """Weights between the initial and the trained ones, array by array.

    Args:
        initial, trained: arrays of the same shapes.
        fraction: 0 gives the initial weights, 1 the trained ones.
    """
    pairs = zip(initial, trained, strict=True)
    return [before + fraction * (after - before) for before, after in pairs]
