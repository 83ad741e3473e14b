"""Of two readings of a picture, the one that explains it is chosen."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks import camera
from digitcore import drawing
from digitcore.datasets import Dataset
from digitcore.drawing import photo
from digitcore.drawing.pieces import Box
from digitcore.drawing.reading import Reading, is_better
from digitcore.drawing.sequence import Digit, Number
from digitcore.runs.predictor import Predictor

BLANK = np.zeros((28, 28), np.uint8)


def line(confidence: float, *boxes: Box) -> Number:
    probabilities = np.full(10, 0.01, np.float32)
    probabilities[3] = 0.91
    return Number(tuple(Digit((), box, BLANK, probabilities) for box in boxes), confidence)


def unsure(*lines: Number) -> Reading:
    return Reading(lines, (), True)


NUMBER = [(200.0, 300.0, 300.0, 450.0), (320.0, 300.0, 420.0, 450.0)]
OUTLINE = (100.0, 80.0, 1100.0, 800.0)
CORNER = (0.0, 0.0, 30.0, 120.0)


def test_the_outline_of_a_sheet_does_not_replace_the_number_on_it() -> None:
    sure = Reading((line(0.99, OUTLINE),))
    assert not is_better(sure, unsure(line(0.8, *NUMBER)))
    assert is_better(sure, unsure(line(0.2, *NUMBER)))  # crumbs within a large digit


def test_a_sure_mark_beside_a_number_does_not_make_the_number_surer() -> None:
    number = line(0.83, *NUMBER)
    assert not is_better(unsure(line(0.99, CORNER), line(0.80, *NUMBER)), unsure(number))
    assert is_better(unsure(line(0.99, CORNER), line(0.85, *NUMBER)), unsure(number))


def test_what_is_likely_replaces_what_is_taller_and_unlikely() -> None:
    desk = line(0.25, OUTLINE, *NUMBER)
    assert is_better(unsure(line(0.9, *NUMBER)), unsure(desk))
    assert not is_better(unsure(line(0.6, *NUMBER)), unsure(desk))
    assert not is_better(unsure(desk), unsure(line(0.9, *NUMBER)))


@cache
def network() -> Predictor:
    return Predictor(Path(__file__).parents[1] / "models" / "reader" / "model.tflite")


@pytest.mark.parametrize(
    ("kind", "which"), [("desk", 57), ("everything", 74), ("pencil", 66), ("squared", 60)]
)
def test_a_sheet_a_shadow_and_printed_lines_are_not_taken_for_digits(
    mnist: Dataset, kind: str, which: int
) -> None:
    split = mnist.validation
    random = np.random.default_rng([0, list(camera.KINDS).index(kind), which])
    picture = camera.photo(kind, split.images, split.labels, random)
    read = photo.read(drawing.read_image(picture.data), network().probabilities, threshold=0.9)
    assert [number.text for number in read.lines] == ["".join(map(str, picture.digits))]
