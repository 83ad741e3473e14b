"""Ways of writing that MNIST hardly has are read by the shipped run, and surely.

`data/ways_of_writing.toml` has a few drawings of each way, which no network has learned. Each is varied, as
the same person might draw it again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from digitcore import drawing
from digitcore.drawing import synthetic
from digitcore.runs import Run
from digitcore.runs.predictor import Predictor

HERE = Path(__file__).parent
WAYS = tomllib.loads((HERE / "data" / "ways_of_writing.toml").read_text(encoding="utf-8"))
OF_EACH = 120


def written(way: str) -> np.ndarray:
    """Input images of one way of writing."""
    random = np.random.default_rng(7)
    drawings = WAYS[way]["drawings"]
    images = []
    for i in range(OF_EACH):
        strokes = [synthetic.path(stroke) for stroke in drawings[i % len(drawings)]]
        varied = synthetic.varied(strokes, random)
        images.append(drawing.from_strokes(varied, synthetic.pen_width(random)))
    return np.array(images)


@pytest.fixture(scope="module")
def predict() -> Callable[[np.ndarray], np.ndarray]:
    return Predictor(Run(HERE.parent / "models" / "reader")).probabilities


@pytest.mark.parametrize("way", WAYS)
def test_a_way_of_writing_is_read(way: str, predict: Callable[[np.ndarray], np.ndarray]) -> None:
    of_the_digit = predict(written(way))[:, WAYS[way]["digit"]]
    assert of_the_digit.mean() >= WAYS[way].get("at_least", 0.97)


def test_no_way_of_writing_is_among_those_that_are_learned() -> None:
    learned = (HERE.parent / "digitcore" / "drawing" / "synthetic.toml").read_text(encoding="utf-8")
    styles = [style[1:] for styles in tomllib.loads(learned).values() for style in styles]
    for way in WAYS.values():
        for one in way["drawings"]:
            assert one not in styles
