"""Colours and axes that the figures on pages and those in files share.

Losses stand on a logarithmic axis; accuracies too, by their errors, so that 10 % has
its place and 99.1 % is told from 99.3 %. The axes stay put while a training goes on.
"""

from __future__ import annotations

import math
from typing import Literal

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

Quantity = Literal["loss", "accuracy"]

TICKS = {
    "loss": {
        v: f"{v:g}"
        for v in (1e-6, 1e-5, 1e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
    },
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
    # A loss that is not a number stays out of the mean; the raw line has its gap.
    finite = np.isfinite(values)
    mean = _moving_average(values[finite], decay)
    early = mean[: math.ceil(math.log(1e-17) / math.log(decay))]  # later, nothing is to mend
    early /= 1 - decay ** np.arange(1, len(early) + 1)
    smoothed: np.ndarray = np.concatenate([[np.nan], mean])[np.cumsum(finite)]
    return smoothed


def _moving_average(values: np.ndarray, decay: float, width: int = 64) -> np.ndarray:
    """`mean = decay * mean + (1 - decay) * value`, begun at 0, after each value."""
    # In blocks, as a loop over all values would be felt at each look at a long training.
    blocks = np.zeros((-(-len(values) // width), width))
    blocks.flat[: len(values)] = values
    places = np.arange(width)
    ages = np.maximum(places[:, np.newaxis] - places, 0)
    means: np.ndarray = blocks @ np.tril((1 - decay) * decay**ages).T
    carried = np.zeros(len(blocks))
    for i in range(1, len(blocks)):
        carried[i] = means[i - 1, -1] + decay**width * carried[i - 1]
    means += np.outer(carried, decay ** (places + 1))
    return means.ravel()[: len(values)]


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
    bottom = next((t for t in (0.01, 0.001, 1e-4, 1e-5) if t <= least), _LEAST["loss"])
    return bottom, next((t for t in (3.0, 10.0) if t >= most), 100.0)
