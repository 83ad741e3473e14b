"""Why a drawing was read as it was: its strokes, its looks, its neighbours.

influence  how much each stroke spoke for the answer, by leaving it out in turn (occlusion:
           Zeiler and Fergus, 2014)
hints      what is unusual about a digit image, beside MNIST's
Nearest    the images of a split that look most like a digit image
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitcore import drawing
from digitcore.drawing import Floats, InputImage

Ask = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

# What lies within is 98 % of MNIST's training images: the 1st and the 99th percentile of each.
SLANT = (-28.0, 38.0)  # degrees to the right
WIDTH = (0.2, 1.43)  # over the height
PEN = (1.5, 4.7)  # pixels

_PARTS = 4
_MAX_PARTS = 24
_COMPONENTS = 40


class Part(NamedTuple):
    """A stroke, or a part of one.

    `points` is float (n, 2) in the drawing's pixels; `weight` what the answer's probability
    loses without it, from -1 (it spoke against) to 1.
    """

    points: Floats
    weight: float


def influence(strokes: Sequence[Floats], ask: Ask) -> tuple[NDArray[np.float32], list[Part]]:
    """What the network says of a drawing, and what each part of it did for the answer.

    Few strokes are cut into four parts of the same length in all, so that one that is
    drawn without lifting the pen can be told apart, too.

    Args:
        strokes: arrays (n, 2) of pixels, as of `drawing.from_strokes`.
        ask: a network: uint8 (N, 28, 28) to float32 (N, 10). It is asked once.

    Returns:
        Probabilities float32 (10,), and the parts; none where there are more than 24.

    Raises:
        DrawingError: there is no point, or the strokes are not as above.
    """
    whole = drawing.from_strokes(strokes)
    parts = _parts([np.asarray(s, np.float64) for s in strokes if len(s)])
    others = [[p for j, p in enumerate(parts) if j != i] for i in range(len(parts))]
    if len(parts) > _MAX_PARTS or len(parts) < 2:
        return ask(whole[None])[0], []
    # The whole drawing's place and size are kept, so that only the stroke is missing.
    left_out = drawing.from_strokes_within(others, strokes)
    table = ask(np.concatenate([whole[None], left_out]))
    answer = int(table[0].argmax())
    weights = table[0, answer] - table[1:, answer]
    return table[0], [Part(p, float(w)) for p, w in zip(parts, weights, strict=True)]


def _parts(strokes: list[Floats]) -> list[Floats]:
    if len(strokes) >= _PARTS:
        return strokes
    lengths = np.array([_way(stroke)[-1] for stroke in strokes])
    total = lengths.sum()
    if not total:
        return strokes
    counts = np.maximum(1, np.round(_PARTS * lengths / total).astype(int))
    return [p for s, n in zip(strokes, counts, strict=True) for p in _cut(s, int(n))]


def _way(stroke: Floats) -> Floats:
    """How far the pen has come at each point."""
    return np.cumsum(np.hypot(*np.diff(stroke, axis=0, prepend=stroke[:1]).T))


def _cut(stroke: Floats, count: int) -> list[Floats]:
    """The stroke in parts of the same length, each beginning where the last one ends."""
    way = _way(stroke)
    ends = np.linspace(0, way[-1], count + 1)
    parts = []
    for low, high in itertools.pairwise(ends):
        inner = stroke[(way > low) & (way < high)]
        tips = [[np.interp(at, way, axis) for axis in stroke.T] for at in (low, high)]
        parts.append(np.concatenate([tips[:1], inner, tips[1:]]))
    return parts


def hints(image: InputImage) -> list[str]:
    """Plain words on what is unusual about a digit image; mostly none.

    Args:
        image: uint8 (28, 28), white ink on black.
    """
    found = []
    slant, width, pen = slant_of(image), width_of(image), pen_of(image)
    if not SLANT[0] <= slant <= SLANT[1]:
        way = "right" if slant > 0 else "left"
        found.append(f"leans {abs(slant):.0f}° to the {way}")
    if width < WIDTH[0] or width > WIDTH[1]:
        found.append("narrow for MNIST" if width < WIDTH[0] else "wide for MNIST")
    if pen < PEN[0] or pen > PEN[1]:
        found.append("thin for MNIST" if pen < PEN[0] else "thick for MNIST")
    return found


def slant_of(image: InputImage) -> float:
    """Degrees that the ink leans to the right, by its second moments."""
    ink = image / 255.0
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    total = ink.sum() or 1.0
    dy, dx = y - (ink * y).sum() / total, x - (ink * x).sum() / total
    high = float((ink * dy * dy).sum())
    return math.degrees(math.atan2(-float((ink * dx * dy).sum()), high)) if high else 0.0


def width_of(image: InputImage) -> float:
    """The ink's width over its height."""
    rows, columns = (np.flatnonzero((image > 50).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 1.0
    return float(np.ptp(columns) + 1) / float(np.ptp(rows) + 1)


def pen_of(image: InputImage) -> float:
    """Width of the line in pixels: the ink's area over half its outline."""
    return drawing.line_width(image / 255.0)


class Nearest:
    """Finds the images that look most like one, among many, in about a millisecond.

    They are compared in the 40 directions in which they differ most (principal components
    of images averaged down to 14×14), and the best of these pixel by pixel.
    """

    def __init__(self, images: NDArray[np.uint8]) -> None:
        """Prepares the search.

        Args:
            images: uint8 (N, 28, 28); they are not copied.
        """
        self._images = images
        small = _small(images)
        self._mean = small.mean(axis=0)
        small -= self._mean
        _, axes = np.linalg.eigh(small.T @ small)
        self._axes = axes[:, -_COMPONENTS:]
        self._places = small @ self._axes
        self._lengths = (self._places**2).sum(axis=1)

    def __call__(self, image: InputImage, count: int = 5) -> NDArray[np.intp]:
        """Indices (count,) of the images nearest to uint8 (28, 28), the nearest first."""
        place = (_small(image[None])[0] - self._mean) @ self._axes
        rough = self._lengths - 2 * self._places @ place
        few = np.argpartition(rough, min(10 * count, len(rough) - 1))[: 10 * count]
        # A pixel aside is no difference to an eye.
        blurred = ndimage.gaussian_filter(self._images[few].astype(np.float32), (0, 0.7, 0.7))
        aim = ndimage.gaussian_filter(image.astype(np.float32), 0.7)
        exact = ((blurred - aim) ** 2).sum(axis=(1, 2))
        return few[np.argsort(exact, kind="stable")[:count]]


def _small(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images (N, 28, 28) averaged down to float32 (N, 196)."""
    n = len(images)
    parts = images.reshape(n, 14, 2, 14, 2)
    total = sum(parts[:, :, i, :, j].astype(np.float32) for i in (0, 1) for j in (0, 1))
    return np.asarray(total / 4, np.float32).reshape(n, 196)
