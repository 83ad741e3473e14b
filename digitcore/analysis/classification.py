"""How well a network reads, from its probabilities alone: no network, no images.

Two arrays go through this file. `probabilities` is float (N, 10), 0 to 1, each row
summing to 1: what a network said of N images. `labels` is an integer (N,), 0 to 9:
what the images show. A digit is read as the one with the highest probability.

NumPy does all of it, because importing scikit-learn costs a page its first second;
the tests compare each number with scikit-learn's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

DIGITS = 10
Order = Literal["most confident", "least confident", "highest loss", "in order"]
ORDERS: tuple[Order, ...] = get_args(Order)

# What Keras clips at: a network that was sure and wrong has a high loss, not an infinite one.
_EPSILON = 1e-7


class DigitScore(NamedTuple):
    """How well one digit is read; shares are 0 to 1.

    `precision` is the share of images read as this digit that show it, `recall` the
    share of those showing it that are read so, `f1` their harmonic mean (van Rijsbergen,
    1979), and `support` the number of images that show it. A share of nothing is 0.
    """

    digit: int
    precision: float
    recall: float
    f1: float
    support: int


def wilson(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a share (Wilson, 1927), which stays within 0 and 1.

    Example:
        `wilson(9902, 10_000)` is (0.98808…, 0.99195…).

    Args:
        correct: how many were right, 0 to `total`.
        total: how many there were, 1 or more.
        confidence: how often such an interval holds the true share, above 0 and below 1.

    Raises:
        ValueError: an argument is out of bounds.
    """
    if not 0 <= correct <= total or total < 1:
        raise ValueError(f"correct is 0 to total, total 1 or more. Received: {correct}, {total}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is above 0 and below 1. Received: {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = correct / total
    shrink = 1 / (1 + z * z / total)
    centre = shrink * (share + z * z / (2 * total))
    margin = shrink * z * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    # Exact at the ends, where rounding would leave a speck below 0 or short of 1.
    low = 0.0 if correct == 0 else centre - margin
    high = 1.0 if correct == total else centre + margin
    return low, high


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Share of the images that are read right.

    Raises:
        ValueError: the arrays do not fit together, or are empty.
    """
    probabilities, labels = _checked(probabilities, labels)
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy of each image in nats, float64 (N,): -ln of the true digit's probability.

    Raises:
        ValueError: the arrays do not fit together.
    """
    probabilities, labels = _checked(probabilities, labels, empty=True)
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    result: np.ndarray = 0.0 - np.log(np.clip(of_truth, _EPSILON, 1.0))
    return result


def doubt_threshold(probabilities: np.ndarray, share: float = 0.02) -> float:
    """The highest probability below which a network is not sure that it sees a digit.

    An image whose highest probability is low is likely not of the kind that was learned
    (Hendrycks and Gimpel, 2017). The threshold is where `share` of known digits would be
    doubted; choose it on the validation split.

    Args:
        probabilities: float (N, 10) of images that are digits.
        share: 0 to 1.

    Raises:
        ValueError: there is no image.
    """
    if not len(probabilities):
        raise ValueError("A threshold needs at least one image. Received: none")
    return float(np.quantile(probabilities.max(axis=1), share))


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats.

    Raises:
        ValueError: the arrays do not fit together, or are empty.
    """
    _checked(probabilities, labels)
    return float(losses(probabilities, labels).mean())


def scores(tables: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Accuracy with its 95 % interval, loss in nats, and number of images of each split.

    Args:
        tables: probabilities, float32 (N, 10), by the split's name.
        labels: integer (N,), 0 to 9, by the same names.

    Returns:
        `test_accuracy`, `test_interval`, `test_loss`, `test_images`, and so on.
    """
    values: dict[str, Any] = {}
    for name, table in tables.items():
        share, total = accuracy(table, labels[name]), len(table)
        values[f"{name}_accuracy"] = share
        values[f"{name}_interval"] = list(wilson(round(share * total), total))
        values[f"{name}_loss"] = log_loss(table, labels[name])
        values[f"{name}_images"] = total
    return values


def confusion(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """How often each digit (row) was read as each digit (column), int64 (10, 10).

    Args:
        labels: integer (N,), 0 to 9, what the images show.
        predicted: integer (N,), 0 to 9, what they were read as.

    Raises:
        ValueError: the two differ in length, or hold something other than digits.
    """
    labels, predicted = _digits(labels, "labels"), _digits(predicted, "predicted")
    if len(labels) != len(predicted):
        raise ValueError(
            "labels and predicted have the same length. "
            f"Received: {len(labels)} and {len(predicted)}"
        )
    cells = np.bincount(labels * DIGITS + predicted, minlength=DIGITS * DIGITS)
    return cells.reshape(DIGITS, DIGITS)


def per_digit(labels: np.ndarray, predicted: np.ndarray) -> list[DigitScore]:
    """Ten scores, 0 to 9. Arguments and errors are those of `confusion`."""
    matrix = confusion(labels, predicted)
    scores = []
    for digit in range(DIGITS):
        right = int(matrix[digit, digit])
        shown, read = int(matrix[digit].sum()), int(matrix[:, digit].sum())
        scores.append(
            DigitScore(
                digit=digit,
                precision=right / read if read else 0.0,
                recall=right / shown if shown else 0.0,
                f1=2 * right / (shown + read) if shown + read else 0.0,
                support=shown,
            )
        )
    return scores


def select(
    probabilities: np.ndarray,
    labels: np.ndarray,
    *,
    true: int | None = None,
    predicted: int | None = None,
    confidence: tuple[float, float] = (0.0, 1.0),
    only_errors: bool = False,
    order: Order = "in order",
) -> np.ndarray:
    """Positions of the images that pass every filter, int64 (K,), in the order asked for.

    Args:
        probabilities: float (N, 10).
        labels: integer (N,).
        true: only images that show this digit.
        predicted: only images that are read as this digit.
        confidence: lowest and highest probability of the digit read, both included.
        only_errors: only images that are read wrong.
        order: one of `ORDERS`; equals stay in the order of the images.

    Raises:
        ValueError: the arrays do not fit together, or there is no such order.
    """
    probabilities, labels = _checked(probabilities, labels, empty=True)
    if order not in ORDERS:
        raise ValueError(f"order is one of {', '.join(ORDERS)}. Received: {order}")
    read, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    low, high = confidence
    passed = (sure >= low) & (sure <= high)
    if true is not None:
        passed &= labels == true
    if predicted is not None:
        passed &= read == predicted
    if only_errors:
        passed &= read != labels
    found = np.flatnonzero(passed)
    if order == "in order":
        return found
    rank = {"most confident": -sure, "least confident": sure}.get(order)
    if rank is None:
        rank = -losses(probabilities, labels)
    return found[np.argsort(rank[found], kind="stable")]


def table(probabilities: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    """One row an image, for a file: `index`, `true`, `predicted`, and `p0` to `p9`.

    Raises:
        ValueError: the arrays do not fit together.
    """
    probabilities, labels = _checked(probabilities, labels, empty=True)
    read = probabilities.argmax(axis=1).tolist()
    # Six decimals are what float32 holds of a probability.
    shares = np.round(probabilities.astype(np.float64), 6).tolist()
    return [
        {"index": i, "true": true, "predicted": read[i], **{f"p{d}": p for d, p in enumerate(row)}}
        for i, (true, row) in enumerate(zip(labels.tolist(), shares, strict=True))
    ]


def _checked(
    probabilities: np.ndarray, labels: np.ndarray, *, empty: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    probabilities, labels = np.asarray(probabilities), _digits(labels, "labels")
    if probabilities.shape != (len(labels), DIGITS):
        raise ValueError(
            f"Probabilities of {len(labels)} labels have the shape ({len(labels)}, {DIGITS}). "
            f"Received: {probabilities.shape}"
        )
    if not empty and not len(labels):
        raise ValueError("There must be one image or more. Received: none")
    return probabilities, labels


def _digits(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or (len(values) and values.dtype.kind not in "iu"):
        raise ValueError(f"{name} is an integer (N,). Received: {values.dtype} {values.shape}")
    # Wider than uint8, so that ten times a label does not overflow.
    values = values.astype(np.int64)
    if len(values) and not 0 <= values.min() <= values.max() < DIGITS:
        raise ValueError(f"{name} is 0 to 9. Received: {values.min()} to {values.max()}")
    return values
