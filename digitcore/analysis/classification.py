"""Classification metrics, from probabilities alone: no network, no images.

Two arrays go through this file. `probabilities` is float (N, classes), 0 to 1, each row
summing to 1: a network's output for N images and the dataset's classes. `labels` is an integer
(N,), from 0 to below the number of classes: the true ones. The class with the highest probability
is predicted, and that probability is the confidence.

All of it is NumPy, because importing scikit-learn would delay a page by a second; the
tests compare each metric with scikit-learn's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

# Keras clips here too: a confident error has a high loss, not an infinite one.
_EPSILON = 1e-7


class ClassScore(NamedTuple):
    """Precision, recall and F1 of one class, each 0 to 1.

    `precision` is the fraction of images predicted as this class that show it, `recall` the
    fraction of images showing it that are predicted as it, `f1` their harmonic mean (van
    Rijsbergen, 1979), and `support` the number of images that show it. A fraction of no
    images is 0.
    """

    label: int
    precision: float
    recall: float
    f1: float
    support: int


def wilson(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a fraction (Wilson, 1927), which stays within 0 and 1.

    Example:
        `wilson(9902, 10_000)` is (0.98808…, 0.99195…).

    Args:
        correct: how many are correct, 0 to `total`.
        total: how many there are, 1 or more.
        confidence: how often such an interval contains the true fraction, above 0 and below 1.

    Raises:
        ValueError: an argument is out of bounds.
    """
    if not 0 <= correct <= total or total < 1:
        raise ValueError(f"correct is 0 to total, total 1 or more. Received: {correct}, {total}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is above 0 and below 1. Received: {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    fraction = correct / total
    shrink = 1 / (1 + z * z / total)
    centre = shrink * (fraction + z * z / (2 * total))
    margin = shrink * z * math.sqrt(fraction * (1 - fraction) / total + (z / (2 * total)) ** 2)
    # Exact at the ends, where rounding would leave a speck below 0 or short of 1.
    low = 0.0 if correct == 0 else centre - margin
    high = 1.0 if correct == total else centre + margin
    return low, high


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of the images that are predicted correctly.

    Raises:
        ValueError: the arrays do not fit together, or are empty.
    """
    probabilities, labels = _checked(probabilities, labels)
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy of each image in nats, float64 (N,): -ln of the true class's probability.

    Raises:
        ValueError: the arrays do not fit together.
    """
    probabilities, labels = _checked(probabilities, labels, empty=True)
    of_true_class = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    result: np.ndarray = 0.0 - np.log(np.clip(of_true_class, _EPSILON, 1.0))
    return result


def rejection_threshold(probabilities: np.ndarray, fraction: float = 0.02) -> float:
    """The confidence below which an image is rejected: it may show none of the classes.

    Low confidence suggests that an image is unlike what the network has learned (Hendrycks
    and Gimpel, 2017). The threshold rejects `fraction` of the images given; choose it on the
    validation split.

    Args:
        probabilities: float (N, classes) of images that show one of the classes.
        fraction: 0 to 1.

    Raises:
        ValueError: there is no image.
    """
    if not len(probabilities):
        raise ValueError("A threshold needs at least one image. Received: none")
    return float(np.quantile(probabilities.max(axis=1), fraction))


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats.

    Raises:
        ValueError: the arrays do not fit together, or are empty.
    """
    _checked(probabilities, labels)
    return float(losses(probabilities, labels).mean())


def scores(tables: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Accuracy with its 95 % interval, loss in nats, and number of images for each split.

    Args:
        tables: split name to probabilities, float32 (N, classes).
        labels: the same names to integer (N,).

    Returns:
        `test_accuracy`, `test_interval`, `test_loss`, `test_images`, and so on.

    Raises:
        ValueError: the arrays of a split do not fit together, or are empty.
    """
    values: dict[str, Any] = {}
    for name, table in tables.items():
        correct, total = accuracy(table, labels[name]), len(table)
        values[f"{name}_accuracy"] = correct
        values[f"{name}_interval"] = list(wilson(round(correct * total), total))
        values[f"{name}_loss"] = log_loss(table, labels[name])
        values[f"{name}_images"] = total
    return values


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Confusion matrix, int64 (classes, classes): counts by true class (row) and predicted (column).

    Args:
        labels: integer (N,), the true classes.
        predicted: integer (N,), the predicted classes.
        classes: how many there are.

    Raises:
        ValueError: the arrays differ in length, or hold something other than classes.
    """
    labels = _labels(labels, "labels", classes)
    predicted = _labels(predicted, "predicted", classes)
    if len(labels) != len(predicted):
        raise ValueError(
            "labels and predicted have the same length. "
            f"Received: {len(labels)} and {len(predicted)}"
        )
    cells = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes)


def most_confused(matrix: np.ndarray, most: int) -> list[tuple[int, int, int, float]]:
    """The cells of a confusion matrix with the most errors, the largest first; none without an error.

    Args:
        matrix: integer (classes, classes), rows are true classes.
        most: how many cells at most.

    Returns:
        The true and the predicted class, images, and their fraction of the true class's, 0 to 1.
    """
    errors = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    order = np.argsort(-errors, axis=None, kind="stable")[:most]
    totals = matrix.sum(axis=1)
    cells = [(int(cell // len(matrix)), int(cell % len(matrix))) for cell in order]
    return [
        (true, guess, int(errors[true, guess]), float(errors[true, guess] / totals[true]))
        for true, guess in cells
        if errors[true, guess]
    ]


def per_class(labels: np.ndarray, predicted: np.ndarray, classes: int) -> list[ClassScore]:
    """A score for each class, in order. Arguments and errors as in `confusion`."""
    matrix = confusion(labels, predicted, classes)
    scores = []
    for label in range(classes):
        correct = int(matrix[label, label])
        support, guesses = int(matrix[label].sum()), int(matrix[:, label].sum())
        scores.append(
            ClassScore(
                label=label,
                precision=correct / guesses if guesses else 0.0,
                recall=correct / support if support else 0.0,
                f1=2 * correct / (support + guesses) if support + guesses else 0.0,
                support=support,
            )
        )
    return scores


def table(probabilities: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    """One row per image, for a file: `index`, `true`, `predicted`, and `p0`, `p1` and so on.

    Raises:
        ValueError: the arrays do not fit together.
    """
    probabilities, labels = _checked(probabilities, labels, empty=True)
    guesses = probabilities.argmax(axis=1).tolist()
    # float32 holds about six decimals of a probability.
    rounded = np.round(probabilities.astype(np.float64), 6).tolist()
    return [
        {"index": i, "true": true, "predicted": guesses[i]}
        | {f"p{label}": probability for label, probability in enumerate(row)}
        for i, (true, row) in enumerate(zip(labels.tolist(), rounded, strict=True))
    ]


def _checked(
    probabilities: np.ndarray, labels: np.ndarray, *, empty: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    probabilities = np.asarray(probabilities)
    classes = probabilities.shape[1] if probabilities.ndim == 2 else 0
    if not classes:
        raise ValueError(
            f"Probabilities have the shape (N, classes). Received: {probabilities.shape}"
        )
    labels = _labels(labels, "labels", classes)
    if len(probabilities) != len(labels):
        raise ValueError(
            f"Probabilities of {len(labels)} labels have the shape ({len(labels)}, classes). "
            f"Received: {probabilities.shape}"
        )
    if not empty and not len(labels):
        raise ValueError("There must be one image or more. Received: none")
    return probabilities, labels


def _labels(values: np.ndarray, name: str, classes: int) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or (len(values) and values.dtype.kind not in "iu"):
        raise ValueError(f"{name} is an integer (N,). Received: {values.dtype} {values.shape}")
    # Wider than uint8, so that the number of a cell does not overflow.
    values = values.astype(np.int64)
    if len(values) and not 0 <= values.min() <= values.max() < classes:
        raise ValueError(
            f"{name} is 0 to {classes - 1}. Received: {values.min()} to {values.max()}"
        )
    return values
