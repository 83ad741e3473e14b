"""Pen strokes become input images like MNIST's."""

from __future__ import annotations

import time

import numpy as np
import pytest
from ink import SEVEN, difference, extent, mass_centre

from digitcore import drawing
from digitcore.drawing import DrawingError, from_strokes

TURN = np.linspace(0, 2 * np.pi, 60)
ZERO = np.column_stack([100 + 40 * np.cos(TURN), 150 + 70 * np.sin(TURN)])


@pytest.mark.parametrize("strokes", [[ZERO], SEVEN, [ZERO @ np.diag([1.0, 0.2])], [ZERO[::6]]])
def test_the_longer_side_is_20_pixels(strokes: list[np.ndarray]) -> None:
    image = from_strokes(strokes)
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert max(extent(image)) == pytest.approx(20, abs=1)
    assert image.max() == 255


def test_aspect_ratio_is_kept() -> None:
    width, height = extent(from_strokes([ZERO]))
    pen = drawing.PEN_WIDTH
    assert width - pen == pytest.approx((height - pen) * 40 / 70, abs=1)


def test_mass_is_centred_where_mnist_has_it() -> None:
    assert mass_centre(from_strokes([ZERO])) == pytest.approx((14, 14), abs=0.1)
    lopsided = [np.array([[0.0, 0], [100, 0], [100, 10], [0, 10], [0, 90]])]
    assert mass_centre(from_strokes(lopsided))[0] == pytest.approx(14, abs=0.1)


def test_centring_moves_no_ink_out_of_the_image() -> None:
    rows = np.linspace(0, 20, 11)
    heavy_bar = np.column_stack([np.tile([0.0, 100, 100, 0], 11)[:22], rows.repeat(2)])
    image = from_strokes([heavy_bar, np.array([[50.0, 0], [50, 100]])], pen_width=1)
    assert extent(image)[1] == pytest.approx(20, abs=1)


def test_coordinates_may_be_as_large_as_floats() -> None:
    corner = np.array([[-1.0, 1], [1, -1], [1, 1]])
    np.testing.assert_array_equal(from_strokes([corner * 1.7e308]), from_strokes([corner]))


@pytest.mark.parametrize(
    ("scale", "x", "y"), [(0.01, 0, 0), (1, 5000, -300), (1e6, 0, 1e6), (1e305, 0, 0)]
)
def test_place_and_scale_make_no_difference(scale: float, x: float, y: float) -> None:
    moved = [scale * stroke + [x, y] for stroke in SEVEN]
    assert difference(from_strokes(moved), from_strokes(SEVEN)) < 0.05


def test_order_and_direction_of_strokes_make_no_difference() -> None:
    backwards = [stroke[::-1] for stroke in SEVEN[::-1]]
    np.testing.assert_array_equal(from_strokes(SEVEN[::-1]), from_strokes(SEVEN))
    assert difference(from_strokes(backwards), from_strokes(SEVEN)) < 0.05


def test_a_dot_is_a_dot_as_wide_as_the_pen() -> None:
    image = from_strokes([np.array([[7.0, 9.0]])])
    assert image.sum() / 255 == pytest.approx(np.pi * drawing.PEN_WIDTH**2 / 4, rel=0.15)
    assert mass_centre(image) == pytest.approx((14, 14), abs=0.1)


def test_a_wider_pen_leaves_more_ink_in_the_same_box() -> None:
    thin, wide = from_strokes([ZERO], pen_width=1.5), from_strokes([ZERO], pen_width=4)
    assert wide.sum() > 2 * thin.sum()
    assert max(extent(wide)) == pytest.approx(max(extent(thin)), abs=1)


def test_strokes_without_points_are_skipped() -> None:
    np.testing.assert_array_equal(from_strokes([ZERO, np.empty((0, 2)), []]), from_strokes([ZERO]))


@pytest.mark.parametrize(
    ("strokes", "says"),
    [
        ([], "at least one point"),
        ([np.empty((0, 2))], "at least one point"),
        ([[[0, 0], [np.nan, 1]]], "finite.*Received"),
        ([[[0, 0], [np.inf, 1]]], "finite.*Received"),
        ([[1, 2, 3]], r"\(n, 2\).*Received"),
        ([[[1, 2, 3]]], r"\(n, 2\).*Received"),
        ([[[1, 2], [3]]], "Received"),
        (["seven"], "Received"),
        (None, "Received: None"),
    ],
)
def test_input_other_than_strokes_is_refused(strokes: object, says: str) -> None:
    with pytest.raises(DrawingError, match=says):
        from_strokes(strokes)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [0, -1, 11, float("nan")])
def test_a_pen_has_a_sensible_width(width: float) -> None:
    with pytest.raises(DrawingError, match="Received"):
        from_strokes([ZERO], pen_width=width)


def test_a_slow_pen_draws_the_same_line() -> None:
    fine = np.linspace(0, 2 * np.pi, 100_000)
    slow = np.column_stack([100 + 40 * np.cos(fine), 150 + 70 * np.sin(fine)])
    coarse = from_strokes([slow[::500]])
    assert difference(from_strokes([slow]), coarse) < 0.5


def test_a_huge_scribble_is_drawn_in_bounded_time() -> None:
    scribble = np.random.default_rng(0).normal(size=(200_000, 2))
    start = time.perf_counter()
    image = from_strokes([scribble])
    assert time.perf_counter() - start < 5
    assert image.any()
