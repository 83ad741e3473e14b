"""Removes the printed lines of ruled and squared paper from a picture and keeps the writing.

A printed line is thin, straight and far longer than any pen stroke of its width. Lines are
detected by slope and offset (Hough, 1962); each is then fitted on its own, because perspective
gives each a different slope, and erased where the ink on it is no thicker than the line. Where
a stroke crosses, the ink is thicker and stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

_THICKEST = 60  # a line is thinner than a sixtieth of the picture's longer side
_STEEPEST = 0.3  # slope, 17 degrees
_SHORTEST = 0.38  # of the picture's width, as a sheet may end within the picture
_SLENDER = 40  # length over thickness; no stroke reaches it
_COVERED = 0.6  # fraction of a line that is visible; the rest is faded or under strokes
_MOST_LINES = 100
_MOST_POINTS = 50_000
_BIN = 3  # pixels


@dataclass(frozen=True)
class _Line:
    y: NDArray[np.floating]  # (w,) its row in each column, in pixels
    thickness: float
    first: int  # column
    last: int


def without_lines(ink: Mask) -> Mask:
    """The ink without printed lines, horizontal and vertical.

    Args:
        ink: bool (h, w), all that contrasts with the paper.
    """
    remaining = _without_horizontal_lines(ink)
    return _without_horizontal_lines(remaining.T).T


def _without_horizontal_lines(ink: Mask) -> Mask:
    runs = _run_lengths(ink)
    thickest = max(4, max(ink.shape) // _THICKEST)
    ys, xs = np.nonzero((runs > 0) & (runs <= thickest))
    kept = ink.copy()
    for line in _lines(ys, xs, runs, thickest):
        _erase(kept, runs, line)
    return kept


def _run_lengths(ink: Mask) -> NDArray[np.int32]:
    """Length of the vertical run of ink that each pixel belongs to, int32 (h, w); 0 without ink."""
    padded = np.pad(ink, ((1, 1), (0, 0))).T  # so that no run continues in the next column
    change = np.diff(padded.ravel().astype(np.int8))
    starts, ends = np.flatnonzero(change == 1) + 1, np.flatnonzero(change == -1) + 1
    lengths = np.zeros(padded.size + 1, np.int32)
    np.add.at(lengths, starts, ends - starts)
    np.add.at(lengths, ends, starts - ends)
    return np.cumsum(lengths[:-1], dtype=np.int32).reshape(padded.shape).T[1:-1]


def _lines(
    ys: NDArray[np.intp], xs: NDArray[np.intp], runs: NDArray[np.int32], thickest: int
) -> list[_Line]:
    """Lines through many of the points (ys, xs) of thin ink, the best first."""
    height, width = runs.shape
    slopes = np.arange(-_STEEPEST, _STEEPEST + 1e-9, 2 * _BIN / width)
    shift = round(_STEEPEST * width / 2) + _BIN
    bins = (height + 2 * shift) // _BIN + 2
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
    order = np.argwhere(peaks)[np.argsort(-table[peaks])][
        : _MOST_LINES + 60
    ]  # some lines peak twice
    lines: list[_Line] = []
    left = np.ones(len(ys), bool)
    for slope, place in order:
        start = (place + 1) * _BIN - shift - slopes[slope] * width / 2
        line = _fitted(ys, xs, left, runs, float(start), float(slopes[slope]), thickest)
        if line is None:
            continue
        lines.append(line)
        left &= np.abs(ys - line.y[xs]) > line.thickness
        if len(lines) == _MOST_LINES:
            break
    return lines


def _fitted(
    ys: NDArray[np.intp],
    xs: NDArray[np.intp],
    left: Mask,
    runs: NDArray[np.int32],
    start: float,
    slope: float,
    thickest: int,
) -> _Line | None:
    """The line near a start row and slope, fitted to the points, or None if there is none."""
    width = runs.shape[1]
    columns = np.arange(width)
    path: NDArray[np.floating] = start + slope * columns
    around = left & (np.abs(ys - path[xs]) <= 4 * _BIN)
    ys, xs = ys[around], xs[around]
    near: Mask = np.zeros(len(ys), bool)
    for reach in (2.0 * _BIN, 4.0, 2.5):
        near = np.abs(ys - path[xs]) <= reach
        if near.sum() < _SHORTEST * _COVERED * width:
            return None
        middle = xs[near] / width - 0.5
        # A parabola, because sheets are bent and lenses distort.
        curve = np.polyfit(middle, ys[near], 2)
        path = np.polyval(curve, columns / width - 0.5)
    thickness = float(np.median(runs[ys[near], xs[near]]))
    covered = np.zeros(width)
    covered[xs[near]] = 1
    # The longest stretch that is mostly covered.
    solid = ndimage.uniform_filter1d(covered, max(9, width // 12)) > _COVERED * 0.5
    pieces, count = ndimage.label(solid)
    if count == 0:
        return None
    first, last = max(
        ((part[0].start, part[0].stop) for part in ndimage.find_objects(pieces)),
        key=lambda ends: float(ends[1] - ends[0]),
    )
    length = last - first
    if (
        length < max(_SHORTEST * width, _SLENDER * thickness)
        or covered[first:last].mean() < _COVERED
        or thickness > thickest
    ):
        return None
    return _Line(path, thickness, int(first), int(last))


def _erase(ink: Mask, runs: NDArray[np.int32], line: _Line) -> None:
    """Erases the line where the ink is no thicker than it."""
    columns = np.arange(ink.shape[1])  # all columns: it may continue beyond where it was detected
    most = 1.3 * line.thickness + 1
    for move in range(-int(line.thickness) - 1, int(line.thickness) + 2):
        rows = np.round(line.y[columns]).astype(int) + move
        inside = (rows >= 0) & (rows < ink.shape[0])
        y, x = rows[inside], columns[inside]
        thin = runs[y, x] <= most
        ink[y[thin], x[thin]] = False
