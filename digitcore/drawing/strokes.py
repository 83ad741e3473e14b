"""Converts pen strokes to an input image, the way a dataset's images were made (see `input_image`).

Strokes are drawn from their vectors, so that every drawing has the same pen width.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitcore.drawing.input_image import (
    AS_MNIST,
    DrawingError,
    DrawingInput,
    Floats,
    InputImage,
    brief,
    check_count,
    mass_centre,
    to_uint8,
)

# Far more than a person draws. Without a bound, input from a browser could take minutes.
MAX_STROKES = 1_000
MAX_POINTS = 1_000_000

_MAX_LINES = 1000  # more would take time and not be visible


def from_strokes(
    strokes: Iterable[ArrayLike],
    pen_width: float | None = None,
    *,
    like: DrawingInput = AS_MNIST,
    centred: bool = True,
) -> InputImage:
    """Draw pen strokes as an input image, anti-aliased, with round ends and joins.

    Args:
        strokes: arrays (n, 2) of finite pixels, x right and y down, at any place
            and scale, up to 1,000 with up to a million points together; one point is a
            dot, and strokes without points are skipped.
        pen_width: width of the line in pixels of the input image, above 0 and up to 10;
            that of `like` unless given.
        like: how the input image is made, as MNIST's unless given.
        centred: False skips the last step, which moves the centre of mass to the middle.

    Returns:
        uint8 (height, width) as in `like.shape`, white ink on black; the ink's longer side is
        `like.box` pixels.

    Raises:
        DrawingError: there is no point, or the strokes or the width are not as above.
    """
    pen_width = like.pen_width if pen_width is None else pen_width
    lines, shift = _placed_lines(strokes, pen_width, like)
    return to_uint8(_ink(lines + np.tile(shift, 2) if centred else lines, pen_width, like.shape))


def from_strokes_within(
    drawings: Iterable[list[Floats]], whole: Iterable[ArrayLike], like: DrawingInput = AS_MNIST
) -> NDArray[np.uint8]:
    """Input images of groups of strokes, each at its place and size in the whole drawing.

    Args:
        drawings: the strokes of each group, arrays (n, 2) of pixels, with at least one point.
        whole: all strokes, as in `from_strokes`; they decide place and size.
        like: as in `from_strokes`.

    Returns:
        uint8 (N, height, width), white ink on black.

    Raises:
        DrawingError: as in `from_strokes`.
    """
    whole, pen_width = _listed(whole), like.pen_width
    _, shift = _placed_lines(whole, pen_width, like)
    everything = [_points(stroke) for stroke in whole]
    placed = [_lines(_boxed(strokes, pen_width, like, everything)) for strokes in drawings]
    images = [_ink(lines + np.tile(shift, 2), pen_width, like.shape) for lines in placed]
    return to_uint8(np.array(images).reshape(-1, *like.shape))


def _placed_lines(
    strokes: Iterable[ArrayLike], pen_width: float, like: DrawingInput
) -> tuple[Floats, Floats]:
    """Lines (n, 4) of the strokes in their box, and the shift (x, y) that centres them."""
    if not 0 < pen_width <= 10:
        raise DrawingError(f"A pen is above 0 and up to 10 pixels wide. Received: {pen_width!r}")
    points = [p for p in map(_points, _listed(strokes)) if len(p)]
    check_count(sum(map(len, points)), MAX_POINTS, "points")
    if not points:
        raise DrawingError("A drawing has at least one point. Received: no point")
    lines = _lines(_boxed(points, pen_width, like))
    if like.centring == "box":
        return lines, np.zeros(2)
    return lines, _shift(_ink(lines, pen_width, like.shape), lines, pen_width, like)


def _listed(strokes: Iterable[ArrayLike]) -> list[ArrayLike]:
    if isinstance(strokes, (str, bytes, dict)) or not isinstance(strokes, Iterable):
        raise DrawingError(f"Strokes are a list of (n, 2) arrays. Received: {brief(strokes)}")
    listed = list(strokes)
    check_count(len(listed), MAX_STROKES, "strokes")
    return listed


def _points(stroke: ArrayLike) -> Floats:
    try:
        points = np.asarray(stroke, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DrawingError(
            f"A stroke is an (n, 2) array of numbers. Received: {brief(stroke)}"
        ) from None
    if points.size == 0:
        return points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise DrawingError(f"A stroke is an (n, 2) array. Received: shape {points.shape}")
    if not np.isfinite(points).all():
        bad = points[~np.isfinite(points).all(axis=1)][0]
        raise DrawingError(f"Every point of a stroke is finite. Received: ({bad[0]}, {bad[1]})")
    return points


def _boxed(
    strokes: list[Floats], pen_width: float, like: DrawingInput, whole: list[Floats] | None = None
) -> list[Floats]:
    """The strokes scaled so that the longer side of all ink fills the box, in the middle of the image.

    `whole` decides scale and place, if given.
    """
    points, everything = np.concatenate(strokes), np.concatenate(whole or strokes)
    # Scaled to at most 0.5, so that no span overflows, however large the coordinates.
    largest = np.abs(everything).max() or 1.0
    points, everything = points / largest / 2, everything / largest / 2
    low, high = everything.min(axis=0), everything.max(axis=0)
    span = (high - low).max()
    # A smaller span is rounding error, and dividing by it would overflow.
    scale = (like.box - pen_width) / span if span > 1e-12 else 0.0
    points = (points - (low + high) / 2) * scale + like.middle
    return np.split(points, np.cumsum([len(stroke) for stroke in strokes])[:-1])


def _lines(strokes: list[Floats]) -> Floats:
    """Straight lines (n, 4), from x, y to x, y, that draw the strokes; a dot is a line to itself.

    At most 1000: points that lie close together are left out, and of many short strokes some.
    """
    if sum(map(len, strokes)) > 200:
        length = sum(np.hypot(*np.diff(p, axis=0).T).sum() for p in strokes if len(p) > 1)
        step = max(0.25, length / _MAX_LINES)
        strokes = [_thinned(p, step) if len(p) > 2 else p for p in strokes]
    lines = np.concatenate([np.hstack([p[:-1], p[1:]] if len(p) > 1 else [p, p]) for p in strokes])
    if len(lines) > _MAX_LINES:
        lines = np.unique(np.round(lines * 8) / 8, axis=0)
        lines = lines[:: math.ceil(len(lines) / _MAX_LINES)]
    return lines


def _thinned(points: Floats, step: float) -> Floats:
    """The first point, the last, and one for every `step` pixels of the pen's path."""
    length = np.cumsum(np.hypot(*np.diff(points, axis=0, prepend=points[:1]).T))
    keep = np.diff(np.floor(length / step), prepend=-1) > 0
    keep[-1] = True
    return points[keep]


def _ink(lines: Floats, pen_width: float, shape: tuple[int, int]) -> Floats:
    """Fraction of each pixel (height, width) under the pen, from its distance to the nearest line."""
    grid_x, grid_y = _pixel_centres(shape)
    ax, ay, bx, by = lines.astype(np.float32).T[:, :, None]
    dx, dy = bx - ax, by - ay
    px, py = grid_x - ax, grid_y - ay
    squared = dx * dx + dy * dy
    along = np.clip((px * dx + py * dy) / np.where(squared > 0, squared, 1), 0, 1)
    px -= along * dx
    py -= along * dy
    distance = np.sqrt((px * px + py * py).min(axis=0))
    return np.asarray(np.clip(pen_width / 2 + 0.5 - distance, 0, 1), np.float64).reshape(shape)


@functools.lru_cache(maxsize=8)
def _pixel_centres(shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y of each pixel's centre, row by row, (height × width,) each."""
    y, x = (axis.ravel().astype(np.float32) + np.float32(0.5) for axis in np.indices(shape))
    return x, y


def _shift(ink: Floats, lines: Floats, pen_width: float, like: DrawingInput) -> Floats:
    """Shift (x, y) in pixels that centres the mass as far as all ink stays in the image.

    Not rounded to whole pixels as in MNIST: on real strokes the exact shift gives slightly
    higher accuracy.
    """
    points = lines.reshape(-1, 2)
    low, high = points.min(axis=0) - pen_width / 2, points.max(axis=0) + pen_width / 2
    return np.asarray(np.clip(like.middle - mass_centre(ink), -low, 2 * like.middle - high))
