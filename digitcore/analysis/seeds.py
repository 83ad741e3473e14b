"""Runs that differ only in their seed, as one: mean and spread, and how two such groups differ.

How far another seed moves an accuracy is seen only by training with another seed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from digitcore.analysis.comparison import SIGNIFICANCE


@dataclass(frozen=True)
class Group:
    """Accuracies of runs that differ only in their seed: mean, standard deviation (ddof 1), and number.

    The deviation of a single run is None.
    """

    mean: float
    deviation: float | None
    number: int


@dataclass(frozen=True)
class GroupDifference:
    """Difference of two groups' means, second minus first, with its 95 % interval and p over seeds.

    Both are None where the seeds do not show how far they spread.
    """

    difference: float
    interval: tuple[float, float] | None
    p: float | None


def group(accuracies: Sequence[float]) -> Group:
    """What runs that differ only in their seed reach.

    Raises:
        ValueError: there is none.
    """
    if not accuracies:
        raise ValueError("A group has one run or more. Received: none")
    several = len(accuracies) > 1
    deviation = statistics.stdev(accuracies) if several else None
    return Group(statistics.fmean(accuracies), deviation, len(accuracies))


def difference_of_groups(first: Sequence[float], second: Sequence[float]) -> GroupDifference:
    """Difference of two groups' means, with an interval over seeds (Welch, 1947).

    It holds for these images and other seeds. Where one group is a single run, its spread is taken to be the
    other's (Crawford and Howell, 1998).

    Args:
        first, second: accuracies, 0 to 1, of runs that differ only in their seed.

    Raises:
        ValueError: a group is empty.
    """
    from scipy import special

    one, other = group(first), group(second)
    difference = other.mean - one.mean
    spreads = [g.deviation for g in (one, other) if g.deviation is not None]
    if not any(spreads):
        return GroupDifference(difference, None, None)
    if len(spreads) == 1:
        error = spreads[0] * math.sqrt(1 / one.number + 1 / other.number)
        freedom = float(max(one.number, other.number) - 1)
    else:
        terms = [
            (s**2 / g.number, g.number - 1) for s, g in zip(spreads, (one, other), strict=True)
        ]
        variance = sum(term for term, _ in terms)
        error = math.sqrt(variance)
        freedom = variance**2 / sum(term**2 / n for term, n in terms)
    margin = float(special.stdtrit(freedom, 1 - SIGNIFICANCE / 2)) * error
    p = float(2 * special.stdtr(freedom, -abs(difference) / error))
    return GroupDifference(difference, (difference - margin, difference + margin), p)
