"""Finds the digits of a number in a photo of paper.

Ink is separated from paper and printed lines (`binarise`), and specks are dropped. Connected
ink is a piece, pieces above one another are merged to one digit, and a piece too wide for one
digit is cut where its ink is thin. Each digit is converted to an input image as a photo of it
alone would be.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitcore.drawing import binarise
from digitcore.drawing.images import from_ink, grey_levels, line_width
from digitcore.drawing.input_image import AS_MNIST, DrawingError, DrawingInput, Floats

MAX_DIGITS = 16

_SIDE = 1536  # pixels; larger photos are averaged down to half of this or more
_LEAST_SIDE = 256  # pixels; a smaller image is enlarged to about this
_MOST_PIECES = 100  # more large pieces are a page of text


@dataclass(frozen=True)
class PhotoDigits:
    """The digits of a number in a photo, from left to right."""

    boxes: NDArray[np.int64]
    """(N, 4): left, top, right, bottom of each digit in pixels of the photo."""
    images: NDArray[np.uint8]
    """Input images (N, height, width)."""


@dataclass(frozen=True)
class _Piece:
    """Connected ink, or several such merged."""

    numbers: tuple[int, ...]  # labels of its pixels
    box: tuple[int, int, int, int]  # left, top, right, bottom
    mass: float

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


def find_digits(image: NDArray[np.uint8], like: DrawingInput = AS_MNIST) -> PhotoDigits:
    """Find the digits of one line of writing.

    Args:
        image: uint8 (H, W), (H, W, 3) or (H, W, 4), up to 50 million pixels, upright, as
            `drawing.read_image` returns it; ink dark on light or light on dark.
        like: how each digit's input image is made, as MNIST's unless given.

    Raises:
        DrawingError: there is no ink, more than one number, or it is not such an image.
    """
    grey = grey_levels(image, _SIDE)
    # Windows and blurs need some pixels, which a tiny picture lacks.
    times = max(1, _LEAST_SIDE // max(grey.shape))
    grey = grey.repeat(times, axis=0).repeat(times, axis=1)
    ink, labels, pieces = _written(grey)
    line = _line_of_writing(pieces)
    digits = [digit for piece in line for digit in _cut(piece, ink, labels)]
    if len(digits) > MAX_DIGITS:
        raise DrawingError(
            f"A number is one line of up to {MAX_DIGITS} digits. Received: {len(digits)} pieces"
        )
    scale = np.array([image.shape[1] / ink.shape[1], image.shape[0] / ink.shape[0]] * 2)
    boxes = np.round(np.array([box for _, box in digits]) * scale).astype(np.int64)
    return PhotoDigits(boxes, np.stack([from_ink(np.pad(own, 2), like) for own, _ in digits]))


def _written(grey: Floats) -> tuple[Floats, NDArray[np.int32], list[_Piece]]:
    """Ink (h, w) from 0 to 1, the label of each pixel's piece, and the pieces.

    The likeliest pen may turn out to be the edge of a desk; then the next one is tried.
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
    """Label of each pixel (h, w), and the pieces except specks and those that touch the edge."""
    labels, count = ndimage.label(ndimage.maximum_filter(ink, 3) > 0.2, np.ones((3, 3)))
    numbers = np.arange(1, count + 1)
    mass = ndimage.sum_labels(ink, labels, numbers)
    darkness = mass / np.maximum(ndimage.sum_labels(ink > 0.2, labels, numbers), 1)
    if count == 0:
        raise DrawingError("There is no ink in this image. Received: specks alone")
    height, width = ink.shape
    # Much paler than the rest: a fold, the edge of a sheet, the grain of a desk.
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
    """The pieces of the line with the most ink, merged to digits, from left to right."""
    tall = max(p.height for p in pieces if p.mass > 0.2 * max(q.mass for q in pieces))
    lines: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda p: p.box[0]):
        near = [line for line in lines if any(_beside(piece, other, tall) for other in line)]
        lines = [line for line in lines if line not in near]
        lines.append([piece, *(other for line in near for other in line)])
    line = max(lines, key=lambda line: sum(p.mass for p in line))
    return _merged_digits(line)


def _beside(one: _Piece, other: _Piece, tall: int) -> bool:
    """Whether two pieces may belong to the same line: near, and at the same height."""
    if _is_bar_of(one, other, tall) or _is_bar_of(other, one, tall):
        return True
    overlap = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    gap = max(one.box[0], other.box[0]) - min(one.box[2], other.box[2])
    return overlap > 0.3 * min(one.height, other.height) and gap < 2.5 * tall


def _merged_digits(line: list[_Piece]) -> list[_Piece]:
    """The pieces with those of the same digit merged, such as a five and its bar."""
    tall = max(p.height for p in line)
    line = sorted(line, key=lambda p: p.box[0])
    while True:
        pairs = itertools.combinations(range(len(line)), 2)
        pair = next((p for p in pairs if _same_digit(line[p[0]], line[p[1]], tall)), None)
        if pair is None:
            break
        line[pair[0]] = _merged(line[pair[0]], line.pop(pair[1]))
    return [p for p in sorted(line, key=lambda p: p.box[0] + p.box[2]) if p.height > 0.3 * tall]


def _same_digit(one: _Piece, other: _Piece, tall: int) -> bool:
    overlap = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    small, large = sorted((one, other), key=lambda p: p.height)
    if _is_bar_of(small, large, tall):
        return True
    if small.height > 0.6 * tall:  # two whole digits may overlap by leaning
        return overlap > 0.7 * min(one.width, other.width)
    return overlap > 0.3 * min(one.width, other.width)


def _is_bar_of(bar: _Piece, five: _Piece, tall: int) -> bool:
    """Whether a piece lies like the bar of a five, which may stand apart to the right."""
    gaps = bar.box[0] - five.box[2], five.box[1] - bar.box[3]
    above = bar.box[3] < (five.box[1] + five.box[3]) / 2
    right = bar.box[2] > (five.box[0] + five.box[2]) / 2
    flat = bar.height < min(0.4 * tall, 0.8 * bar.width) and five.height > 0.5 * tall
    return flat and above and right and max(gaps) < 0.3 * tall


def _merged(one: _Piece, other: _Piece) -> _Piece:
    a, b = one.box, other.box
    box = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    return _Piece(one.numbers + other.numbers, box, one.mass + other.mass)


def _cut(
    piece: _Piece, ink: Floats, labels: NDArray[np.int32]
) -> list[tuple[Floats, tuple[int, int, int, int]]]:
    """Ink and box of each digit in the piece, which is cut at thin columns if it is too wide."""
    left, top, right, bottom = piece.box
    own = np.where(
        np.isin(labels[top:bottom, left:right], piece.numbers), ink[top:bottom, left:right], 0
    )
    profile = ndimage.gaussian_filter1d(own.sum(axis=0), 1)
    count = 1
    if piece.width > 1.25 * piece.height:
        count = max(2, round(piece.width / (0.8 * piece.height)))
    if count > MAX_DIGITS:
        raise DrawingError(
            f"A number is one line of up to {MAX_DIGITS} digits. Received: ink "
            f"{piece.width / piece.height:.0f} times as wide as high"
        )
    at = [0]
    pen = line_width(own)
    for k in range(1, count):
        step = piece.width / count
        low, high = int((k - 0.3) * step), int((k + 0.3) * step)
        thin = low + int(np.argmin(profile[low:high]))
        # Digits touch in one place, while a column of a wide zero has two lines.
        if profile[thin] < 1.25 * pen:
            at.append(thin)
    at.append(piece.width)
    digits = [_columns(own, first, last) for first, last in itertools.pairwise(at)]
    if any(box[3] - box[1] < 0.5 * piece.height for _, box in digits):
        digits = [_columns(own, 0, piece.width)]  # the tail of a two is no digit
    return [(digit, (b[0] + left, b[1] + top, b[2] + left, b[3] + top)) for digit, b in digits]


def _columns(own: Floats, first: int, last: int) -> tuple[Floats, tuple[int, int, int, int]]:
    """The columns `first` to `last - 1` without empty rows, and their box in `own`."""
    ink = own[:, first:last]
    rows = np.flatnonzero(ink.max(axis=1, initial=0) > 0.2)
    if len(rows) == 0:
        return ink, (first, 0, last, 0)
    return ink[rows[0] : rows[-1] + 1], (first, int(rows[0]), last, int(rows[-1]) + 1)
