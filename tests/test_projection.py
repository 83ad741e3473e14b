"""Principal components against scikit-learn's, and what they are of odd features."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from digitcore.analysis.projection import inside, nearest, principal_components


def features(count: int, dimension: int) -> np.ndarray:
    """Correlated, far from 0, of uneven variance."""
    random = np.random.default_rng(count)
    mixed = random.normal(size=(count, 12)) * np.arange(12, 0, -1)
    return (mixed @ random.normal(size=(12, dimension)) + 5).astype(np.float32)


@pytest.mark.parametrize("shape", [(300, 20), (40, 200), (64, 64)])
def test_they_are_scikit_learns(shape: tuple[int, int]) -> None:
    given, later = features(*shape), features(7, shape[1])
    found = principal_components(given, 4)
    wanted = PCA(4, svd_solver="full").fit(given.astype(np.float64))
    np.testing.assert_allclose(found.explained, wanted.explained_variance_ratio_, rtol=1e-5)
    signs = np.sign((found.axes * wanted.components_.T).sum(axis=0))
    np.testing.assert_allclose(found.axes * signs, wanted.components_.T, atol=1e-5)
    table = found(later)
    assert table.dtype == np.float32
    np.testing.assert_allclose(table * signs, wanted.transform(later), atol=1e-2, rtol=1e-4)


def test_an_axis_points_to_its_largest_coordinate() -> None:
    given = features(100, 9)
    for turned in (given, -given):
        axes = principal_components(turned, 3).axes
        assert (axes.max(axis=0) == np.abs(axes).max(axis=0)).all()


@pytest.mark.parametrize("shape", [(50, 1), (1, 50)])
def test_directions_that_are_missing_are_0(shape: tuple[int, int]) -> None:
    found = principal_components(features(*shape), 2)
    assert found(features(3, shape[1])).shape == (3, 2)
    assert found.explained[1] == 0
    assert not found.axes[:, 1].any()
    assert found.explained[0] == pytest.approx(float(shape[0] > 1))


def test_features_that_are_all_the_same_are_one_point() -> None:
    found = principal_components(np.full((30, 5), 3.0, np.float32), 2)
    np.testing.assert_array_equal(found(np.full((4, 5), 3.0, np.float32)), 0)
    np.testing.assert_array_equal(found.explained, 0)


def test_the_nearest_come_first() -> None:
    points = np.array([[0, 0], [3, 4], [0, 1], [0, -1]], np.float32)
    np.testing.assert_array_equal(nearest(points, np.array([0, 0.1]), 3), [0, 2, 3])
    assert len(nearest(points, points[0], 9)) == 4


@pytest.mark.parametrize("turn", [0, 2])
def test_points_are_inside_an_area_by_the_even_odd_rule(turn: int) -> None:
    # A box with a notch that reaches down to its middle.
    corners = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], float)
    points = np.array([[1, 1], [2, 0.5], [2, 3], [3.5, 3], [5, 1], [-1, 2], [2, -1]])
    wanted = [True, True, False, True, False, False, False]
    for way in (corners, corners[::-1]):
        assert inside(points, np.roll(way, turn, axis=0)).tolist() == wanted
    # Where lines cross, what is enclosed twice is outside.
    star = np.array([[np.sin(4 * np.pi * k / 5), np.cos(4 * np.pi * k / 5)] for k in range(5)])
    assert inside(np.array([[0, 0], [0, 0.8]]), star).tolist() == [False, True]
