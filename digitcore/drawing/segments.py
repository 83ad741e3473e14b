"""Cuts pen strokes into segments, from left to right, each within one digit.

A stroke that runs through several digits may be cut where all that the pen drew before lies
left of all that it drew after. The straight line that joins the two digits there, a ligature,
belongs to neither digit or is the end of one of them: both are tried.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_SEGMENTS = 24  # where there are more, those that lie closest are joined
MAX_CUTS = 8  # per stroke
MANY_POINTS = 20_000  # more are thinned out; a person draws some hundreds
MAX_STEPS = 2_000  # of a stroke that may be cut; longer ones get longer steps
# Lengths are in units of the number's height.
JOINED_WIDTH = 0.5  # a wider stroke may run through several digits
JOINED_HEIGHT = 0.4  # least height that a cut leaves on either side
JOINED_OVERLAP = 0.15  # most width in which both sides of a cut may overlap
STEP = 0.05  # between two points at which a stroke may be cut
BEND = 3  # steps over which a direction is measured
STRAIGHT = 0.75  # cosine of the angle by which a ligature may turn


class Piece(NamedTuple):
    """Points `first` to `last - 1` of a stroke; `core_first` to `core_last - 1` without the
    ligatures to the digits before and after."""

    stroke: int
    first: int
    last: int
    core_first: int
    core_last: int


class Segment(NamedTuple):
    """Pieces that belong to the same digit, and the box around them without ligatures."""

    pieces: tuple[Piece, ...]
    left: float
    top: float
    right: float
    bottom: float

    @property
    def strokes(self) -> tuple[int, ...]:
        """Indices of the strokes that it has pieces of, ascending."""
        return tuple(sorted({piece.stroke for piece in self.pieces}))


class Segmentation(NamedTuple):
    """A drawing in segments.

    Attributes:
        segments: from left to right, by the middles of their boxes; 24 at most.
        gaps: float64 (segments,): free width after each segment, or if negative the width that
            both sides overlap in; 0 after the last. In units of the number's height.
        height: of the number, in pixels of the strokes, above 0.
        strokes: as given, thinned out where they have very many points.
        lines: the same, but evenly spaced points in those that were cut; pieces index these.
    """

    segments: list[Segment]
    gaps: Floats
    height: float
    strokes: list[Floats]
    lines: list[Floats]

    def drawings(self, segment: Segment) -> list[list[Floats]]:
        """The segment's strokes: with ligatures, and also without if there are any."""
        full: list[Floats] = []
        core: list[Floats] = []
        for stroke in segment.strokes:
            _, first, last, core_first, core_last = zip(
                *(piece for piece in segment.pieces if piece.stroke == stroke), strict=True
            )
            full.append(self._line(stroke, min(first), max(last)))
            core.append(self._line(stroke, min(core_first), max(core_last)))
        same = all(len(one) == len(other) for one, other in zip(full, core, strict=True))
        return [full] if same else [full, core]

    def _line(self, stroke: int, first: int, last: int) -> Floats:
        # The original of an uncut stroke, so that its image is the same as without segmentation.
        line = self.lines[stroke]
        return self.strokes[stroke] if last - first == len(line) else line[first:last]


def segmented(strokes: list[Floats]) -> Segmentation:
    """The drawing in segments.

    Args:
        strokes: float64 (n, 2) each, pixels between -1e100 and 1e100, x right and y down;
            at least one point in all.
    """
    every = max(1, -(-sum(map(len, strokes)) // MANY_POINTS))
    strokes = [stroke[::every] for stroke in strokes]
    height = _height(strokes)
    lines: list[Floats] = []
    segments: list[Segment] = []
    for i, stroke in enumerate(strokes):
        line, cuts = _cut(stroke, height)
        lines.append(line)
        edges = [(0, 0, 0), *cuts, (len(line),) * 3]
        for (_, first, core_first), (core_last, last, _) in itertools.pairwise(edges):
            if last > first:
                segments.append(_segment(line, Piece(i, first, last, core_first, core_last)))
    segments.sort(key=lambda segment: segment.left + segment.right)
    while len(segments) > MAX_SEGMENTS:
        at = int(np.argmin(_gaps(segments)[:-1]))
        segments[at : at + 2] = [joined(segments[at : at + 2])]
    return Segmentation(segments, _gaps(segments) / height, height, strokes, lines)


def joined(segments: list[Segment]) -> Segment:
    """Several segments as one."""
    lefts, tops, rights, bottoms = zip(*(segment[1:] for segment in segments), strict=True)
    pieces = tuple(piece for segment in segments for piece in segment.pieces)
    return Segment(pieces, min(lefts), min(tops), max(rights), max(bottoms))


def _segment(line: Floats, piece: Piece) -> Segment:
    points = line[piece.core_first : piece.core_last]
    return Segment((piece,), *points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def _gaps(segments: list[Segment]) -> Floats:
    """Free width after each segment in pixels, negative where both sides overlap."""
    rights = np.maximum.accumulate([segment.right for segment in segments])
    lefts = np.minimum.accumulate([segment.left for segment in segments][::-1])[::-1]
    return np.append(lefts[1:] - rights[:-1], 0.0)


def _height(strokes: list[Floats]) -> float:
    """Median height of what empty columns separate, without bars and dots; above 0 pixels."""
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
    # A flat line or a dot gets a height too, so that lengths in units of it stay moderate.
    least = max(np.ptp(np.concatenate(strokes), axis=0).max() / 30, 1e-9)
    median = np.median([height for height in heights if height >= max(heights) / 2])
    return float(max(median, least))


# --- cuts in strokes -----------------------------------------------------------


_Cut = tuple[int, int, int]  # points where a ligature begins, is cut, and ends


def _cut(stroke: Floats, height: float) -> tuple[Floats, list[_Cut]]:
    """The stroke's points, evenly spaced if it is cut, and the cuts in them."""
    if len(stroke) > 1 and np.ptp(stroke[:, 0]) > JOINED_WIDTH * height:
        line = _even(stroke, STEP * height)
        if cuts := _cuts(line, height):
            return line, cuts
    return stroke, []


def _even(line: Floats, step: float) -> Floats:
    """The line with a point every `step` pixels along it."""
    length = np.append(0, np.cumsum(np.hypot(*np.diff(line, axis=0).T)))
    at = np.append(np.arange(0, length[-1], max(step, length[-1] / MAX_STEPS)), length[-1])
    return np.column_stack([np.interp(at, length, line[:, 0]), np.interp(at, length, line[:, 1])])


def _cuts(line: Floats, height: float) -> list[_Cut]:
    """The longest ligatures at which the line may be cut, in the order of its points."""
    x, y = line.T
    shared = np.maximum.accumulate(x) - np.minimum.accumulate(x[::-1])[::-1]
    high = np.minimum(_heights(y), _heights(y[::-1])[::-1])
    free = (shared <= JOINED_OVERLAP * height) & (high >= JOINED_HEIGHT * height)
    steps = line[BEND:] - line[:-BEND]
    steps = steps / np.maximum(np.hypot(*steps.T), 1e-300)[:, None]
    ligatures = {_ligature(steps, int(at)) for at in np.flatnonzero(free)}
    cuts: list[_Cut] = []
    for first, last in sorted(ligatures, key=lambda ends: (ends[0] - ends[1], ends)):
        middles = np.flatnonzero(free[first : last + 1]) + first
        middle = int(middles[len(middles) // 2])
        apart = all(last + BEND < one[0] or one[2] + BEND < first for one in cuts)
        inside = first > BEND and last < len(line) - BEND
        if apart and inside and x[last] - x[first] > BEND * STEP * height:
            cuts.append((first, middle, last))
    return sorted(cuts[:MAX_CUTS])


def _heights(y: Floats) -> Floats:
    """Height in pixels of what lies before each point."""
    return np.asarray(np.maximum.accumulate(y) - np.minimum.accumulate(y))


def _ligature(steps: Floats, at: int) -> tuple[int, int]:
    """First and last point of the straight line around a point; `steps` are directions."""
    turned = steps @ steps[np.clip(at - BEND // 2, 0, len(steps) - 1)] < STRAIGHT
    before, after = np.flatnonzero(turned[: max(0, at - BEND)]), np.flatnonzero(turned[at:])
    first = int(before[-1]) + BEND if len(before) else 0
    last = at + int(after[0]) if len(after) else len(steps) + BEND - 1
    return min(first, at), last
