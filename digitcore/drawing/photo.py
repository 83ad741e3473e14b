"""Reads the digits in a picture: a photo, scan or screenshot of one digit, a number or a sheet.

Several ways of telling ink from paper are tried, the likeliest first. In each, connected ink is
grouped to lines of writing (`pieces`), and each line is segmented like pen strokes
(`sequence`): groups of neighbouring pieces are candidates for a digit, and the network's confidence,
sizes and gaps choose among them. The first way in which the network is sure of every digit ends
the search; otherwise the best one is the reading. A person is told that it is sure only where a
thicker pen would not have changed that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import compress, pairwise, starmap
from operator import not_

import numpy as np
from numpy.typing import NDArray

from digitcore.drawing import binarise
from digitcore.drawing.binarise import Ink
from digitcore.drawing.candidates import Effort, groups_of, suspicion_of
from digitcore.drawing.images import contrast, from_image, from_ink, grey_levels
from digitcore.drawing.input_image import AS_MNIST, DrawingError, DrawingInput, Predict
from digitcore.drawing.pieces import AT_EDGE, TOO_PALE, LeftOut, lines_of_writing
from digitcore.drawing.reading import Reading, is_better, scaled, touches
from digitcore.drawing.sequence import WEIGHTS, Digit, Number, best
from digitcore.drawing.sureness import goes_on, is_clear, lacks, may_be_one, stays

PRINTED_LINE = "a printed line"
_UNKNOWN = "no digit that the network knows"
_SIDE = 1024  # pixels; larger pictures are averaged down to half of this or more
_LEAST_SIDE = 256  # pixels; a smaller picture is enlarged to about this
_PLAIN = 2.0  # grey levels; a border that varies less is plain
_PALE = 160.0  # grey levels between the darkest and the lightest pixel
_SAME_AS_INPUT = 1.5  # a picture up to so many times an input image's size shows one digit


def about_print(like: DrawingInput) -> str:
    """What is told beside a reading that is not sure."""
    return f"The network has learned handwriting, and may misread printed {like.item}s."


def read(
    image: NDArray[np.uint8],
    predict: Predict,
    like: DrawingInput = AS_MNIST,
    threshold: float = 0.0,
    many: bool = True,
    turned: bool = False,
) -> Reading:
    """Read every line of digits in a picture.

    Args:
        image: uint8 (H, W), (H, W, 3) or (H, W, 4), up to 50 million pixels, upright, as
            `drawing.read_image` returns it; ink dark on light or light on dark.
        predict: the network, such as a Predictor's `probabilities`.
        like: how each digit's input image is made, as MNIST's unless given.
        threshold: confidence below which the network is not sure of a digit.
        many: whether there may be several digits; else the picture shows one item.
        turned: whether to look, where the reading is unsure, which way up is read surely.

    Raises:
        DrawingError: there is no ink, a page of text, or it is not such an image.
    """
    height, width = (*np.shape(image), 0, 0)[:2]
    if not many or max(height / like.shape[0], width / like.shape[1]) <= _SAME_AS_INPUT:
        return _single(image, predict, like, threshold)
    faults: list[DrawingError] = []
    legible: list[Ink] = []
    effort = Effort()
    reading = _best(
        _inks(image, faults), (width, height), predict, like, threshold, faults, effort, legible
    )
    if not turned or not reading.unsure:
        return reading
    for turns in (3, 1, 2):
        if effort.is_spent:
            break
        size = (height, width) if turns % 2 else (width, height)
        ways = (ink._replace(ink=np.rot90(ink.ink, turns), lines=()) for ink in legible)
        with suppress(DrawingError):
            other = _best(ways, size, predict, like, threshold, [], effort, [])
            if other.lines and not other.unsure:
                return reading._replace(turns=turns)
    return reading


def _best(
    ways: Iterator[Ink],
    size: tuple[int, int],
    predict: Predict,
    like: DrawingInput,
    threshold: float,
    faults: list[DrawingError],
    effort: Effort,
    legible: list[Ink],
) -> Reading:
    """The reading of the first way that is sure, else the one that explains most.

    `size` is the picture's, width and height. After much effort no other way is tried. The ways that
    have a reading are added to `legible`, and why the others have none to `faults`.
    """
    chosen: Reading | None = None
    for ink in ways:
        if chosen and effort.is_spent:
            break
        try:
            reading = _read(ink, predict, like, threshold, effort)
        except DrawingError as error:
            faults.append(error)
            continue
        legible.append(ink)
        reading = scaled(reading, size[0] / ink.ink.shape[1], size[1] / ink.ink.shape[0])
        if chosen is None or is_better(reading, chosen):
            chosen = reading
        # What touches the edge may be a shadow: then the other ways are tried as well.
        at_edge = ink.edge == "possible" and touches(reading, size)
        if not (reading.unsure or at_edge or ink.rival):
            break
    if chosen is None:
        raise faults[0]
    return chosen._replace(unsure=chosen.unsure or not stays(chosen.lines, predict))


def _single(
    image: NDArray[np.uint8], predict: Predict, like: DrawingInput, threshold: float
) -> Reading:
    """A picture as large as an input image, as one digit."""
    height, width = image.shape[:2]
    tried = [from_image(image, like)]
    grey = grey_levels(image)
    if np.ptp(grey) < _PALE:
        tried.append(from_ink(np.sqrt(contrast(grey)), like))
    table = predict(np.stack(tried))
    first = 0 if table[0].max() >= threshold else int(table.max(axis=1).argmax())
    digit = Digit((), (0, 0, width, height), tried[first], table[first])
    return Reading((Number((digit,), digit.confidence),), (), digit.confidence < threshold)


def _inks(image: NDArray[np.uint8], faults: list[DrawingError]) -> Iterator[Ink]:
    """What may be written in the picture, the likeliest first; why there is none goes to `faults`."""
    small = grey_levels(image)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    plain = bool(np.percentile(np.abs(border - np.median(border)), 90) < _PLAIN)
    if plain:  # drawn on a screen, or a clean scan: there is nothing to tell from ink
        with _noted(faults):
            ink = contrast(small)
            yield Ink(ink, edge="likely")
            yield Ink(np.sqrt(ink), edge="likely")  # what a pen pressed lightly is nearly as black
        return
    grey = grey_levels(image, _SIDE)
    # Windows and blurs need some pixels, which a tiny picture lacks.
    times = max(1, _LEAST_SIDE // max(grey.shape))
    grey = grey.repeat(times, axis=0).repeat(times, axis=1)
    # The likeliest pen may turn out to be the edge of a desk; then the next one is tried.
    first, *others = binarise.likely_pens(grey)
    with _noted(faults):
        yield from binarise.written_with(first, grey)
    with _noted(faults):
        yield Ink(contrast(small), edge="possible")
    for pen in others:
        with _noted(faults):
            yield from binarise.written_with(pen, grey)


@contextmanager
def _noted(faults: list[DrawingError]) -> Iterator[None]:
    """Goes on after a DrawingError, which is noted."""
    try:
        yield
    except DrawingError as error:
        faults.append(error)


def _read(
    way: Ink, predict: Predict, like: DrawingInput, threshold: float, effort: Effort
) -> Reading:
    """The lines of writing in a picture's ink; boxes are in pixels of the ink."""
    written = lines_of_writing(way)
    effort.spend(written)
    groups = [groups_of(line, way.ink, written, like) for line in written.lines]
    images = [image for line in groups for group in line for image in group.images]
    table = predict(np.stack(images)) if images else np.empty((0, 0), np.float32)
    left_out = [*written.left_out, *(LeftOut(box, PRINTED_LINE) for box in way.lines)]
    lines: list[Number] = []
    known_pieces: set[int] = set()
    pale = False
    at = 0
    for line in groups:
        tried = []
        for group in line:
            rows = table[at : at + len(group.images)]
            at += len(group.images)
            tried.append(group.candidate(rows))
        number = best(tried, WEIGHTS)
        digits = []
        for digit in number.digits:
            suspicion = suspicion_of(digit, line)
            if digit.image.size == 0 or (suspicion and digit.confidence < threshold):
                left_out.append(LeftOut(digit.box, suspicion))
            else:
                digits.append(digit)
                pale = pale or suspicion == TOO_PALE
                known_pieces.update(digit.strokes)
        if digits:
            lines.append(Number(tuple(digits), number.confidence))
    strange: list[Digit] = []
    if any(is_clear(line, threshold) for line in lines):
        known = [any(d.confidence >= threshold for d in number.digits) for number in lines]
        strange = [digit for number in compress(lines, map(not_, known)) for digit in number.digits]
        # A corner of a desk is sometimes a sure 1, and the number beside it strange.
        if 2 * len(strange) < sum(len(number.digits) for number in lines):
            lines = list(compress(lines, known))
            left_out.extend(LeftOut(digit.box, _UNKNOWN) for digit in strange)
    unsure = (
        bool(strange) or pale or not lines or not all(is_clear(line, threshold) for line in lines)
    )
    unsure = unsure or any(lacks(line, way.ink, written, known_pieces) for line in lines)
    unsure = unsure or any(starmap(may_be_one, pairwise(lines)))
    cut_off = [one.box for one in left_out if one.reason == AT_EDGE]
    unsure = unsure or any(goes_on(line, box, written.height) for line in lines for box in cut_off)
    return Reading(tuple(lines), tuple(left_out), unsure)
