"""How much of its accuracy a network keeps on corrupted images. Arrays in, numbers out.

The summary is the mean accuracy over the fifteen corruptions of `mnist_c.SUITE`. An image counts with the
fraction of the fifteen under which it is predicted correctly, so intervals are over images: the corruptions
themselves are given, and no sample of anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitcore.analysis import classification
from digitcore.analysis.corruptions import Corruption, Images

RESAMPLES = 10_000

# Which images are predicted correctly: as they are, then under each corruption of the suite; bool (16, N).
Outcomes = NDArray[np.bool_]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Summary:
    """Of one network on one set of images, each an accuracy from 0 to 1 with its 95 % interval.

    Attributes:
        images: how many there are.
        clean, clean_interval: on the images as they are (Wilson).
        suite, suite_interval: the mean over the suite (bootstrap over images).
        lost, lost_interval: `clean` minus `suite`, on the same images (bootstrap over images).
        each: under each corruption, in the order of the suite.
    """

    images: int
    clean: float
    clean_interval: Interval
    suite: float
    suite_interval: Interval
    lost: float
    lost_interval: Interval
    each: tuple[float, ...]


@dataclass(frozen=True)
class Frames:
    """One image at every severity of a dial, and what a network makes of it there.

    Attributes:
        severities: float64 (M,), ascending, 0 among them.
        images: uint8 (M, height, width).
        probabilities: float32 (M, classes).
    """

    severities: NDArray[np.float64]
    images: Images
    probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class Flip:
    """Where a prediction changes for the first time on the way from severity 0: to which class."""

    severity: float
    predicted: int


def summarise(outcomes: Outcomes) -> Summary:
    """The summary of a network.

    Raises:
        ValueError: the array is not bool (K, N) of two rows or more and an image or more.
    """
    clean, suite = _scores(outcomes)
    correct, images = int(clean.sum()), len(clean)
    return Summary(
        images=images,
        clean=correct / images,
        clean_interval=classification.wilson(correct, images),
        suite=float(suite.mean()),
        suite_interval=mean_interval(suite),
        lost=float((clean - suite).mean()),
        lost_interval=mean_interval(clean - suite),
        each=tuple(outcomes[1:].mean(axis=1).tolist()),
    )


def difference(first: Outcomes, second: Outcomes) -> tuple[float, Interval]:
    """Second minus first of the mean over the suite, and its 95 % interval, over the same images.

    Raises:
        ValueError: as in `summarise`, or the two are not of one shape.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"Outcomes are of the same images. Received: {first.shape} and {second.shape}"
        )
    values = _scores(second)[1] - _scores(first)[1]
    return float(values.mean()), mean_interval(values)


def mean_interval(values: NDArray[np.float64], seed: int = 0) -> Interval:
    """95 % interval of the mean of values, one for each image, by the bootstrap.

    Images are drawn with replacement, and the interval is percentiles of the mean (Efron and Tibshirani, 1993,
    chapter 13). Values are few, so how often each is drawn comes from a multinomial distribution: the same,
    in milliseconds.

    Args:
        values: float (N,), N 1 or more.
        seed: decides the draws.
    """
    kinds, counts = np.unique(values.round(9), return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(
        len(values), counts / len(values), size=RESAMPLES
    )
    low, high = np.quantile(drawn @ kinds / len(values), (0.025, 0.975))
    return float(low), float(high)


def frames(
    image: Images,
    corruption: Corruption,
    predict: Callable[[Images], NDArray[np.float32]],
    seed: int = 0,
) -> Frames:
    """An image at every severity of a corruption's dial.

    Args:
        image: uint8 (height, width).
        corruption: what is done to it.
        predict: from images uint8 (M, height, width) to probabilities (M, classes); called once.
        seed: decides what is random.
    """
    severities = corruption.dial
    images = np.concatenate([corruption(image[None], float(s), seed) for s in severities])
    return Frames(severities, images, predict(images))


def flips(severities: Sequence[float], predicted: Sequence[int]) -> tuple[Flip | None, Flip | None]:
    """Where the prediction first changes below severity 0 and above it; None where it stays.

    Args:
        severities: ascending, one of them 0.
        predicted: the class at each.
    """
    middle = int(np.argmin(np.abs(severities)))

    def first(steps: range) -> Flip | None:
        for at in steps:
            if predicted[at] != predicted[middle]:
                return Flip(float(severities[at]), int(predicted[at]))
        return None

    return first(range(middle - 1, -1, -1)), first(range(middle + 1, len(severities)))


def _scores(outcomes: Outcomes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each image, whether it is correct as it is, and the fraction of the suite under which it is."""
    if outcomes.dtype != np.bool_ or outcomes.ndim != 2 or min(*outcomes.shape, 2) < 1:
        raise ValueError(
            f"Outcomes are bool (K, N), of an image or more. Received: {outcomes.dtype} {outcomes.shape}"
        )
    if len(outcomes) < 2:
        raise ValueError("Outcomes are of the images as they are and of a suite. Received: one row")
    return outcomes[0].astype(np.float64), outcomes[1:].mean(axis=0)
