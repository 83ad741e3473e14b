"""The conventions of an input image, which strokes and pictures are converted to.

MNIST's digits fit a box of 20×20 pixels with their aspect ratio kept, and lie
in 28×28 pixels with their centre of mass in the middle (LeCun et al., 1998,
"Gradient-based learning applied to document recognition", section III A).

    DrawingError (ValueError)   there is no ink, or the input is not a drawing
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIDE = 28
BOX = 20
# MNIST's median stroke is 2.5 px wide; at 2.4 px real pen strokes leave as much
# ink, digit by digit, as MNIST's images have (mean of 33.5 of 255).
PEN_WIDTH = 2.4
# The pixel index where MNIST's centres of mass lie: 14.0 ± 0.3 on both axes.
CENTRE = 14

Floats = NDArray[np.float64]
InputImage = NDArray[np.uint8]
# A network: input images, uint8 (N, 28, 28), to probabilities, float32 (N, classes).
Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class DrawingError(ValueError):
    """There is no ink, or the input is not a drawing."""


def check_count(count: int, most: int, what: str) -> None:
    """Raises DrawingError if `count` is above `most`."""
    if count > most:
        raise DrawingError(f"A drawing has up to {most:,} {what}. Received: {count:,}")


def brief(value: Any) -> str:
    """`repr` in bounded time and depth, for anything that a browser sends."""
    return f"{reprlib.repr(value):.80}"


def to_uint8(ink: Floats) -> InputImage:
    """Pixels 0 to 255 of ink from 0 to 1, of the same shape."""
    return np.round(255 * ink).astype(np.uint8)


def mass_centre(ink: Floats) -> Floats:
    """Centre of mass (x, y) in pixel indices."""
    y, x = ndimage.center_of_mass(ink)
    return np.array([x, y])
