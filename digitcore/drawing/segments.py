"""Pen strokes in order from left to right, cut where one runs on from digit to digit.

A stroke may be cut where all that the pen drew before lies left of all that it drew after.
The straight way on which the pen went over there belongs to neither digit, or is the end of
one of them: both can be tried.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_PARTS = 24  # where there are more, those that lie closest are taken together
MAX_CUTS = 8  # of a stroke
MANY_POINTS = 20_000  # more are thinned out; a hand draws some hundreds
MAX_STEPS = 2_000  # of a stroke that may be cut; longer ones get longer steps
# Lengths are in heights of the number.
JOINED_WIDTH = 0.5  # from here on a stroke may run through several digits
JOINED_HEIGHT = 0.4  # what a cut leaves on either side is at least so high
JOINED_OVERLAP = 0.15  # over so much width both sides of a cut may lie
STEP = 0.05  # between two points at which a stroke may be cut
BEND = 3  # steps over which a direction is measured
STRAIGHT = 0.75  # cosine of the angle by which a straight way may turn


class Piece(NamedTuple):
    """Points `first` to `last - 1` of a stroke; `bare_first` to `bare_last - 1` without the
    ways to the digits before and after."""

    stroke: int
    first: int
    last: int
    bare_first: int
    bare_last: int


class Part(NamedTuple):
    """Pieces that are parted no further, and the box around them without such ways."""

    pieces: tuple[Piece, ...]
    left: float
    top: float
    right: float
    bottom: float

    @property
    def strokes(self) -> tuple[int, ...]:
        """Of which strokes it has pieces, ascending."""
        return tuple(sorted({piece.stroke for piece in self.pieces}))


class Parted(NamedTuple):
    """A drawing in parts.

    Attributes:
        parts: from left to right, by the middles of their boxes; 24 at most.
        gaps: float (parts,): free width after each part, or below 0 the width over which
            both sides of it lie; 0 after the last. In heights of the number.
        height: of the number, in pixels of the strokes, above 0.
        strokes: as they came, thinned out where they have very many points.
        lines: the same, those that were cut with points at even steps; pieces are of these.
    """

    parts: list[Part]
    gaps: Floats
    height: float
    strokes: list[Floats]
    lines: list[Floats]

    def drawings(self, part: Part) -> list[list[Floats]]:
        """The part's strokes, once with the ways to its neighbours, and once without any."""
        full: list[Floats] = []
        bare: list[Floats] = []
        for stroke in part.strokes:
            _, first, last, bare_first, bare_last = zip(
                *(piece for piece in part.pieces if piece.stroke == stroke), strict=True
            )
            full.append(self._line(stroke, min(first), max(last)))
            bare.append(self._line(stroke, min(bare_first), max(bare_last)))
        same = all(len(one) == len(other) for one, other in zip(full, bare, strict=True))
        return [full] if same else [full, bare]

    def _line(self, stroke: int, first: int, last: int) -> Floats:
        # A stroke with nothing cut off gives the very image that it gives on its own.
        line = self.lines[stroke]
        return self.strokes[stroke] if last - first == len(line) else line[first:last]


def parted(strokes: list[Floats]) -> Parted:
    """The drawing in parts.

    Args:
        strokes: float64 (n, 2) each, pixels between -1e100 and 1e100, x right and y down;
            one point or more together.
    """
    every = max(1, -(-sum(map(len, strokes)) // MANY_POINTS))
    strokes = [stroke[::every] for stroke in strokes]
    height = _height(strokes)
    lines: list[Floats] = []
    parts: list[Part] = []
    for i, stroke in enumerate(strokes):
        line, cuts = _cut(stroke, height)
        lines.append(line)
        edges = [(0, 0, 0), *cuts, (len(line),) * 3]
        for (_, first, bare_first), (bare_last, last, _) in itertools.pairwise(edges):
            if last > first:
                parts.append(_part(line, Piece(i, first, last, bare_first, bare_last)))
    parts.sort(key=lambda part: part.left + part.right)
    while len(parts) > MAX_PARTS:
        at = int(np.argmin(_gaps(parts)[:-1]))
        parts[at : at + 2] = [together(parts[at : at + 2])]
    return Parted(parts, _gaps(parts) / height, height, strokes, lines)


def together(parts: list[Part]) -> Part:
    """Some parts as one."""
    lefts, tops, rights, bottoms = zip(*(part[1:] for part in parts), strict=True)
    pieces = tuple(piece for part in parts for piece in part.pieces)
    return Part(pieces, min(lefts), min(tops), max(rights), max(bottoms))


def _part(line: Floats, piece: Piece) -> Part:
    points = line[piece.bare_first : piece.bare_last]
    return Part((piece,), *points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def _gaps(parts: list[Part]) -> Floats:
    rights = np.maximum.accumulate([part.right for part in parts])
    lefts = np.minimum.accumulate([part.left for part in parts][::-1])[::-1]
    return np.append(lefts[1:] - rights[:-1], 0.0)


def _height(strokes: list[Floats]) -> float:
    """The usual height of what stands between empty columns and is no bar or dot, above 0."""
    strokes = [stroke for stroke in strokes if len(stroke)]
    heights: list[float] = []
    right = low = high = -math.inf
    for stroke in sorted(strokes, key=lambda stroke: float(stroke[:, 0].min())):
        (left, top), (end, bottom) = stroke.min(axis=0), stroke.max(axis=0)
        if left > right:
            heights.append(0)
            low, high = top, bottom
        low, high, right = min(low, top), max(high, bottom), max(right, end)
        heights[-1] = high - low
    # A mere line or dot has a height, too, so that all lengths stay moderate.
    least = max(np.ptp(np.concatenate(strokes), axis=0).max() / 30, 1e-9)
    usual = np.median([height for height in heights if height >= max(heights) / 2])
    return float(max(usual, least))


# --- joined digits -----------------------------------------------------------


_Cut = tuple[int, int, int]  # where the way between two digits begins, is cut, and ends


def _cut(stroke: Floats, height: float) -> tuple[Floats, list[_Cut]]:
    """Where to cut the stroke, and its points of which that is told."""
    if len(stroke) > 1 and np.ptp(stroke[:, 0]) > JOINED_WIDTH * height:
        line = _even(stroke, STEP * height)
        if cuts := _cuts(line, height):
            return line, cuts
    return stroke, []


def _even(line: Floats, step: float) -> Floats:
    """The same way of the pen with a point every `step`."""
    way = np.append(0, np.cumsum(np.hypot(*np.diff(line, axis=0).T)))
    at = np.append(np.arange(0, way[-1], max(step, way[-1] / MAX_STEPS)), way[-1])
    return np.column_stack([np.interp(at, way, line[:, 0]), np.interp(at, way, line[:, 1])])


def _cuts(line: Floats, height: float) -> list[_Cut]:
    """The longest straight ways to the right on which the line may be cut, in its order."""
    x, y = line.T
    shared = np.maximum.accumulate(x) - np.minimum.accumulate(x[::-1])[::-1]
    high = np.minimum(_heights(y), _heights(y[::-1])[::-1])
    free = (shared <= JOINED_OVERLAP * height) & (high >= JOINED_HEIGHT * height)
    steps = line[BEND:] - line[:-BEND]
    steps = steps / np.maximum(np.hypot(*steps.T), 1e-300)[:, None]
    ways = {_way(steps, int(at)) for at in np.flatnonzero(free)}
    found: list[_Cut] = []
    for first, last in sorted(ways, key=lambda way: (way[0] - way[1], way)):
        middles = np.flatnonzero(free[first : last + 1]) + first
        middle = int(middles[len(middles) // 2])
        apart = all(last + BEND < one[0] or one[2] + BEND < first for one in found)
        inside = first > BEND and last < len(line) - BEND
        if apart and inside and x[last] - x[first] > BEND * STEP * height:
            found.append((first, middle, last))
    return sorted(found[:MAX_CUTS])


def _heights(y: Floats) -> Floats:
    """The height of what lies before each point."""
    return np.asarray(np.maximum.accumulate(y) - np.minimum.accumulate(y))


def _way(steps: Floats, at: int) -> tuple[int, int]:
    """First and last point of the straight way around a point; `steps` are directions."""
    turned = steps @ steps[np.clip(at - BEND // 2, 0, len(steps) - 1)] < STRAIGHT
    before, after = np.flatnonzero(turned[: max(0, at - BEND)]), np.flatnonzero(turned[at:])
    first = int(before[-1]) + BEND if len(before) else 0
    last = at + int(after[0]) if len(after) else len(steps) + BEND - 1
    return min(first, at), last
