"""Explanations of a prediction: occlusion, hints, nearest images."""

from __future__ import annotations

import math

import numpy as np
import pytest

from digitcore import drawing
from digitcore.analysis import attribution
from digitcore.datasets import Dataset
from digitcore.drawing import synthetic

BAR = np.array([[20.0, 20], [80, 20]])
STEM = np.array([[80.0, 20], [50, 120]])
DOT = np.array([[300.0, 300]])


def looks_at_the_top(images: np.ndarray) -> np.ndarray:
    """A network that predicts 7 by the amount of ink in the upper third, and 1 otherwise."""
    top = images[:, :10].reshape(len(images), -1).astype(np.float32).sum(axis=1)
    seven = np.clip(top / (255 * 50), 0, 1)
    table = np.zeros((len(images), 10), np.float32)
    table[:, 7], table[:, 1] = seven, 1 - seven
    return table


def test_the_stroke_that_the_network_looks_at_has_the_weight() -> None:
    table, attributions = attribution.occlusion([BAR, STEM], looks_at_the_top)
    assert table.argmax() == 7
    weights = {"bar": 0.0, "stem": 0.0}
    for one in attributions:
        weights["bar" if np.ptp(one.points[:, 1]) < 1 else "stem"] += one.weight
    assert weights["bar"] > 0.2
    assert weights["bar"] > 2 * abs(weights["stem"])


def test_what_remains_stays_where_it_was() -> None:
    (left,) = drawing.from_strokes_within([[STEM]], [BAR, STEM])
    whole = drawing.from_strokes([BAR, STEM])
    assert (left <= whole).all()
    assert (left[10:] == whole[10:]).all()  # the bar is above
    assert left.sum() < 0.9 * whole.sum()
    (all_of_it,) = drawing.from_strokes_within([[BAR, STEM]], [BAR, STEM])
    np.testing.assert_array_equal(all_of_it, whole)


def test_one_stroke_is_cut_into_four_of_the_same_length() -> None:
    angle = np.linspace(0, 2 * math.pi, 50)
    circle = 100 + 50 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    _, attributions = attribution.occlusion([circle], looks_at_the_top)
    lengths = [np.hypot(*np.diff(one.points, axis=0).T).sum() for one in attributions]
    assert len(attributions) == 4
    assert max(lengths) == pytest.approx(min(lengths), rel=0.02)
    np.testing.assert_allclose(attributions[0].points[-1], attributions[1].points[0])


@pytest.mark.parametrize("strokes", [[DOT], [DOT] * 30], ids=["a dot", "many"])
def test_a_drawing_without_attributions_is_still_predicted(strokes: list[np.ndarray]) -> None:
    table, attributions = attribution.occlusion(strokes, looks_at_the_top)
    assert (table.shape, attributions) == ((10,), [])


def test_a_stroke_without_effect_has_no_weight_and_the_network_is_called_once() -> None:
    calls = []

    def always(images: np.ndarray) -> np.ndarray:
        calls.append(len(images))
        return np.full((len(images), 10), 0.1, np.float32)

    _, attributions = attribution.occlusion([BAR, STEM], always)
    assert [one.weight for one in attributions] == [0.0] * len(attributions)
    assert calls == [1 + len(attributions)]


def test_an_empty_drawing_is_refused() -> None:
    with pytest.raises(drawing.DrawingError):
        attribution.occlusion([], looks_at_the_top)


def leaning(degrees: float) -> np.ndarray:
    x = 50 * math.tan(math.radians(degrees))
    return drawing.from_strokes([np.array([[50 + x, 0.0], [50 - x, 100]])])


@pytest.mark.parametrize("degrees", [-40, -10, 0, 25, 42])
def test_slant_is_in_degrees_to_the_right(degrees: float) -> None:
    assert attribution.slant_of(leaning(degrees)) == pytest.approx(degrees, abs=3)


def test_hints_name_what_is_unusual() -> None:
    assert (
        attribution.hints(drawing.from_strokes(synthetic.write(3, np.random.default_rng(1)))) == []
    )
    assert any("to the right" in hint for hint in attribution.hints(leaning(45)))
    assert any("to the left" in hint for hint in attribution.hints(leaning(-40)))
    wide = [np.array([[0.0, 0], [100, 10], [0, 30], [100, 40]])]
    assert "wide for MNIST" in attribution.hints(drawing.from_strokes(wide))
    assert "thin for MNIST" in attribution.hints(drawing.from_strokes([STEM], pen_width=1.0))
    assert "thick for MNIST" in attribution.hints(drawing.from_strokes([BAR, STEM], pen_width=6.0))


def test_hints_are_rare_on_mnist(mnist: Dataset) -> None:
    images = mnist.train.images[:2000]
    for measure, (low, high) in (
        (attribution.slant_of, attribution.SLANT),
        (attribution.width_of, attribution.WIDTH),
        (attribution.pen_of, attribution.PEN),
    ):
        values = np.array([measure(image) for image in images])
        assert 0.005 < ((values < low) | (values > high)).mean() < 0.04


def test_a_blank_image_has_no_looks() -> None:
    blank = np.zeros((28, 28), np.uint8)
    assert (
        attribution.slant_of(blank),
        attribution.width_of(blank),
        attribution.pen_of(blank),
    ) == (0.0, 1.0, 0.0)


def test_the_nearest_image_is_itself_and_the_next_show_the_same_digit(mnist: Dataset) -> None:
    split = mnist.train
    nearest = attribution.Nearest(split.images[:5000])
    for index in (0, 17, 4999):
        assert nearest(split.images[index])[0] == index
    neighbours = [split.labels[nearest(image, 3)] for image in mnist.test.images[:100]]
    same = [
        np.mean(labels == true) for labels, true in zip(neighbours, mnist.test.labels, strict=False)
    ]
    assert np.mean(same) > 0.85


def test_few_images_have_few_neighbours() -> None:
    images = np.random.default_rng(0).integers(0, 255, (3, 28, 28), np.uint8)
    assert sorted(attribution.Nearest(images)(images[1], 5)) == [0, 1, 2]
