"""A drawn seven, and measures of input images; for tests."""

from __future__ import annotations

import numpy as np

SEVEN = [np.array([[60.0, 50], [200, 50], [120, 260]]), np.array([[100.0, 150], [190, 160]])]


def extent(image: np.ndarray, level: int = 64) -> tuple[int, int]:
    """Width and height of the ink."""
    rows, columns = np.nonzero(image > level)
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def mass_centre(image: np.ndarray) -> tuple[float, float]:
    total = image.sum()
    axis = np.arange(28)
    return (image.sum(0) * axis).sum() / total, (image.sum(1) * axis).sum() / total


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean of the absolute differences in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())
