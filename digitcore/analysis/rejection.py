"""Selective classification: what is left of the error when the least confident images are rejected.

Arguments are as in `calibration`, whose `answers` makes them: `confidence`, float (N,), 0 to 1, the
highest probability of each image, and `correct`, bool (N,), whether that class is the true one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digitcore.analysis.calibration import checked


@dataclass(frozen=True)
class Rejection:
    """What rejecting the least confident images does.

    Attributes:
        images: how many are rejected.
        caught: how many of these are wrong.
        coverage: the fraction that is kept, above 0 to 1.
        errors: how many of those kept are wrong.
        error: the fraction of those kept that is wrong, 0 to 1.
        threshold: the confidence of the least confident image that is kept.

    Both counts of wrong images are whole unless images as confident as each other are partly rejected.
    """

    images: int
    caught: float
    coverage: float
    errors: float
    error: float
    threshold: float


@dataclass(frozen=True)
class RiskCoverage:
    """The error of what is kept when the least confident images are rejected.

    It is the risk–coverage curve of selective classification (Geifman and El-Yaniv, 2017). Images as
    confident as each other are taken in random order: each value is the mean over all such orders.

    Attributes:
        confidence: float64 (N,), descending.
        errors: float64 (N,), how many of the 1, 2, … N most confident images are wrong.
    """

    confidence: np.ndarray
    errors: np.ndarray

    @property
    def coverage(self) -> np.ndarray:
        """The fraction that is kept, float64 (N,), ascending, up to 1."""
        return np.arange(1, len(self.errors) + 1) / len(self.errors)

    @property
    def risk(self) -> np.ndarray:
        """The fraction of those kept that is wrong, float64 (N,), 0 to 1."""
        return np.asarray(self.errors / np.arange(1, len(self.errors) + 1))

    @property
    def area(self) -> float:
        """The area under the curve, AURC, 0 to 1: the mean risk (Geifman, Uziel and El-Yaniv, 2019)."""
        return float(self.risk.mean())

    def rejecting(self, fraction: float) -> Rejection:
        """What rejecting that fraction of the images does, rounded down to whole images.

        Args:
            fraction: 0 to below 1; one image at least is kept.

        Raises:
            ValueError: the fraction is out of bounds.
        """
        if not 0 <= fraction < 1:
            raise ValueError(f"fraction is 0 to below 1. Received: {fraction}")
        total = len(self.errors)
        # The speck is for 0.29 of 100, which in floating point is below 29.
        kept = total - min(int(fraction * total + 1e-9), total - 1)
        errors = float(self.errors[kept - 1])
        return Rejection(
            images=total - kept,
            caught=float(self.errors[-1]) - errors,
            coverage=kept / total,
            errors=errors,
            error=errors / kept,
            threshold=float(self.confidence[kept - 1]),
        )


def risk_coverage(confidence: np.ndarray, correct: np.ndarray) -> RiskCoverage:
    """The error of what is kept, for each number of images that are rejected.

    Args:
        confidence: float (N,), 0 to 1.
        correct: bool (N,).

    Raises:
        ValueError: the arrays do not fit together, or are empty.
    """
    confidence, correct = checked(confidence, correct)
    order = np.argsort(-confidence, kind="stable")
    confidence, errors = confidence[order], np.cumsum(~correct[order])
    ends = np.flatnonzero(np.append(np.diff(confidence) < 0, True))
    counts = np.arange(1, len(errors) + 1)
    return RiskCoverage(confidence, np.interp(counts, [0, *ends + 1], [0, *errors[ends]]))


def auroc(confidence: np.ndarray, correct: np.ndarray) -> float | None:
    """How often a correct image is more confident than a wrong one, 0 to 1; 0.5 is no better than chance.

    It is the area under the ROC curve (Hendrycks and Gimpel, 2017), by ranks (Mann and Whitney, 1947);
    equally confident counts half. None where no image is wrong, or none is correct.

    Raises:
        ValueError: the arrays do not fit together, or are empty.
    """
    confidence, correct = checked(confidence, correct)
    right, wrong = int(correct.sum()), int((~correct).sum())
    if not right or not wrong:
        return None
    _, level, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[level][correct].sum() - right * (right + 1) / 2) / (right * wrong))
