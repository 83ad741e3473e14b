"""Colours and axes common to figures on pages and in files.

Losses have a logarithmic axis. So have accuracies, which are drawn at their error: 10 % is on
it, and 99.1 % and 99.3 % are apart. Axes do not move during a training.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

BLUE = "#0072B2"  # correct, validation, this run
VERMILION = "#D55E00"  # wrong, attention
PALE = "#8DB7D5"  # training
GREY = "#8A8A8A"
# Of more classes, a cell of a confusion matrix is too small for a number; hover tells it.
MOST_NUMBERED = 16
# Okabe and Ito (2008), without the two above, which carry meaning, without yellow, which is
# invisible on white, and with grey in place of black, which is invisible on a dark page. The
# order never changes.
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
# Where 100 % is drawn: its error, 0, has no logarithm.
_LEAST = {"loss": 1e-6, "accuracy": 7e-4}


def run_colour(position: int) -> tuple[str, str]:
    """Colour and marker symbol of a run, the same on every page.

    Args:
        position: the run's number, 0 or more, oldest first.
    """
    return (
        OKABE_ITO[position % len(OKABE_ITO)],
        SYMBOLS[position // len(OKABE_ITO) % len(SYMBOLS)],
    )


def smooth(values: np.ndarray, decay: float = 0.9) -> np.ndarray:
    """Exponential moving average, unbiased at its start (Kingma and Ba, 2015).

    Args:
        values: float (N,); one that is not finite is left out, and the mean before it repeated.
        decay: weight of the mean so far, above 0 and below 1.

    Returns:
        float64 (N,); NaN before the first finite value.
    """
    # Here, because pages that smooth nothing show themselves 0.3 s earlier without it.
    import pandas as pd

    finite = pd.Series(np.where(np.isfinite(values), values, np.nan))
    mean: np.ndarray = finite.ewm(alpha=1 - decay, ignore_na=True).mean().to_numpy()
    return mean


def heights(values: np.ndarray, quantity: Quantity) -> np.ndarray:
    """Where values are drawn on the axis, float (N,): losses as they are, accuracies at their error."""
    errors_or_losses = 1 - values if quantity == "accuracy" else values
    drawn: np.ndarray = np.maximum(errors_or_losses, _LEAST[quantity])
    return drawn


def y_range(values: np.ndarray, quantity: Quantity) -> tuple[float, float]:
    """Bottom and top of the axis, in units of `heights`; for losses in steps, so that it rarely moves."""
    if quantity == "accuracy":
        return 1.0, 6e-4
    real = values[np.isfinite(values) & (values > 0)]
    least, most = real.min(initial=0.01), real.max(initial=3.0)
    bottom = next((t for t in (0.01, 0.001, 1e-4, 1e-5) if t <= least), _LEAST["loss"])
    return bottom, next((t for t in (3.0, 10.0) if t >= most), 100.0)


def beyond(values: np.ndarray, quantity: Quantity, top: float) -> np.ndarray:
    """Indices of values above the axis: of each stretch of them the highest, integer (K,).

    Args:
        values: float (N,); gaps are NaN.
        quantity: what they are; only losses leave their axis.
        top: its end, in units of `heights`.
    """
    above = np.flatnonzero((quantity == "loss") & (heights(values, quantity) > top))
    if not len(above):
        return np.empty(0, dtype=int)
    stretches = np.split(above, np.flatnonzero(np.diff(above) > 1) + 1)
    return np.array([part[values[part].argmax()] for part in stretches])


def class_colours(count: int) -> list[str]:
    """A colour for each of so many classes: hues evenly spaced around those of blue and vermilion.

    They are no more than a hint where classes are many, so name a class beside its points.
    """
    # Degrees from 45 up to 180, and from 225 on to 375.
    angles = np.linspace(0, 285, count, endpoint=False)
    hues = np.where(angles < 135, 45 + angles, 90 + angles) % 360
    return [f"hsl({hue:.0f}, 65%, {48 if index % 2 else 60}%)" for index, hue in enumerate(hues)]
