"""Each corruption of the suite does what MNIST-C's does, held against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from test_corruptions import BY_NAME, grey, images, interpolated

from digitcore.analysis.corruptions import Corruption

__all__ = ["images"]


def suite(name: str) -> Corruption:
    return BY_NAME[f"mnist_c_{name}"]


def test_the_suites_scale_shrinks_to_seven_tenths(images: np.ndarray) -> None:
    wanted = interpolated(images, 1 / 0.7, 1 / 0.7)
    np.testing.assert_allclose(suite("scale")(images, 100), wanted, atol=0.6)


def test_translate_moves_by_three_pixels_along_both_axes(images: np.ndarray) -> None:
    framed = np.pad(images, ((0, 0), (3, 3), (3, 3)))
    ways = {(a, b): framed[:, a : a + 28, b : b + 28] for a in (0, 6) for b in (0, 6)}
    seen = {
        next(way for way, moved_by in ways.items() if np.array_equal(moved_by[i], one))
        for i, one in enumerate(suite("translate")(images, 100))
    }
    assert len(seen) > 1


@pytest.mark.parametrize("name", ["shear", "rotate"])
def test_shear_and_rotate_of_the_suite_go_either_way_by_four_tenths(
    name: str, images: np.ndarray
) -> None:
    degrees = np.degrees(0.4)
    transform = BY_NAME["shear" if name == "shear" else "rotation"]
    ways = [transform(images, sign * degrees).astype(int) for sign in (-1, 1)]
    altered = suite(name)(images, 100)
    chosen = [[np.abs(way[i] - one).max() <= 1 for way in ways] for i, one in enumerate(altered)]
    assert {tuple(one) for one in chosen} == {(True, False), (False, True)}


def test_shot_noise_counts_photons() -> None:
    altered = suite("shot_noise")(grey(85), 100)
    assert set(np.unique(altered)) == {0, 85, 170, 255}
    # A mean of one photon: none in e⁻¹ of all.
    assert (altered == 0).mean() == pytest.approx(np.exp(-1), abs=0.005)


def test_impulse_noise_makes_17_in_100_pixels_black_or_white() -> None:
    altered = suite("impulse_noise")(grey(128), 100)
    assert (altered == 0).mean() == pytest.approx(0.085, abs=0.005)
    assert (altered == 255).mean() == pytest.approx(0.085, abs=0.005)
    assert (altered == 128).mean() == pytest.approx(0.83, abs=0.005)


def test_glass_blur_smears_and_loses_nothing(images: np.ndarray) -> None:
    altered = suite("glass_blur")(images, 100)
    np.testing.assert_allclose(
        altered.sum(axis=(1, 2)), images.sum(axis=(1, 2), dtype=int), rtol=0.1
    )
    assert (np.abs(np.diff(altered.astype(int), axis=2)).max(axis=(1, 2)) < 140).all()


def test_motion_blur_drags_a_point_aside_by_at_most_45_degrees() -> None:
    images = np.zeros((40, 28, 28), np.uint8)
    images[:, 12:16, 8] = 255
    altered = suite("motion_blur")(images, 100).astype(float)
    np.testing.assert_allclose(altered.sum(axis=(1, 2)), 4 * 255, rtol=0.02)
    by = np.array([ndimage.center_of_mass(one) for one in altered]) - (13.5, 8)
    weights = np.exp(-(np.arange(11) ** 2) / 18)
    length = (weights * np.arange(11)).sum() / weights.sum()
    np.testing.assert_allclose(np.hypot(*by.T), length, atol=0.1)
    assert (by[:, 1] > 0).all()
    assert (np.abs(by[:, 0]) <= by[:, 1] + 0.05).all()


def test_brightness_adds_half_of_white_to_all(images: np.ndarray) -> None:
    wanted = np.minimum(images + 127.5, 255)
    np.testing.assert_allclose(suite("brightness")(images, 100), wanted, atol=0.6)


def test_stripe_inverts_what_is_left_and_right_of_the_middle(images: np.ndarray) -> None:
    altered = suite("stripe")(images, 100)
    np.testing.assert_array_equal(altered[:, :, 7:21], images[:, :, 7:21])
    for outside in (np.s_[:, :, :7], np.s_[:, :, 21:]):
        np.testing.assert_array_equal(altered[outside], 255 - images[outside])


def test_fog_lowers_the_contrast_to_a_quarter_below_clouds(images: np.ndarray) -> None:
    altered = suite("fog")(images, 100).astype(float)
    clouds = suite("fog")(np.where(np.indices(images.shape)[1] == 0, 255, 0).astype(np.uint8), 100)
    # The same clouds; only where both have paper they are seen alone.
    both = (images == 0) & (np.indices(images.shape)[1] > 0)
    np.testing.assert_allclose(altered[both], clouds[both], atol=1)
    ink = images == 255
    np.testing.assert_allclose(altered[ink] - clouds[ink], 255 / 4, atol=1)
    assert 5 < clouds[:, 1:].std() < 60


def test_spatter_is_dark_mud_over_some_of_the_image() -> None:
    on_black, on_white = (suite("spatter")(grey(level), 100) for level in (0, 255))
    assert 45 <= on_black.max() <= 63
    muddy = on_black > 0
    assert 0.02 < muddy.mean() < 0.4
    assert (on_white[muddy] < 255 - 0.7 * (255 - 63)).all()
    assert (on_white[~muddy] == 255).all()


def test_a_dotted_line_has_gaps_and_crosses_the_image() -> None:
    drawn = suite("dotted_line")(grey(0), 100)
    columns = np.arange(28) // 2 % 2 == 0
    assert drawn[:, :, columns].max() == 0
    assert (drawn[:, :, ~columns].max(axis=1) > 100).all()


def test_a_zigzag_crosses_the_image_and_rises_and_falls_by_two_pixels() -> None:
    drawn = suite("zigzag")(grey(0), 100)
    assert drawn[:, :, [0, 1, 26, 27]].max() == 0
    inside = [one for one in drawn if one[[0, 1, 2, 25, 26, 27]].max() == 0]
    assert len(inside) > 20
    for one in inside:
        rows = one[:, 2:26].argmax(axis=0)
        level = rows - np.polyval(np.polyfit(np.arange(24), rows, 1), np.arange(24))
        assert 1.2 < np.abs(level).max() < 3.2
        assert np.count_nonzero(np.diff(np.sign(level)[np.abs(level) > 0.9])) >= 4


def test_canny_edges_are_the_outline_alone() -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 8:20, 8:20] = 255
    edges = suite("canny_edges")(images, 100)
    assert set(np.unique(edges)) == {0, 255}
    assert edges[1].max() == 0
    outline = edges[0] == 255
    assert not outline[11:17, 11:17].any()
    assert not outline[:6].any()
    # Closed: what is inside of it cannot get out.
    inside = ndimage.label(~outline)[0]
    assert inside[14, 14] != inside[0, 0]
