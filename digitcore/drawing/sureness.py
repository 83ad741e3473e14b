"""Whether what was read in a picture is sure: of each line, of the ink beside it, of a thicker pen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy import ndimage

from digitcore.drawing.input_image import Floats, Predict
from digitcore.drawing.pieces import SMALL, Box, Lines
from digitcore.drawing.sequence import Number

_CLEAR = 0.6  # least confidence of a line that ends the search
_SURE = 0.7  # least confidence of a line of which a person is told that it is sure
# Of a display's segments, over the height of the lower one: gap, and what their ends differ by.
_CLOSE, _ALIGNED = 0.3, 0.1
_MISSING = 0.15  # unread ink beside a line, over that of its mean digit


def is_clear(line: Number, threshold: float) -> bool:
    return line.confidence >= _CLEAR and all(d.confidence >= threshold for d in line.digits)


def stays(lines: Sequence[Number], predict: Predict) -> bool:
    """Whether lines of writing are sure, and were so with a slightly thicker pen.

    Most digits that are taken for another with confidence, such as a five that nearly closes to a
    loop, are no longer taken so once their lines are a little thicker.
    """
    thicker = [
        ndimage.grey_dilation(digit.image, (2, 2)) for line in lines for digit in line.digits
    ]
    table = iter(predict(np.stack(thicker)))
    for line in lines:
        confidence = line.confidence
        for digit in line.digits:
            confidence *= min(1.0, next(table)[digit.value] / digit.confidence)
        if confidence < _SURE:
            return False
    return True


def goes_on(line: Number, box: Box, height: float) -> bool:
    """Whether what lies in a box may be the next digit of a line."""
    left, top, right, bottom = box
    if bottom - top < SMALL * height or right - left > 1.5 * height:
        return False
    digit = line.digits[0 if left < line.digits[0].box[0] else -1].box
    gap = max(digit[0] - right, left - digit[2])
    return gap < height and min(bottom, digit[3]) - max(top, digit[1]) > height / 2


def may_be_one(line: Number, below: Number) -> bool:
    """Whether a digit lies so straight and close below another that both are one on a display."""
    for one, other in product(line.digits, below.digits):
        (left, top, right, bottom), (x0, y0, x1, y1) = one.box, other.box
        height = min(bottom - top, y1 - y0)
        if y0 - bottom < _CLOSE * height and abs(x0 - left) + abs(x1 - right) < _ALIGNED * height:
            return True
    return False


def lacks(line: Number, ink: Floats, written: Lines, known_pieces: set[int]) -> bool:
    """Whether there is ink in or beside the line that was not read, enough for a part of a digit."""
    lefts, tops, rights, bottoms = zip(*(digit.box for digit in line.digits), strict=True)
    reach = 0.8 * written.height
    rows = slice(max(0, int(min(tops) - reach / 2)), int(max(bottoms) + reach / 2))
    columns = slice(max(0, int(min(lefts) - reach)), int(max(rights) + reach))
    around, labels = ink[rows, columns], written.labels[rows, columns]
    read = np.isin(labels, list(known_pieces))
    unread = float(around[(labels > 0) & ~read].sum())  # the rest is grain of the paper
    return unread > _MISSING * float(around[read].sum()) / len(line.digits)
