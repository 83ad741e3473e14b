"""Several networks as one: the mean of their probabilities, and which of them to take. Arrays in, numbers out.

`tables` are probabilities, float (N, classes), of several networks for the same N images; `labels` is an
integer (N,). Choose on the validation split: of many ensembles, the best on test is the luckiest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitcore.analysis import classification

STEPS = 20


def mean(tables: Sequence[np.ndarray], weights: Sequence[int]) -> NDArray[np.float64]:
    """The weighted mean of the probabilities, float64 (N, classes), rows summing to 1.

    Args:
        tables: as above, one or more.
        weights: how often each counts, 0 or more; not all 0.

    Raises:
        ValueError: the arrays do not fit together, or no table counts.
    """
    if (
        len(tables) != len(weights)
        or min(weights, default=0) < 0
        or not sum(weights)
        or len({table.shape for table in tables}) > 1
    ):
        told = ", ".join(f"{table.shape} × {n}" for table, n in zip(tables, weights, strict=False))
        raise ValueError(
            f"An ensemble takes tables of one shape, some of which count. Received: {told}"
        )
    stack = np.stack(tables).astype(np.float64)
    result: NDArray[np.float64] = np.average(stack, axis=0, weights=weights)
    return result


def greedy(tables: Sequence[np.ndarray], labels: np.ndarray, steps: int = STEPS) -> list[int]:
    """How often each network counts: forward selection with replacement (Caruana et al., 2004).

    It begins with the most accurate network and adds, step by step, the one whose addition makes the ensemble
    the most accurate; one may be added again. The smallest of the best ensembles on the way is taken. Where
    accuracies are equal, the lower log loss decides.

    Args:
        tables, labels: as above, of validation images.
        steps: networks to add, the first included, 1 or more.

    Returns:
        A weight for each table, in order.

    Raises:
        ValueError: the arrays do not fit together, or there is no table.
    """
    if not tables or steps < 1:
        raise ValueError(
            f"An ensemble takes one table or more, and one step or more. Received: {len(tables)}, {steps}"
        )
    weights = [0] * len(tables)
    best, best_score = weights, (-1.0, 0.0)
    for _ in range(steps):
        scored = []
        for place in range(len(tables)):
            more = [n + (i == place) for i, n in enumerate(weights)]
            scored.append((score(mean(tables, more), labels), more))
        # The first of equals, so that the order of the networks decides nothing else.
        (reached, weights) = max(scored, key=lambda one: one[0])
        if reached > best_score:
            best, best_score = weights, reached
    return best


def score(table: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy, and log loss as a negative number: the greater, the better."""
    return classification.accuracy(table, labels), -classification.log_loss(table, labels)
