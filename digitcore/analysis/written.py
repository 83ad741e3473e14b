"""How numbers are written, in a shell, on a page and in a figure: an accuracy as `99.02 % (98.81–99.20)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from digitcore.analysis.classification import wilson


def percent(fraction: float) -> str:
    """An accuracy between 0 and 1 as `99.02 %`."""
    return f"{100 * fraction:.2f} %"


def confidence(probability: float) -> str:
    """A probability in whole percent, `98 %`; never more than `99 %`, as no network is certain."""
    return f"{min(99, round(100 * probability))} %"


def interval(ends: Sequence[float]) -> str:
    """An interval of accuracies as `98.81–99.20`."""
    return f"{100 * ends[0]:.2f}–{100 * ends[1]:.2f}"


def accuracy(fraction: float, ends: Sequence[float] | None) -> str:
    """An accuracy and its 95 % interval as `99.02 % (98.81–99.20)`; alone where there is none."""
    return f"{percent(fraction)} ({interval(ends)})" if ends else percent(fraction)


def accuracy_of(fraction: float, images: int | None) -> str:
    """The accuracy on so many images, with its interval; alone where it is not known how many."""
    return accuracy(fraction, interval_of(fraction, images))


def interval_of(fraction: float, images: int | None) -> tuple[float, float] | None:
    """The 95 % interval (Wilson) of an accuracy on so many images; None where it is not known how many."""
    return wilson(round(fraction * images), images) if images else None


def value(setting: Any) -> str:
    """The value of a recipe's field: `60,000`, `0.001` or `adam`."""
    if isinstance(setting, float):
        return f"{setting:g}"
    return f"{setting:,}" if isinstance(setting, int) else str(setting)
