"""Finds the digits of a number on paper, in a photo that somebody took of it.

Ink is told from paper and from printed lines (`ink`), specks are dropped, and what is left
is put together to digits from left to right: what hangs together is a piece, pieces above one
another are one digit, and a piece too wide for one digit is cut where its ink is thin. Each
becomes a digit image as a photo of that digit alone would.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitcore.drawing import binarise
from digitcore.drawing.images import from_ink, grey_levels, line_width
from digitcore.drawing.input_image import DrawingError, Floats

MAX_DIGITS = 16

_SIDE = 1536  # pixels; larger photos are averaged down to half of this or more
_LEAST_SIDE = 256  # a smaller image is enlarged to about this
_MOST_PIECES = 100  # of some size: more is a page of text


@dataclass(frozen=True)
class Found:
    """The digits of a number in a photo, from left to right."""

    boxes: NDArray[np.int64]
    """(N, 4), left, top, right, bottom of each digit in pixels of the photo as given."""
    digits: NDArray[np.uint8]
    """Digit images (N, 28, 28)."""


@dataclass(frozen=True)
class _Piece:
    """Ink that hangs together, or that belongs together."""

    numbers: tuple[int, ...]
    box: tuple[int, int, int, int]  # left, top, right, bottom
    mass: float

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


def find(image: NDArray[np.uint8]) -> Found:
    """Find the digits of one line of writing.

    Args:
        image: uint8 (H, W), (H, W, 3) or (H, W, 4), up to 50 million pixels, upright, as
            `drawing.read_image` gives it; dark ink on light ground or light on dark.

    Raises:
        DrawingError: there is no ink, more than a number, or it is not such an image.
    """
    grey = grey_levels(image, _SIDE)
    # Windows and blurs are of some pixels, which a tiny picture lacks.
    times = max(1, _LEAST_SIDE // max(grey.shape))
    grey = grey.repeat(times, axis=0).repeat(times, axis=1)
    ink, labels, pieces = _written(grey)
    line = _line_of_writing(pieces)
    cut = [part for piece in line for part in _cut(piece, ink, labels)]
    if len(cut) > MAX_DIGITS:
        raise DrawingError(
            f"A number is one line of up to {MAX_DIGITS} digits. Received: {len(cut)} pieces"
        )
    scale = np.array([image.shape[1] / ink.shape[1], image.shape[0] / ink.shape[0]] * 2)
    digits = []
    for part, _ in cut:
        digits.append(from_ink(np.pad(part, 2)))
    boxes = np.round(np.array([box for _, box in cut]) * scale).astype(np.int64)
    return Found(boxes, np.stack(digits))


def _written(grey: Floats) -> tuple[Floats, NDArray[np.int32], list[_Piece]]:
    """Ink (h, w) from 0 to 1, which piece each pixel belongs to, and the pieces.

    What is likeliest by light alone may be a desk; then the next is tried.
    """
    first = None
    for pen in binarise.likely_pens(grey):
        try:
            ink = binarise.written_with(pen, grey)
            labels, pieces = _pieces(ink)
        except DrawingError as error:
            first = first or error
        else:
            return ink, labels, pieces
    raise first or DrawingError("There is no ink in this image. Received: specks alone")


def _pieces(ink: Floats) -> tuple[NDArray[np.int32], list[_Piece]]:
    """What hangs together, but for specks and what lies across the photo's edge."""
    labels, count = ndimage.label(ndimage.maximum_filter(ink, 3) > 0.2, np.ones((3, 3)))
    numbers = np.arange(1, count + 1)
    mass = ndimage.sum_labels(ink, labels, numbers)
    darkness = mass / np.maximum(ndimage.sum_labels(ink > 0.2, labels, numbers), 1)
    if count == 0:
        raise DrawingError("There is no ink in this image. Received: specks alone")
    height, width = ink.shape
    # What is pale beside the rest is a fold, a sheet's edge or a desk's grain.
    pale = 0.5 * darkness[np.argmax(mass)]
    pieces = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        box = (columns.start, rows.start, columns.stop, rows.stop)
        if darkness[number - 1] > pale:
            pieces.append(_Piece((number,), box, float(mass[number - 1])))
    pieces = [p for p in pieces if _inside(p, width, height)]
    if not pieces:
        raise DrawingError(
            "A digit does not touch the edge of its photo. Received: ink that does, and no other"
        )
    most = max(p.mass for p in pieces)
    pieces = [p for p in pieces if p.mass > 0.07 * most]
    if len(pieces) > _MOST_PIECES:
        raise DrawingError(
            f"A number is one line of up to {MAX_DIGITS} digits. Received: {len(pieces)} pieces"
        )
    return labels, pieces


def _inside(piece: _Piece, width: int, height: int) -> bool:
    left, top, right, bottom = piece.box
    return left > 1 and top > 1 and right < width - 1 and bottom < height - 1


def _line_of_writing(pieces: list[_Piece]) -> list[_Piece]:
    """The pieces of the line with the most ink, put together to digits, left to right."""
    tall = max(p.height for p in pieces if p.mass > 0.2 * max(q.mass for q in pieces))
    lines: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda p: p.box[0]):
        near = [line for line in lines if any(_beside(piece, other, tall) for other in line)]
        lines = [line for line in lines if line not in near]
        lines.append([piece, *(other for line in near for other in line)])
    line = max(lines, key=lambda line: sum(p.mass for p in line))
    return _joined(line)


def _beside(one: _Piece, other: _Piece, tall: int) -> bool:
    """Whether two pieces may be of the same line: near, and at the same height."""
    if _is_bar_of(one, other, tall) or _is_bar_of(other, one, tall):
        return True
    overlap = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    gap = max(one.box[0], other.box[0]) - min(one.box[2], other.box[2])
    return overlap > 0.3 * min(one.height, other.height) and gap < 2.5 * tall


def _joined(line: list[_Piece]) -> list[_Piece]:
    """Pieces of the same digit put together, such as a five and its bar."""
    tall = max(p.height for p in line)
    line = sorted(line, key=lambda p: p.box[0])
    joined = True
    while joined:
        joined = False
        for i in range(len(line)):
            for k in range(i + 1, len(line)):
                if _same_digit(line[i], line[k], tall):
                    line[i] = _together(line[i], line[k])
                    del line[k]
                    joined = True
                    break
            if joined:
                break
    return [p for p in sorted(line, key=lambda p: p.box[0] + p.box[2]) if p.height > 0.3 * tall]


def _same_digit(one: _Piece, other: _Piece, tall: int) -> bool:
    overlap = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    small, large = sorted((one, other), key=lambda p: p.height)
    if _is_bar_of(small, large, tall):
        return True
    if small.height > 0.6 * tall:  # two whole digits may lean over one another
        return overlap > 0.7 * min(one.width, other.width)
    return overlap > 0.3 * min(one.width, other.width)


def _is_bar_of(bar: _Piece, five: _Piece, tall: int) -> bool:
    """Whether a piece lies as a five's bar does, which may have flown away to the right."""
    gaps = bar.box[0] - five.box[2], five.box[1] - bar.box[3]
    above = bar.box[3] < (five.box[1] + five.box[3]) / 2
    right = bar.box[2] > (five.box[0] + five.box[2]) / 2
    flat = bar.height < min(0.4 * tall, 0.8 * bar.width) and five.height > 0.5 * tall
    return flat and above and right and max(gaps) < 0.3 * tall


def _together(one: _Piece, other: _Piece) -> _Piece:
    a, b = one.box, other.box
    box = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    return _Piece(one.numbers + other.numbers, box, one.mass + other.mass)


def _cut(
    piece: _Piece, ink: Floats, labels: NDArray[np.int32]
) -> list[tuple[Floats, tuple[int, int, int, int]]]:
    """The piece's own ink, cut at thin columns where it is too wide for one digit."""
    left, top, right, bottom = piece.box
    own = np.where(
        np.isin(labels[top:bottom, left:right], piece.numbers), ink[top:bottom, left:right], 0
    )
    profile = ndimage.gaussian_filter1d(own.sum(axis=0), 1)
    count = 1
    if piece.width > 1.25 * piece.height:
        count = max(2, round(piece.width / (0.8 * piece.height)))
    if count > MAX_DIGITS:
        raise DrawingError("A digit is not so wide. Received: a line")
    at = [0]
    pen = line_width(own)
    for k in range(1, count):
        step = piece.width / count
        low, high = int((k - 0.3) * step), int((k + 0.3) * step)
        thin = low + int(np.argmin(profile[low:high]))
        # Digits touch in one place; a wide nought has two lines everywhere.
        if profile[thin] < 1.25 * pen:
            at.append(thin)
    at.append(piece.width)
    parts = [_part(own, first, last) for first, last in itertools.pairwise(at)]
    if any(box[3] - box[1] < 0.5 * piece.height for _, box in parts):
        parts = [_part(own, 0, piece.width)]  # a two's tail is no digit
    return [(part, (b[0] + left, b[1] + top, b[2] + left, b[3] + top)) for part, b in parts]


def _part(own: Floats, first: int, last: int) -> tuple[Floats, tuple[int, int, int, int]]:
    part = own[:, first:last]
    rows = np.flatnonzero(part.max(axis=1, initial=0) > 0.2)
    if len(rows) == 0:
        return part, (first, 0, last, 0)
    return part[rows[0] : rows[-1] + 1], (first, int(rows[0]), last, int(rows[-1]) + 1)
