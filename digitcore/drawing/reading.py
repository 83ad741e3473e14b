"""What was read in a picture, and which of two readings explains the picture better."""

from __future__ import annotations

from typing import NamedTuple

from digitcore.drawing.pieces import Box, LeftOut
from digitcore.drawing.sequence import Digit, Number

# Of the least sure line: a reading that is likely replaces one that is unlikely.
_LIKELY, _UNLIKELY = 0.7, 0.5
_SHEET = 4.0  # area of a sheet over that of the writing on it, at least


class Reading(NamedTuple):
    """What a picture shows.

    Attributes:
        lines: of writing, from top to bottom; one digit is one line of one digit.
        left_out: ink that was not read, and why.
        unsure: whether any digit may be wrong. Of readings that are not unsure, 99 % are right
            (docs/results.md has the measurement).
        turns: how many quarter turns counter-clockwise (`numpy.rot90`) make it sure; 0 where none
            does, or `read` was not asked. A guess: a 6 upside down is a 9.
    """

    lines: tuple[Number, ...]
    left_out: tuple[LeftOut, ...] = ()
    unsure: bool = False
    turns: int = 0

    @property
    def digits(self) -> tuple[Digit, ...]:
        return tuple(digit for line in self.lines for digit in line.digits)


def touches(reading: Reading, size: tuple[int, int]) -> bool:
    """Whether a digit touches the edge of the picture of that width and height."""
    width, height = size
    near = max(height, width) / 100
    return any(
        min(left, top) < near or right > width - near or bottom > height - near
        for left, top, right, bottom in (digit.box for digit in reading.digits)
    )


def is_better(reading: Reading, earlier: Reading) -> bool:
    """Whether a reading is to replace that of a likelier way: it explains more, and is surer."""
    if _surrounds(reading, earlier):
        return False
    if reading.unsure != earlier.unsure or not earlier.lines:
        return earlier.unsure
    if not reading.unsure:  # a 7 without its stroke is a 1, as tall and as sure
        return _score(reading) > 2 * _score(earlier)
    likely, before = _confidence(reading), _confidence(earlier)
    if likely > _LIKELY and before < _UNLIKELY:  # the edge of a desk is taller than any digit
        return True
    return _score(reading) > _score(earlier) and likely > before


def _surrounds(reading: Reading, earlier: Reading) -> bool:
    """Whether a digit is the outline of the sheet on which a line was read before."""
    boxes = [
        _around([digit.box for digit in line.digits])
        for line in earlier.lines
        if line.confidence >= _UNLIKELY
    ]
    return any(
        _around([digit.box, box]) == digit.box and _area(digit.box) > _SHEET * _area(box)
        for digit in reading.digits
        for box in boxes
    )


def _around(boxes: list[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _area(box: Box) -> float:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _score(reading: Reading) -> float:
    """How much of the picture a reading explains: tall digits that the network is sure of."""
    return sum((digit.box[3] - digit.box[1]) * (digit.confidence - 0.5) for digit in reading.digits)


def _confidence(reading: Reading) -> float:
    """That of the least sure line: a sure mark beside a number says nothing for the number."""
    return min((line.confidence for line in reading.lines), default=0.0)


def scaled(reading: Reading, across: float, down: float) -> Reading:
    """The reading with its boxes in pixels of the picture."""
    factors = (across, down, across, down)

    def scaled(box: tuple[float, ...]) -> tuple[float, float, float, float]:
        left, top, right, bottom = (edge * by for edge, by in zip(box, factors, strict=True))
        return left, top, right, bottom

    lines = tuple(
        Number(tuple(d._replace(box=scaled(d.box)) for d in line.digits), line.confidence)
        for line in reading.lines
    )
    left_out = tuple(LeftOut(scaled(one.box), one.reason) for one in reading.left_out)
    return Reading(lines, left_out, reading.unsure)
