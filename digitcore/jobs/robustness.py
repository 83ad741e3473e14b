"""The job "robustness": a run's accuracy on corrupted images of validation and of test, on LiteRT.

Each transform is measured at each of its severities, and then the suite, on the same images. They are some
hundred of each split, so that it takes about a minute on two cores. Those of validation come from its end,
which runs that set aside different fractions have in common.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import pydantic

from digitcore.analysis.corruptions import TRANSFORMS
from digitcore.analysis.mnist_c import SUITE
from digitcore.analysis.robustness import Outcomes
from digitcore.datasets import Split
from digitcore.jobs.evaluate import (
    Fraction,
    Predict,
    Time,
    is_current,
    opened,
    read_result,
    reporting,
)
from digitcore.jobs.features import spread
from digitcore.jobs.reporter import Reporter
from digitcore.runs import Run, RunBrokenError
from digitcore.runs.predictor import Predictor

IMAGES = 1500
# As many as the recipe that sets aside the smallest fraction validates on.
LAST = 3000
SEED = 0
# Another where a severity or a corruption changes: what was measured before then counts for nothing.
DEFINITION = 1
_CONDITIONS = 1 + sum(len(each.severities) - 1 for each in TRANSFORMS) + len(SUITE)


@dataclass(frozen=True)
class Measured:
    """On one split.

    Attributes:
        images: how many.
        curves: of each transform, severities ascending with the accuracy at each; at 0 that of the images
            as they are.
        packed: `Outcomes` as bits, in base64.
    """

    images: Annotated[int, pydantic.Field(ge=1, le=IMAGES)]
    curves: dict[str, list[tuple[float, Fraction]]]
    packed: str

    @property
    def outcomes(self) -> Outcomes:
        """Which images are predicted correctly, as they are and under each of the suite, bool (16, N)."""
        shape = (1 + len(SUITE), self.images)
        bits = np.frombuffer(base64.b64decode(self.packed, validate=True), np.uint8)
        return np.unpackbits(bits, count=shape[0] * shape[1]).astype(bool).reshape(shape)


@dataclass(frozen=True)
class Robustness:
    """What the job measured, and `time` when; of which `definition`, network and data, by checksums."""

    time: Time
    definition: int
    network_checksum: str
    data_checksum: str
    validation: Measured
    test: Measured


_ROBUSTNESS = pydantic.TypeAdapter(Robustness)


def carry_out(run: Run, reporter: Reporter) -> Mapping[str, Any]:
    """The values of a `Robustness`.

    Raises:
        StoppedError: somebody asked to stop.
        RunError: the run has no network, or other data than this machine has.
        DataError: the data is not on this machine.
    """
    dataset, predictor = opened(run, reporter, Predictor)
    splits = {
        name: _some(split, images_of(name, len(split)))
        for name, split in (("validation", dataset.validation), ("test", dataset.test))
    }
    total = _CONDITIONS * sum(len(split) for split in splits.values())
    predict = reporting(predictor, reporter, total)
    measured = {name: _measured(split, predict) for name, split in splits.items()}
    return asdict(
        Robustness(time.time(), DEFINITION, predictor.checksum, dataset.checksum or "", **measured)
    )


def images_of(split_name: str, count: int) -> np.ndarray:
    """Which of the `count` images of "test" or "validation" are measured: int64 (N,), ascending."""
    first = max(0, count - LAST) if split_name == "validation" else 0
    return first + spread(count - first, IMAGES)


def same_images(run: Run, other: Run, split_name: str) -> bool:
    """Whether two runs of one dataset, both tested, were measured on the same images of that split."""
    if split_name == "test":
        return True
    counts = [one.metrics.validation_images or 0 if one.metrics else 0 for one in (run, other)]
    first, second = (images_of(split_name, count) - count for count in counts)
    same_training = run.recipe.training_images == other.recipe.training_images
    return same_training and np.array_equal(first, second)


def read(run: Run) -> Robustness | None:
    """What the job measured of the network and the data that the run has now; None if nothing.

    Raises:
        RunError: the file is damaged.
    """
    known: Robustness | None = read_result(run, "robustness.json", _ROBUSTNESS)
    if known is None or known.definition != DEFINITION or not is_current(run, known):
        return None
    try:
        for one in (known.validation, known.test):
            _check(one)
    except ValueError as error:
        raise RunBrokenError(f"robustness.json of run {run.id} cannot be used: {error}") from None
    return known


def _some(split: Split, indices: np.ndarray) -> Split:
    return Split(split.images[indices], split.labels[indices])


def _measured(split: Split, predict: Predict) -> Measured:
    def correct(images: np.ndarray) -> np.ndarray:
        right: np.ndarray = predict(images).argmax(axis=1) == split.labels
        return right

    clean = correct(split.images)
    curves = {
        one.name: [
            (s, float(np.mean(correct(one(split.images, s, SEED)) if s else clean)))
            for s in one.severities
        ]
        for one in TRANSFORMS
    }
    suite = [correct(one(split.images, one.severities[-1], SEED)) for one in SUITE]
    return Measured(len(split), curves, packed(np.stack([clean, *suite])))


def packed(outcomes: Outcomes) -> str:
    """Outcomes as a file has them: bits, in base64."""
    return base64.b64encode(np.packbits(outcomes).tobytes()).decode("ascii")


def _check(one: Measured) -> None:
    wanted = {each.name: list(each.severities) for each in TRANSFORMS}
    given = {name: [severity for severity, _ in curve] for name, curve in one.curves.items()}
    if given != wanted:
        raise ValueError("curves must have each transform at each of its severities")
    if len(base64.b64decode(one.packed, validate=True)) != -(-(1 + len(SUITE)) * one.images // 8):
        raise ValueError("packed must have a bit for each image and corruption")
