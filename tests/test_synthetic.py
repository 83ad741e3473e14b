"""Digits that the project writes itself."""

from __future__ import annotations

import numpy as np
import pytest

from digitcore import drawing
from digitcore.drawing import synthetic


def spans(strokes: list[np.ndarray]) -> tuple[float, float]:
    width, height = np.ptp(np.concatenate(strokes), axis=0)
    return float(width), float(height)


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_is_strokes_of_points_and_no_two_writings_are_the_same(digit: int) -> None:
    random = np.random.default_rng(digit)
    images = set()
    for _ in range(40):
        strokes = synthetic.write(digit, random)
        assert all(stroke.ndim == 2 and stroke.shape[1] == 2 for stroke in strokes)
        assert np.isfinite(np.concatenate(strokes)).all()
        assert 50 < max(spans(strokes)) < 250
        images.add(drawing.from_strokes(strokes).tobytes())
    assert len(images) == 40


def test_every_style_is_used() -> None:
    for of, (styles, fractions) in synthetic._styles().items():
        random = np.random.default_rng(0)
        used = {id(synthetic._style(of, random)) for _ in range(60 * len(styles))}
        assert len(used) == len(styles)
        assert fractions.sum() == pytest.approx(1)


def test_some_sevens_have_a_bar_and_some_ones_a_foot() -> None:
    random = np.random.default_rng(0)
    counts = {d: [len(synthetic.write(d, random)) for _ in range(100)] for d in (1, 7, 0)}
    for found in counts.values():
        assert 5 < sum(count == 2 for count in found) < 95


def test_an_outlier_is_never_a_mere_line() -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        points = np.concatenate(synthetic.scribble(random))
        narrow, long = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)).clip(0))
        assert narrow >= 0.25 * long


def test_images_are_the_same_for_the_same_arguments_and_mixed() -> None:
    images, labels, is_outlier = synthetic.images(50, 20, seed=3)
    again, same, outliers = synthetic.images(50, 20, seed=3)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(labels, same)
    np.testing.assert_array_equal(is_outlier, outliers)
    assert (images.dtype, images.shape, labels.dtype) == (np.uint8, (70, 28, 28), np.uint8)
    assert np.bincount(labels[~is_outlier], minlength=10).tolist() == [5] * 10
    assert is_outlier.sum() == 20
    assert (images.reshape(70, -1).max(axis=1) > 200).all()
    kinds = np.where(is_outlier, 10, labels)
    assert (np.diff(kinds.astype(int)) != 0).mean() > 0.7
    other, *_ = synthetic.images(50, 20, seed=4)
    assert (other != images).any()


def test_nothing_is_written_where_nothing_is_asked_for() -> None:
    images, labels, is_outlier = synthetic.images(0, 0, seed=0)
    assert (images.shape, labels.shape, is_outlier.shape) == ((0, 28, 28), (0,), (0,))


def test_a_corner_is_sharp_and_a_curve_is_not() -> None:
    points = np.array([[0.0, 0], [50, 0], [50, 50]])
    soft = synthetic._smooth(points, np.zeros(3, bool))
    hard = synthetic._smooth(points, np.array([False, True, False]))
    assert hard[:, 0].max() == pytest.approx(50)  # two straight lines
    assert hard[:, 1].min() == pytest.approx(0)
    assert soft[:, 0].max() > 51  # the curve swings beyond
    for curve in (soft, hard):
        assert min(np.abs(curve - points[1]).sum(axis=1)) < 1e-9
