"""Images whose label may be wrong, from what networks say that did not learn from these images.

The ranking is cleanlab's (Northcutt et al., 2021): an image is suspect where a network that never
saw it gives its label little probability. cleanlab is optional, and needed only where images are
ranked: `requirements-labels.txt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitcore.analysis import classification
from digitcore.analysis.optional import is_installed

INSTALL = "pip install -r requirements-labels.txt"


class CleanlabMissingError(ImportError, ValueError):
    """cleanlab is not installed; the message says how to install it."""


def check_installed() -> None:
    """Raises CleanlabMissingError where cleanlab is not installed; does not import it."""
    if not is_installed("cleanlab"):
        raise CleanlabMissingError(f"Finding label errors needs cleanlab: {INSTALL}")


def quality(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How well each label fits its image, float64 (N,), 0 to 1; the lowest are the suspects.

    It is the probability of the label, cleanlab's self-confidence: on MNIST with planted errors the
    normalised margin and the weighted entropy rank fewer of them first.

    Args:
        probabilities: float (N, classes), rows sum to 1, by networks that did not learn from these
            images.
        labels: integer (N,), the given ones.

    Raises:
        CleanlabMissingError: cleanlab is not installed.
        ValueError: the arrays do not fit together.
    """
    check_installed()
    from cleanlab.rank import get_label_quality_scores

    table, given = _for_cleanlab(probabilities, labels)
    return np.asarray(get_label_quality_scores(given, table, method="self_confidence"), np.float64)


def estimated_errors(probabilities: np.ndarray, labels: np.ndarray) -> int:
    """About how many labels are wrong, by confident learning (Northcutt et al., 2021).

    Args, raises: as `quality`.
    """
    check_installed()
    from cleanlab.count import num_label_issues

    table, given = _for_cleanlab(probabilities, labels)
    return int(num_label_issues(given, table))


def _for_cleanlab(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    table = probabilities.astype(np.float64)
    return table / table.sum(axis=1, keepdims=True), labels.astype(np.int64)


def suspects(scores: np.ndarray, most: int) -> np.ndarray:
    """The `most` images with the lowest `quality`, int64, the most suspect first."""
    return np.argsort(scores, kind="stable")[:most].astype(np.int64)


@dataclass(frozen=True)
class Reviewed:
    """How accurate predictions are by the given labels, and by those that a person reviewed.

    Attributes:
        given, given_interval: fraction correct by the given labels, and its 95 % Wilson interval.
        reviewed, reviewed_interval: the same by the reviewed labels.
        images, reviewed_images: how many images each is of.
        changed: images whose label a review changed.
        left_out: images that nobody can tell, which the reviewed accuracy leaves out.
        kept: images whose label was reviewed and kept.
        mended: images that are wrong by the given label and correct by the changed one.
        spoiled: images that are correct by the given label and wrong by the changed one.
    """

    given: float
    given_interval: tuple[float, float]
    reviewed: float
    reviewed_interval: tuple[float, float]
    images: int
    reviewed_images: int
    changed: int
    left_out: int
    kept: int
    mended: int
    spoiled: int


def reviewed_accuracy(
    predicted: np.ndarray, labels: np.ndarray, reviews: Mapping[int, Any]
) -> Reviewed | None:
    """The accuracy on given and on reviewed labels; None where the reviews leave no image.

    Args:
        predicted: integer (N,), the predicted classes.
        labels: integer (N,), the given ones.
        reviews: from an image's index to the label that it has by its review, None where nobody can
            tell. Images without a review keep their label.
    """
    after = labels.astype(np.int64)
    counts = np.ones(len(labels), bool)
    for index, label in reviews.items():
        if label is None:
            counts[index] = False
        else:
            after[index] = label
    if not counts.any():
        return None
    before_right, after_right = predicted == labels, predicted == after
    given, reviewed = int(before_right.sum()), int(after_right[counts].sum())
    is_changed = counts & (after != labels)
    return Reviewed(
        given=given / len(labels),
        given_interval=classification.wilson(given, len(labels)),
        reviewed=reviewed / int(counts.sum()),
        reviewed_interval=classification.wilson(reviewed, int(counts.sum())),
        images=len(labels),
        reviewed_images=int(counts.sum()),
        changed=int(is_changed.sum()),
        left_out=int((~counts).sum()),
        kept=len(reviews) - int(is_changed.sum()) - int((~counts).sum()),
        mended=int((is_changed & ~before_right & after_right).sum()),
        spoiled=int((is_changed & before_right & ~after_right).sum()),
    )
