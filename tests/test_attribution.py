"""Why a drawing was read as it was."""

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


def asks_for_the_top(images: np.ndarray) -> np.ndarray:
    """A network that says 7 by the share of ink in the upper third, and 1 otherwise."""
    top = images[:, :10].reshape(len(images), -1).astype(np.float32).sum(axis=1)
    share = np.clip(top / (255 * 50), 0, 1)
    table = np.zeros((len(images), 10), np.float32)
    table[:, 7], table[:, 1] = share, 1 - share
    return table


def test_the_bar_speaks_for_what_looks_at_bars_and_the_stem_does_not() -> None:
    table, parts = attribution.influence([BAR, STEM], asks_for_the_top)
    assert table.argmax() == 7
    weights = {"bar": 0.0, "stem": 0.0}
    for part in parts:
        weights["bar" if np.ptp(part.points[:, 1]) < 1 else "stem"] += part.weight
    assert weights["bar"] > 0.2
    assert weights["bar"] > 2 * abs(weights["stem"])


def test_what_is_left_stays_where_it_was() -> None:
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
    _, parts = attribution.influence([circle], asks_for_the_top)
    lengths = [np.hypot(*np.diff(part.points, axis=0).T).sum() for part in parts]
    assert len(parts) == 4
    assert max(lengths) == pytest.approx(min(lengths), rel=0.02)
    np.testing.assert_allclose(parts[0].points[-1], parts[1].points[0])


@pytest.mark.parametrize("strokes", [[DOT], [DOT] * 30], ids=["a dot", "many"])
def test_there_may_be_no_parts_but_there_is_an_answer(strokes: list[np.ndarray]) -> None:
    table, parts = attribution.influence(strokes, asks_for_the_top)
    assert (table.shape, parts) == ((10,), [])


def test_a_stroke_that_says_nothing_weighs_nothing_and_the_network_is_asked_once() -> None:
    asked = []

    def always(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return np.full((len(images), 10), 0.1, np.float32)

    _, parts = attribution.influence([BAR, STEM], always)
    assert [part.weight for part in parts] == [0.0] * len(parts)
    assert asked == [1 + len(parts)]


def test_an_empty_drawing_is_told() -> None:
    with pytest.raises(drawing.DrawingError):
        attribution.influence([], asks_for_the_top)


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
    labels = [split.labels[nearest(image, 3)] for image in mnist.test.images[:100]]
    same = [np.mean(found == true) for found, true in zip(labels, mnist.test.labels, strict=False)]
    assert np.mean(same) > 0.85


def test_few_images_have_few_neighbours() -> None:
    images = np.random.default_rng(0).integers(0, 255, (3, 28, 28), np.uint8)
    assert sorted(attribution.Nearest(images)(images[1], 5)) == [0, 1, 2]
