"""Errors by writer, and an interval that allows for one writer's images being alike.

Images of one writer succeed and fail together, so 10,000 images by 297 people say less than
10,000 images by 10,000 people. Wilson's interval takes the images for independent; the one
below resamples writers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000


class Writer(NamedTuple):
    """One writer's images: the writer's id, how many there are, and how many are predicted wrong."""

    writer: int
    images: int
    errors: int


def by_writer(writers: NDArray[np.integer], correct: NDArray[np.bool_]) -> list[Writer]:
    """Each writer's errors: most errors first, of equals the higher error rate, then the lower id.

    Args:
        writers: integer (N,), who wrote each image.
        correct: bool (N,), whether it was predicted correctly.

    Raises:
        ValueError: the arrays differ in length.
    """
    ids, images, errors = _counts(writers, correct)
    order = np.lexsort((ids, -errors / images, -errors))
    return [Writer(int(ids[i]), int(images[i]), int(errors[i])) for i in order]


def cluster_interval(
    writers: NDArray[np.integer],
    correct: NDArray[np.bool_],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the accuracy over other writers, by the cluster bootstrap.

    Each resample draws as many writers as there are, with replacement and with all their images;
    the interval is percentiles of the accuracies (Davison and Hinkley, 1997, section 3.8; Field
    and Welsh, 2007).

    Args:
        writers: integer (N,), who wrote each image; two writers or more.
        correct: bool (N,), whether it was predicted correctly.
        confidence: how often such an interval holds the true accuracy, above 0 and below 1.
        resamples: how often writers are drawn, 1 or more.
        seed: decides the draws.

    Returns:
        Low and high, 0 to 1.

    Raises:
        ValueError: an argument is out of bounds, or the arrays differ in length.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is above 0 and below 1. Received: {confidence}")
    if resamples < 1:
        raise ValueError(f"resamples is 1 or more. Received: {resamples}")
    _, images, errors = _counts(writers, correct)
    if len(images) < 2:
        raise ValueError(f"An interval over writers needs two or more. Received: {len(images)}")
    random = np.random.default_rng(seed)
    # How often each writer is drawn, (resamples, writers).
    drawn = random.multinomial(len(images), np.full(len(images), 1 / len(images)), resamples)
    accuracies = 1 - (drawn @ errors) / (drawn @ images)
    tail = (1 - confidence) / 2
    low, high = np.quantile(accuracies, (tail, 1 - tail))
    return float(low), float(high)


def _counts(
    writers: NDArray[np.integer], correct: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Ids, images and errors of each writer, each integer (W,), ids ascending."""
    if np.shape(writers) != np.shape(correct) or np.ndim(writers) != 1:
        raise ValueError(
            "writers and correct are two arrays (N,). "
            f"Received: {np.shape(writers)} and {np.shape(correct)}"
        )
    ids, positions = np.unique(writers, return_inverse=True)
    images = np.bincount(positions, minlength=len(ids))
    errors = np.bincount(positions[~np.asarray(correct, bool)], minlength=len(ids))
    return ids.astype(np.int64), images, errors
