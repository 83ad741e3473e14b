"""Explains a prediction for a drawing: which strokes decided it, and what the image is like.

occlusion  how much each stroke contributes, by leaving it out (Zeiler and Fergus, 2014)
hints      what is unusual about an input image compared with MNIST
Nearest    the images of a split that are most similar to an input image
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitcore import drawing
from digitcore.drawing import AS_MNIST, DrawingInput, Floats, InputImage, Predict

# 1st and 99th percentile of MNIST's training images.
SLANT = (-28.0, 38.0)  # degrees to the right
WIDTH = (0.2, 1.43)  # over the height
PEN = (1.5, 4.7)  # pixels

_LEAST_SEGMENTS = 4
_MOST_SEGMENTS = 24
_COMPONENTS = 40
_SMALL = 16  # pixels


class Attribution(NamedTuple):
    """What one stroke, or a segment of one, contributes to the prediction.

    `points` is float64 (n, 2) in the drawing's pixels. `weight` is by how much the predicted
    class's probability drops without it, -1 to 1; negative means evidence against the class.
    """

    points: Floats
    weight: float


def occlusion(
    strokes: Sequence[Floats], predict: Predict, like: DrawingInput = AS_MNIST
) -> tuple[NDArray[np.float32], list[Attribution]]:
    """Predict a drawing, and attribute the prediction to its strokes by leaving each one out.

    If there are fewer than four strokes, they are cut into about four segments of equal
    length, so that what is drawn in one stroke can be explained too.

    Args:
        strokes: arrays (n, 2) of pixels, as in `drawing.from_strokes`.
        predict: the network; called once.
        like: as in `drawing.from_strokes`.

    Returns:
        Probabilities float32 (classes,), and an attribution for each segment; none if there
        is one segment or more than 24.

    Raises:
        DrawingError: there is no point, or the strokes are not as above.
    """
    whole = drawing.from_strokes(strokes, like=like)
    segments = _segments([np.asarray(s, np.float64) for s in strokes if len(s)])
    if not 2 <= len(segments) <= _MOST_SEGMENTS:
        return predict(whole[None])[0], []
    rest = [[s for j, s in enumerate(segments) if j != i] for i in range(len(segments))]
    # At the whole drawing's place and size, so that nothing but the segment is missing.
    images = drawing.from_strokes_within(rest, strokes, like)
    table = predict(np.concatenate([whole[None], images]))
    predicted = int(table[0].argmax())
    weights = table[0, predicted] - table[1:, predicted]
    return table[0], [Attribution(s, float(w)) for s, w in zip(segments, weights, strict=True)]


def _segments(strokes: list[Floats]) -> list[Floats]:
    if len(strokes) >= _LEAST_SEGMENTS:
        return strokes
    lengths = np.array([_path_length(stroke)[-1] for stroke in strokes])
    total = lengths.sum()
    if not total:
        return strokes
    counts = np.maximum(1, np.round(_LEAST_SEGMENTS * lengths / total).astype(int))
    return [piece for s, n in zip(strokes, counts, strict=True) for piece in _cut(s, int(n))]


def _path_length(stroke: Floats) -> Floats:
    """Length of the pen's path up to each point, in pixels."""
    return np.cumsum(np.hypot(*np.diff(stroke, axis=0, prepend=stroke[:1]).T))


def _cut(stroke: Floats, count: int) -> list[Floats]:
    """The stroke in segments of equal length, each beginning where the last one ends."""
    length = _path_length(stroke)
    ends = np.linspace(0, length[-1], count + 1)
    segments = []
    for low, high in itertools.pairwise(ends):
        inner = stroke[(length > low) & (length < high)]
        tips = [[np.interp(at, length, axis) for axis in stroke.T] for at in (low, high)]
        segments.append(np.concatenate([tips[:1], inner, tips[1:]]))
    return segments


def hints(image: InputImage) -> list[str]:
    """What is unusual about an input image compared with MNIST, in plain words; mostly nothing.

    Args:
        image: uint8 (height, width), white ink on black, made as MNIST's were.
    """
    unusual = []
    slant, width, pen = slant_of(image), width_of(image), pen_of(image)
    if not SLANT[0] <= slant <= SLANT[1]:
        side = "right" if slant > 0 else "left"
        unusual.append(f"leans {abs(slant):.0f}° to the {side}")
    if width < WIDTH[0] or width > WIDTH[1]:
        unusual.append("narrow for MNIST" if width < WIDTH[0] else "wide for MNIST")
    if pen < PEN[0] or pen > PEN[1]:
        unusual.append("thin for MNIST" if pen < PEN[0] else "thick for MNIST")
    return unusual


def slant_of(image: InputImage) -> float:
    """Slant of the ink to the right in degrees, by its second moments; 0 for a blank image."""
    ink = image / 255.0
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    total = ink.sum() or 1.0
    dy, dx = y - (ink * y).sum() / total, x - (ink * x).sum() / total
    high = float((ink * dy * dy).sum())
    return math.degrees(math.atan2(-float((ink * dx * dy).sum()), high)) if high else 0.0


def width_of(image: InputImage) -> float:
    """Width of the ink over its height; 1 for a blank image."""
    rows, columns = (np.flatnonzero((image > 50).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 1.0
    return float(np.ptp(columns) + 1) / float(np.ptp(rows) + 1)


def pen_of(image: InputImage) -> float:
    """Width of the line in pixels: area of the ink over half its outline."""
    return drawing.line_width(image / 255.0)


class Nearest:
    """Finds the most similar of many images in about a millisecond.

    Candidates are compared by 40 principal components of images averaged down to about 16×16
    pixels or fewer, and the best of them pixel by pixel.
    """

    def __init__(self, images: NDArray[np.uint8]) -> None:
        """Computes the principal components.

        Args:
            images: uint8 (N, height, width), not copied.
        """
        self._images = images
        self._step = -(-max(images.shape[1:]) // _SMALL)
        small = _small(images, self._step)
        self._mean = small.mean(axis=0)
        small -= self._mean
        _, axes = np.linalg.eigh(small.T @ small)
        self._axes = axes[:, -_COMPONENTS:]
        self._projections = small @ self._axes
        self._lengths = (self._projections**2).sum(axis=1)

    def __call__(
        self, image: InputImage, count: int = 5, among: NDArray[np.bool_] | None = None
    ) -> NDArray[np.intp]:
        """Indices of the images most similar to one, int64 (count or fewer,), best first.

        Args:
            image: uint8 (height, width).
            count: how many, 1 or more.
            among: bool (N,), which images may be among them; None for all.
        """
        projection = (_small(image[None], self._step)[0] - self._mean) @ self._axes
        rough = self._lengths - 2 * self._projections @ projection
        own = np.arange(len(rough)) if among is None else np.flatnonzero(among)
        if not len(own):
            return own
        few = own[np.argpartition(rough[own], min(10 * count, len(own) - 1))[: 10 * count]]
        # Blurred, because a shift by a pixel makes no difference to the eye.
        blurred = ndimage.gaussian_filter(self._images[few].astype(np.float32), (0, 0.7, 0.7))
        target = ndimage.gaussian_filter(image.astype(np.float32), 0.7)
        exact = ((blurred - target) ** 2).sum(axis=(1, 2))
        return few[np.argsort(exact, kind="stable")[:count]]


def _small(images: NDArray[np.uint8], step: int) -> NDArray[np.float32]:
    """Images (N, height, width) averaged down by a whole number to float32 (N, pixels).

    The rows and columns that are left over, fewer than `step`, are left out.
    """
    height, width = (side // step for side in images.shape[1:])
    blocks = images[:, : height * step, : width * step].reshape(-1, height, step, width, step)
    steps = range(step)
    total = sum(blocks[:, :, i, :, j].astype(np.float32) for i in steps for j in steps)
    return np.asarray(total / step**2, np.float32).reshape(len(images), -1)
