"""What a table of probabilities must be, whoever wrote the file."""

from __future__ import annotations

import numpy as np

_MOST_OFF = 1e-3  # of a row's sum; float32 leaves it a thousandth of that


def fault(table: np.ndarray, classes: int) -> str:
    """What keeps a table from being float32 (N, classes), 0 to 1, rows summing to 1; "" if nothing."""
    if table.ndim != 2 or table.shape[1] != classes:
        return f"has shape {table.shape}"
    if table.dtype != np.float32:
        return f"must be float32. Received: {table.dtype}"
    if not len(table):
        return "must have a row for each image. Received: none"
    # No comparison holds for what is no number.
    if not ((table >= 0) & (table <= 1)).all():
        return "must be from 0 to 1"
    if not (abs(table.sum(axis=1) - 1) < _MOST_OFF).all():
        return "must have rows that sum to 1"
    return ""
