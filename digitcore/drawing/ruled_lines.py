"""Removes the printed lines of ruled and squared paper from a picture and keeps the writing.

A printed line is thin, straight and far longer than any pen stroke of its width. Lines are
detected by slope and offset (Hough, 1962); each is then fitted on its own, because perspective
gives each a different slope, and erased where the ink on it is no thicker than the line. Where
a stroke crosses, the ink is thicker and stays.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

_THICKEST = 60  # a line is thinner than a sixtieth of the picture's longer side
_STEEPEST = 0.3  # slope, 17 degrees
_SHORTEST = 0.38  # of the picture's width, as a sheet may end within the picture
_SLENDER = 40  # length over thickness; no stroke reaches it
_COVERED = 0.6  # fraction of a line that is visible; the rest is faded or under strokes
_CLEARER = 1.2  # density of ink on a line, of that around it; more on each of 1,048 lines of photos
_REPEATED = 3  # lines in one direction
_MOST_CANDIDATES = 100  # for a line in one direction; a squared sheet has 60 lines
_MOST_FAILURES = 50  # candidates in a row that are no lines; a line has few worse ones before it
_MOST_POINTS = 50_000
_BIN = 3  # pixels
_CLOSEST = 2.5  # pixels from a line's middle


class Unruled(NamedTuple):
    """Ink without the long thin lines that were in it.

    Attributes:
        ink: bool (h, w).
        across, down: the lines that were erased, horizontal and vertical: left, top, right and
            bottom of each, in pixels.
    """

    ink: Mask
    across: list[Box]
    down: list[Box]

    @property
    def repeats(self) -> bool:
        """Whether the lines are printed: one or two may be strokes of digits."""
        return max(len(self.across), len(self.down)) >= _REPEATED


@dataclass(frozen=True)
class _Line:
    y: NDArray[np.floating]  # (w,) its row in each column, in pixels
    thickness: float
    first: int  # column
    last: int

    @property
    def box(self) -> Box:
        rows, half = self.y[self.first : self.last], self.thickness / 2
        return self.first, int(rows.min() - half), self.last, int(rows.max() + half) + 1


def without_lines(ink: Mask) -> Unruled:
    """The ink without long thin lines, horizontal and vertical.

    Args:
        ink: bool (h, w), all that contrasts with the paper.
    """
    level, across = _without_horizontal_lines(ink)
    turned, down = _without_horizontal_lines(level.T)
    return Unruled(turned.T, across, [(top, left, low, right) for left, top, right, low in down])


def _without_horizontal_lines(ink: Mask) -> tuple[Mask, list[Box]]:
    runs = _run_lengths(ink)
    thickest = max(4, max(ink.shape) // _THICKEST)
    kept = ink.copy()
    lines = _lines(runs, thickest)
    for line in lines:
        _erase(kept, runs, line)
    return kept, [line.box for line in lines]


def _run_lengths(ink: Mask) -> NDArray[np.int32]:
    """Length of the vertical run of ink that each pixel belongs to, int32 (h, w); 0 without ink."""
    padded = np.pad(ink, ((1, 1), (0, 0))).T  # so that no run continues in the next column
    change = np.diff(padded.ravel().astype(np.int8))
    starts, ends = np.flatnonzero(change == 1) + 1, np.flatnonzero(change == -1) + 1
    lengths = np.zeros(padded.size + 1, np.int32)
    lengths[starts], lengths[ends] = ends - starts, starts - ends
    return np.cumsum(lengths[:-1], dtype=np.int32).reshape(padded.shape).T[1:-1]


def _lines(runs: NDArray[np.int32], thickest: int) -> list[_Line]:
    """Lines through many pixels of thin ink, the best first."""
    width = runs.shape[1]
    left = (runs > 0) & (runs <= thickest)
    lines: list[_Line] = []
    failures = 0
    for start, slope in _likely_lines(left, runs):
        line = _fitted(left, runs, start + slope * np.arange(width), thickest)
        if line is None:
            failures += 1
            if failures == _MOST_FAILURES:
                break
            continue
        failures = 0
        lines.append(line)
        left[_beside(line.y, line.thickness, left)] = False
    return lines


def _likely_lines(thin: Mask, runs: NDArray[np.int32]) -> list[tuple[float, float]]:
    """Row at the left edge and slope of lines that many thin pixels vote for, the best first."""
    height, width = runs.shape
    slopes = np.arange(-_STEEPEST, _STEEPEST + 1e-9, 2 * _BIN / width)
    shift = round(_STEEPEST * width / 2) + _BIN
    bins = (height + 2 * shift) // _BIN + 2
    ys, xs = np.nonzero(thin)
    # If there are very many points, some columns are enough to detect lines.
    step = max(1, len(ys) // _MOST_POINTS)
    sampled = xs % step == 0
    y, x = ys[sampled], xs[sampled]
    votes = step / runs[y, x]  # a run in a column has one vote, whatever its length
    middle = x - width / 2
    table = np.stack(
        [
            np.bincount(((y - slope * middle + shift) / _BIN).astype(np.intp), votes, bins)
            for slope in slopes
        ]
    )
    table = table[:, :-1] + table[:, 1:]  # a line may lie between two bins
    least = _SHORTEST * _COVERED * width
    peaks = (table == ndimage.maximum_filter(table, (5, 5))) & (table > 0.8 * least)
    # Some lines peak twice.
    order = np.argwhere(peaks)[np.argsort(-table[peaks])][:_MOST_CANDIDATES]
    return [
        (float((place + 1) * _BIN - shift - slopes[slope] * width / 2), float(slopes[slope]))
        for slope, place in order
    ]


def _beside(
    path: NDArray[np.floating], reach: float, mask: Mask
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the mask's pixels no further than `reach` from a path's row in each column.

    A line's work is in these pixels alone, however much ink there is elsewhere.
    """
    height, width = mask.shape
    rows = np.ceil(path - reach).astype(np.intp) + np.arange(int(2 * reach) + 1)[:, None]
    near = mask[rows.clip(0, height - 1), np.arange(width)]
    near &= (rows <= path + reach) & (rows >= 0) & (rows < height)
    offsets, columns = np.nonzero(near)
    return rows[offsets, columns], columns


def _fitted(
    left: Mask, runs: NDArray[np.int32], path: NDArray[np.floating], thickest: int
) -> _Line | None:
    """The line near a path (w,), fitted to the pixels that are left, or None if there is none."""
    height, width = runs.shape
    ys, xs = _beside(path, 4 * _BIN, left)
    near: Mask = np.zeros(len(ys), bool)
    for reach in (2.0 * _BIN, 4.0, _CLOSEST):
        near = np.abs(ys - path[xs]) <= reach
        if near.sum() < _SHORTEST * _COVERED * width:
            return None
        path = _parabola(xs[near], ys[near], width)
    if near.mean() < _CLEARER * _CLOSEST / (4 * _BIN):
        return None
    thickness = float(np.median(runs[ys[near], xs[near]]))
    covered = np.zeros(width)
    covered[xs[near]] = 1
    # The longest stretch that is mostly ink; a stroke may lie along the line.
    rows = np.clip(np.round(path), 0, height - 1).astype(np.intp)
    inked = np.maximum(covered, runs[rows, np.arange(width)] > 0)
    solid = ndimage.uniform_filter1d(inked, max(9, width // 12)) > _COVERED * 0.5
    stretches = np.flatnonzero(np.diff(np.pad(solid, 1))).reshape(-1, 2)
    if len(stretches) == 0:
        return None
    first, last = stretches[np.diff(stretches).argmax()]
    length = last - first
    if (
        length < max(_SHORTEST * width, _SLENDER * thickness)
        or covered[first:last].mean() < _COVERED
        or thickness > thickest
    ):
        return None
    return _Line(path, thickness, int(first), int(last))


def _parabola(xs: NDArray[np.intp], ys: NDArray[np.intp], width: int) -> NDArray[np.floating]:
    """Row in each column (w,) of the parabola of least squares through pixels.

    A parabola, because sheets are bent and lenses distort. By sums over columns, which are far
    fewer than pixels.
    """
    powers = _powers(width)
    sums = powers @ np.bincount(xs, minlength=width)
    normal = np.array([sums[k : k + 3] for k in range(3)])
    right = powers[:3] @ np.bincount(xs, ys, width)
    return np.asarray(np.linalg.lstsq(normal, right)[0] @ powers[:3])


@functools.lru_cache(maxsize=8)
def _powers(width: int) -> NDArray[np.floating]:
    """Of each column's place in the picture, 0 to 4: (5, w). It takes longer than a fit with them."""
    return np.asarray((np.arange(width) / width - 0.5) ** np.arange(5)[:, None])


def _erase(ink: Mask, runs: NDArray[np.int32], line: _Line) -> None:
    """Erases the line where the ink is no thicker than it."""
    # In all columns, as it may continue beyond where it was detected.
    y, x = _beside(np.round(line.y), int(line.thickness) + 1, ink)
    thin = runs[y, x] <= 1.3 * line.thickness + 1
    ink[y[thin], x[thin]] = False
