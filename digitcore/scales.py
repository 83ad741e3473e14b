"""Colours and axes that the figures on pages and those in files share.

Losses stand on a logarithmic axis; accuracies too, by their errors, so that 10 % has
its place and 99.1 % is told from 99.3 %. The axes stay put while a training goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

BLUE = "#0072B2"  # right, validation, this run
VERMILION = "#D55E00"  # wrong, attention
PALE = "#8DB7D5"  # training
GREY = "#8A8A8A"
# Okabe and Ito (2008), without the two above that carry meaning, without the yellow that
# a white page swallows, and with grey for the black that a dark one would. The order
# never changes.
OKABE_ITO = ("#E69F00", "#009E73", "#CC79A7", "#56B4E9", GREY)
SYMBOLS = ("circle", "square", "diamond", "triangle-up")

Events = Sequence[dict[str, Any]]
Quantity = Literal["loss", "accuracy"]

TICKS = {
    "loss": {v: f"{v:g}" for v in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)},
    "accuracy": {
        e: f"{100 * (1 - e):g} %" for e in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001)
    },
}
# Where 100 % of a batch is drawn, as no logarithm ends there.
_LEAST = {"loss": 1e-6, "accuracy": 7e-4}


def run_colour(position: int) -> tuple[str, str]:
    """Colour and marker symbol of the run at that place, oldest first, the same on every page."""
    return (
        OKABE_ITO[position % len(OKABE_ITO)],
        SYMBOLS[position // len(OKABE_ITO) % len(SYMBOLS)],
    )


def smooth(values: np.ndarray, decay: float = 0.9) -> np.ndarray:
    """Exponential moving average, float64 (N,), unbiased at its start (Kingma and Ba, 2015)."""
    result = np.empty(len(values))
    mean = weight = 0.0
    for i, value in enumerate(values):
        # A loss that is not a number stays out of the mean; the raw line has its gap.
        if np.isfinite(value):
            mean = decay * mean + (1 - decay) * float(value)
            weight = decay * weight + (1 - decay)
        result[i] = mean / weight if weight else np.nan
    return result


def values_of(events: Events, key: str) -> np.ndarray:
    """That value of each event, float64 (N,); NaN where there is none."""
    return np.array([event.get(key, np.nan) for event in events], dtype=np.float64)


def heights(values: np.ndarray, quantity: Quantity) -> np.ndarray:
    """Where values stand on the axis: losses as they are, accuracies by their errors."""
    stand: np.ndarray = np.maximum(
        1 - values if quantity == "accuracy" else values, _LEAST[quantity]
    )
    return stand


def y_range(values: np.ndarray, quantity: Quantity) -> tuple[float, float]:
    """Bottom and top of the axis, in `heights`; of losses in steps, so that it rarely moves."""
    if quantity == "accuracy":
        return 1.0, 6e-4
    real = values[np.isfinite(values) & (values > 0)]
    least, most = real.min(initial=0.01), real.max(initial=3.0)
    bottom = next((t for t in (0.01, 0.001) if t <= least), 1e-4)
    return bottom, next((t for t in (3.0, 10.0) if t >= most), 100.0)
