"""Connected ink in a picture: its pieces, its lines of writing, and what is no writing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitcore.drawing.binarise import Ink
from digitcore.drawing.images import line_width
from digitcore.drawing.input_image import DrawingError, Floats

Box = tuple[float, float, float, float]

MAX_DIGITS = 200
TOO_SMALL = "too small"
TOO_PALE = "too pale"
AT_EDGE = "at the picture's edge"
SMALL = 0.45  # in units of the digits' height; a lower piece is a part of a digit, or none

_MOST_PIECES = 250  # more pieces as large as digits are a page of text
# Lengths are in units of the digits' height.
_SPECK = 0.1  # what is no longer than this is no ink: grain of paper, dust
_TALLEST = 2.2  # a taller piece is a line or an edge
_LONGEST = 3.0  # a flat piece that is longer is a line
_PALE = 0.5  # darkness over that of the darkest piece
_CRUMB = 0.03  # ink over that of a digit; less is no part of one
_STACKED = 0.3  # least overlap in width of the pieces of a digit
_SAME_LINE = 0.4  # least overlap in height of neighbours
_TOO_FAR = 0.6  # from a small piece to its line


class LeftOut(NamedTuple):
    """Ink that was not read.

    Attributes:
        box: left, top, right and bottom in pixels of the picture.
        reason: why it was not read, a few words.
    """

    box: Box
    reason: str


@dataclass(frozen=True)
class Piece:
    """Connected ink."""

    number: int
    """Label of its pixels."""
    box: tuple[int, int, int, int]
    """Left, top, right and bottom in pixels of the ink."""
    mass: float
    suspicion: str = ""
    """Why it may be no part of the writing, a few words; "" where it surely is."""

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


class Lines(NamedTuple):
    """Lines of writing in a picture.

    Attributes:
        labels: int32 (h, w), the number of each pixel's piece.
        lines: the pieces of each line, from left to right; the lines from top to bottom.
        height: of the digits, in pixels of the ink.
        left_out: pieces that belong to no line, with the reason.
    """

    labels: NDArray[np.int32]
    lines: list[list[Piece]]
    height: float
    left_out: list[LeftOut]


def lines_of_writing(way: Ink) -> Lines:
    """Groups a picture's ink to lines of writing.

    Raises:
        DrawingError: there is no ink, or far more than digits on a sheet.
    """
    ink = way.ink
    labels, count = ndimage.label(ndimage.maximum_filter(ink, 3) > 0.2, np.ones((3, 3)))
    if count == 0:
        raise DrawingError("There is no ink in this image. Received: specks alone")
    numbers = np.arange(1, count + 1)
    masses = ndimage.sum_labels(ink, labels, numbers)
    darkness = masses / np.maximum(ndimage.sum_labels(ink > 0.2, labels, numbers), 1)
    pieces = [
        Piece(
            number, (columns.start, rows.start, columns.stop, rows.stop), float(masses[number - 1])
        )
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1)
    ]
    outer = {p.number for p in pieces if way.edge != "likely" and _at_edge(p, ink.shape)}
    inner = [p for p in pieces if way.edge != "unlikely" or p.number not in outer]
    if not inner:
        raise DrawingError(
            "A digit lies within its picture. Received: ink at the edge, and no other"
        )
    height = _height(inner)
    most = max(inner, key=lambda p: p.mass)
    sorted_out = _Sorted([], [], [])
    for piece in pieces:
        if max(piece.width, piece.height) <= _SPECK * height:
            continue
        pale = bool(darkness[piece.number - 1] < _PALE * darkness[most.number - 1])
        edge = piece.number in outer
        strange = edge and way.edge == "unlikely" and (pale or piece.height < SMALL * height)
        if strange or (edge and not _ends_at_edge(piece, most, way, labels)):
            sorted_out.left_out.append(LeftOut(piece.box, AT_EDGE))
        else:
            sorted_out.add(piece, height, pale, edge)
        # Small pieces are bars of digits, or dust.
        if max(len(sorted_out.digits), len(sorted_out.small) / 2) > _MOST_PIECES:
            raise too_many(piece.number)
    digits = [p for p in sorted_out.digits if not _is_part(p, sorted_out.digits, height)]
    fragments = [p for p in sorted_out.digits if p not in digits]
    sorted_out.small.extend(replace(p, suspicion=TOO_SMALL) for p in fragments)
    lines, left_out = _lines(digits), sorted_out.left_out
    # What touches an unlikely edge, or is pale, may go on with a line, and is none on its own: the
    # edge of a sheet is a sure 1 to the network.
    unlikely = {TOO_PALE, AT_EDGE} if way.edge == "unlikely" else {TOO_PALE}
    alone = [line for line in lines if unlikely.issuperset(p.suspicion for p in line)]
    lines = [line for line in lines if line not in alone]
    left_out.extend(LeftOut(p.box, p.suspicion) for line in alone for p in line)
    mass = float(np.median([p.mass for p in digits])) if digits else math.inf
    for piece in sorted_out.small:
        line = _nearest(piece, lines, height)
        if line is None or piece.mass < _CRUMB * mass:
            left_out.append(LeftOut(piece.box, piece.suspicion))
        else:
            line.append(piece)
    lines = [sorted(line, key=lambda p: p.box[0] + p.box[2]) for line in lines]
    return Lines(labels, lines, height, left_out)


def too_many(pieces: int) -> DrawingError:
    """The error of a picture with at least so many pieces of ink."""
    return DrawingError(
        f"A picture shows up to {MAX_DIGITS} digits. Received: {pieces} pieces of ink and more, as a "
        "pattern or a page of text has"
    )


class _Sorted(NamedTuple):
    """Pieces by what they may be."""

    digits: list[Piece]
    small: list[Piece]
    left_out: list[LeftOut]

    def add(self, piece: Piece, height: float, pale: bool, edge: bool) -> None:
        flat = piece.width > _LONGEST * height and piece.height < 0.4 * height
        if piece.height > _TALLEST * height or flat:
            self.left_out.append(LeftOut(piece.box, "a line, or the edge of something"))
        elif piece.height < SMALL * height:
            self.small.append(replace(piece, suspicion=TOO_PALE if pale else TOO_SMALL))
        else:
            self.digits.append(
                replace(piece, suspicion=AT_EDGE if edge else TOO_PALE if pale else "")
            )


def _is_part(piece: Piece, digits: list[Piece], height: float) -> bool:
    """Whether a piece lies above or below a larger one so closely that both make one digit."""
    for other in digits:
        low, high = max(piece.box[1], other.box[1]), min(piece.box[3], other.box[3])
        both = max(piece.box[3], other.box[3]) - min(piece.box[1], other.box[1])
        shared = min(piece.box[2], other.box[2]) - max(piece.box[0], other.box[0])
        stacked = shared > _STACKED * min(piece.width, other.width) and low - high < 0.2 * height
        larger = (other.height, other.number) > (piece.height, piece.number)
        if larger and stacked and high - low < 0.3 * piece.height and both < 1.3 * height:
            return True
    return False


def _at_edge(piece: Piece, shape: tuple[int, ...]) -> bool:
    left, top, right, bottom = piece.box
    return left <= 1 or top <= 1 or right >= shape[1] - 1 or bottom >= shape[0] - 1


def _ends_at_edge(piece: Piece, other: Piece, way: Ink, labels: NDArray[np.int32]) -> bool:
    """Whether a piece is of the other's pen and touches the picture's edge with a stroke's end.

    A desk, a shadow or a finger lies along the edge. Where ink at the edge is not unlikely, always.
    """
    if way.edge != "unlikely":
        return True
    own, pen = (line_width(_own(p, way.ink, labels)) for p in (piece, other))
    sides = (labels[:2], labels[-2:], labels[:, :2].T, labels[:, -2:].T)
    along = sum(int((side == piece.number).any(axis=0).sum()) for side in sides)
    return pen / 2 < own < 2 * pen and along < 5 * pen


def _own(piece: Piece, ink: Floats, labels: NDArray[np.int32]) -> Floats:
    """The piece's ink within its box."""
    left, top, right, bottom = piece.box
    mine = labels[top:bottom, left:right] == piece.number
    return np.asarray(ink[top:bottom, left:right] * mine)


def _height(pieces: list[Piece]) -> float:
    """Of the digits: the median of the heights of pieces with much ink."""
    most = max(p.mass for p in pieces)
    heights = sorted(p.height for p in pieces if p.mass > 0.2 * most)
    return float(heights[len(heights) // 2])


def _lines(digits: list[Piece]) -> list[list[Piece]]:
    """The digits in lines, each piece beside the last one at its height; top to bottom."""
    lines: list[list[Piece]] = []
    for piece in sorted(digits, key=lambda p: p.box[0]):
        best = max(lines, key=lambda line: _overlap(line[-1], piece), default=None)
        if best is not None and _overlap(best[-1], piece) > _SAME_LINE:
            best.append(piece)
        else:
            lines.append([piece])
    return sorted(lines, key=lambda line: float(np.mean([p.box[1] + p.box[3] for p in line])))


def _overlap(one: Piece, other: Piece) -> float:
    """How much of the lower piece's height both have in common."""
    shared = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    return shared / min(one.height, other.height)


def _nearest(small: Piece, lines: list[list[Piece]], height: float) -> list[Piece] | None:
    """The line with the piece that a small one lies closest to, if it lies close."""

    def distance(line: list[Piece]) -> float:
        return min(_gap(small, p) for p in line if p.height >= SMALL * height)

    line = min(lines, key=distance, default=None)
    return line if line is not None and distance(line) < _TOO_FAR * height else None


def _gap(one: Piece, other: Piece) -> float:
    a, b = one.box, other.box
    across = max(0, max(a[0], b[0]) - min(a[2], b[2]))
    down = max(0, max(a[1], b[1]) - min(a[3], b[3]))
    return math.hypot(across, down)
