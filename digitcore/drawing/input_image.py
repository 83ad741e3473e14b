"""The conventions of an input image, which strokes and pictures are converted to.

Each dataset has its own: `DrawingInput` has them, and its defaults are MNIST's. MNIST's digits fit
a box of 20×20 pixels with their aspect ratio kept, and lie in 28×28 pixels with their centre of mass
in the middle (LeCun et al., 1998, "Gradient-based learning applied to document recognition",
section III A).

    DrawingError (ValueError)   there is no ink, or the input is not a drawing
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

# MNIST's median stroke is 2.5 px wide; at 2.4 px real pen strokes leave as much
# ink, digit by digit, as MNIST's images have (mean of 33.5 of 255).
PEN_WIDTH = 2.4

Floats = NDArray[np.float64]
InputImage = NDArray[np.uint8]
# A network: input images, uint8 (N, height, width), to probabilities, float32 (N, classes).
Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class DrawingInput:
    """How a person's drawing becomes an input image like those of a dataset; MNIST's by default.

    Attributes:
        item: what one drawing shows, a word after "a": digit, letter, character.
        strokes: whether pen strokes may be drawn for it; else only an image is read.
        shape: height and width of the input image in pixels.
        box: pixels of the square that the ink is fitted to, its aspect ratio kept.
        centring: what lies in the middle of the image: the ink's centre of mass, which in MNIST is
            at pixel index 14.0 ± 0.3 on both axes, or the middle of its box.
        pen_width: width of a stroke in pixels of the input image.

    Raises:
        ValueError: the box does not fit into the image, or the pen not into the box.
    """

    item: str = "digit"
    strokes: bool = True
    shape: tuple[int, int] = (28, 28)
    box: int = 20
    centring: Literal["mass", "box"] = "mass"
    pen_width: float = PEN_WIDTH

    def __post_init__(self) -> None:
        if not 0 < self.pen_width < self.box <= min(self.shape):
            raise ValueError(
                "A pen is narrower than the box, and the box fits into the image. "
                f"Received: {self.pen_width}, {self.box}, {self.shape}"
            )

    @property
    def middle(self) -> Floats:
        """The middle (x, y) of the image in pixels."""
        height, width = self.shape
        return np.array([width / 2, height / 2])


AS_MNIST = DrawingInput()


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
    # Imported late: the registry of datasets needs this module, and no SciPy.
    from scipy import ndimage

    y, x = ndimage.center_of_mass(ink)
    return np.array([x, y])
