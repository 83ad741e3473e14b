"""Whether two networks differ, by what they predict for the same images. Arrays in, numbers out.

Three arrays go through this file. `labels` is an integer (N,): the true classes of N images. `first` and
`second` are integer (N,): the classes that two networks predicted for the same images. A difference is
always second minus first, as a fraction: 0.0047 are 0.47 points. An image is discordant where one of the two
is right and the other is not; only such images tell the two apart.

All of this takes the images for independent of one another. Images of one writer are not quite (see
`writers`), so an interval is a little too narrow.

SciPy's special functions are imported where they are used, because a page without a comparison needs none;
the tests compare with `scipy.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
SIGNIFICANCE = 0.05
POWER = 0.8


@dataclass(frozen=True)
class Comparison:
    """Two networks on the same images.

    Attributes:
        images: how many there are.
        accuracy: of the first and of the second, 0 to 1.
        difference: second minus first, -1 to 1.
        interval: 95 % interval of the difference, by the paired bootstrap.
        discordant: images that only the first, and that only the second predicts correctly.
        mcnemar_p: how often chance alone would divide the discordant images at least as unevenly.
        images_needed: about how many images would tell the two apart if the difference is as it was here;
            None where there is no difference.
    """

    images: int
    accuracy: tuple[float, float]
    difference: float
    interval: tuple[float, float]
    discordant: tuple[int, int]
    mcnemar_p: float
    images_needed: int | None


@dataclass(frozen=True)
class ClassDifference:
    """Two networks on the images of one class.

    `accuracy` is of the first and of the second on the `images` that show the class, that is their recall;
    0 where there is none. `mcnemar_p` is corrected for the number of classes (Holm).
    """

    label: int
    images: int
    accuracy: tuple[float, float]
    difference: float
    mcnemar_p: float


def compare(
    first: NDArray[np.integer], second: NDArray[np.integer], labels: NDArray[np.integer]
) -> Comparison:
    """Compares two networks' predictions for the same images.

    Raises:
        ValueError: the arrays are not integer (N,) of one length, or there is no image.
    """
    first, second, labels = _checked(first, second, labels)
    right = np.stack([first == labels, second == labels])
    images = len(labels)
    only = [int(np.count_nonzero(right[one] & ~right[1 - one])) for one in (0, 1)]
    correct = np.count_nonzero(right, axis=1) / images
    return Comparison(
        images=images,
        accuracy=(float(correct[0]), float(correct[1])),
        difference=(only[1] - only[0]) / images,
        interval=paired_interval(only[0], only[1], images),
        discordant=(only[0], only[1]),
        mcnemar_p=mcnemar(*only),
        images_needed=images_needed(only[0] / images, only[1] / images),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p of the exact test by McNemar (1947): the discordant images as tosses of a fair coin.

    Example:
        `mcnemar(1, 8)` is 0.0390625. Without a discordant image it is 1.

    Args:
        only_first: images that only the first predicts correctly, 0 or more.
        only_second: those that only the second does.

    Raises:
        ValueError: a number is negative.
    """
    from scipy import special

    if min(only_first, only_second) < 0:
        raise ValueError(
            f"A number of images is 0 or more. Received: {only_first} and {only_second}"
        )
    total = only_first + only_second
    return float(min(1.0, 2 * special.bdtr(min(only_first, only_second), total, 0.5)))


def paired_interval(
    only_first: int,
    only_second: int,
    images: int,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the difference of two accuracies on the same images, by the paired bootstrap.

    Images are drawn with replacement, each with both predictions, and the interval is percentiles of the
    difference (Efron and Tibshirani, 1993, chapter 13). The difference depends only on how many drawn images
    are discordant, so their numbers are drawn from a multinomial distribution: the same, in milliseconds.

    Args:
        only_first, only_second: discordant images, as in `mcnemar`.
        images: all of them, 1 or more.
        confidence: how often such an interval contains the true difference, above 0 and below 1.
        resamples: how often the images are drawn, 1 or more.
        seed: decides the draws.

    Returns:
        Low and high, -1 to 1. Both are 0 where no image is discordant, which does not mean that none can be.

    Raises:
        ValueError: an argument is out of bounds.
    """
    if min(only_first, only_second) < 0 or not 1 <= images >= only_first + only_second:
        raise ValueError(
            "Of one image or more, at most all are discordant. "
            f"Received: {only_first} and {only_second} of {images}"
        )
    if not 0 < confidence < 1 or resamples < 1:
        raise ValueError(
            "confidence is above 0 and below 1, resamples 1 or more. "
            f"Received: {confidence}, {resamples}"
        )
    alike = images - only_first - only_second
    cells = np.array([only_first, only_second, alike]) / images
    drawn = np.random.default_rng(seed).multinomial(images, cells, resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile((drawn[:, 1] - drawn[:, 0]) / images, (tail, 1 - tail))
    return float(low), float(high)


def images_needed(
    only_first: float,
    only_second: float,
    significance: float = SIGNIFICANCE,
    power: float = POWER,
) -> int | None:
    """How many images McNemar's test needs to tell two networks apart.

    With d the fraction of discordant images and D the difference, that is
    (z₁ √d + z₂ √(d − D²))² / D², where z₁ and z₂ are the normal quantiles of 1 − significance / 2 and of
    power (Connor, 1987). The fractions are themselves measured, so it is an order of magnitude.

    Args:
        only_first, only_second: fractions of images that only one predicts correctly, 0 to 1 in sum.
        significance: how often the test may find a difference where there is none.
        power: how often it shall find this one, above 0 and below 1.

    Returns:
        1 or more, or None where the fractions are the same: no number of images would do.

    Raises:
        ValueError: an argument is out of bounds.
    """
    discordant, difference = only_first + only_second, only_second - only_first
    if min(only_first, only_second) < 0 or discordant > 1 + 1e-9:
        raise ValueError(
            f"Fractions are 0 to 1, in sum too. Received: {only_first} and {only_second}"
        )
    if not (0 < significance < 1 and 0 < power < 1):
        raise ValueError(
            f"significance and power are above 0 and below 1. Received: {significance} and {power}"
        )
    if difference == 0:
        return None
    normal = NormalDist()
    # What is left is never negative but by rounding: a difference is at most the discordant fraction.
    spread = math.sqrt(max(0.0, discordant - difference**2))
    root = normal.inv_cdf(1 - significance / 2) * math.sqrt(discordant) + (
        normal.inv_cdf(power) * spread
    )
    return max(1, math.ceil((root / difference) ** 2))


def disagreements(
    first: NDArray[np.integer], second: NDArray[np.integer], labels: NDArray[np.integer]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the images that only the first, and that only the second predicts correctly, ascending.

    Raises:
        ValueError: as in `compare`, but there may be no image.
    """
    first, second, labels = _checked(first, second, labels, empty=True)
    right, other = first == labels, second == labels
    return np.flatnonzero(right & ~other), np.flatnonzero(other & ~right)


def per_class(
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    labels: NDArray[np.integer],
    classes: int,
) -> list[ClassDifference]:
    """Compares two networks on the images of each class, in order of the classes.

    Raises:
        ValueError: as in `compare`.
    """
    first, second, labels = _checked(first, second, labels)
    right = [first == labels, second == labels]
    only = [np.bincount(labels[right[i] & ~right[1 - i]], minlength=classes) for i in (0, 1)]
    counts = np.bincount(labels, minlength=classes)
    correct = [np.bincount(labels[one], minlength=classes) / np.maximum(counts, 1) for one in right]
    ps = holm([mcnemar(int(only[0][i]), int(only[1][i])) for i in range(classes)])
    return [
        ClassDifference(
            label=i,
            images=int(counts[i]),
            accuracy=(float(correct[0][i]), float(correct[1][i])),
            difference=float(only[1][i] - only[0][i]) / max(1, int(counts[i])),
            mcnemar_p=ps[i],
        )
        for i in range(classes)
    ]


def holm(ps: Sequence[float]) -> list[float]:
    """The p values of several tests, corrected so that any of them is below 0.05 by chance at most 1 time in 20.

    The smallest is multiplied by the number of tests, the next by one less, and so on, and none is
    smaller than the one before it (Holm, 1979).

    Raises:
        ValueError: a value is not 0 to 1.
    """
    if not all(0 <= p <= 1 for p in ps):
        raise ValueError(f"A p value is 0 to 1. Received: {list(ps)}")
    corrected = [0.0] * len(ps)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = least
    return corrected


def _checked(
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    labels: NDArray[np.integer],
    empty: bool = False,
) -> list[NDArray[np.integer]]:
    arrays = [np.asarray(one) for one in (first, second, labels)]
    kinds = {array.dtype.kind for array in arrays if array.size}
    if len({array.shape for array in arrays}) > 1 or arrays[0].ndim != 1 or not kinds <= set("iu"):
        told = ", ".join(f"{array.dtype} {array.shape}" for array in arrays)
        raise ValueError(f"Predictions and labels are integer (N,). Received: {told}")
    if not empty and not arrays[0].size:
        raise ValueError("There must be one image or more. Received: none")
    return arrays
