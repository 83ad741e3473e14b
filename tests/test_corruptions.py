"""Each corruption does what is known of it, held against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from digitcore.analysis.corruptions import TRANSFORMS, Corruption, moved
from digitcore.analysis.mnist_c import SUITE

BY_NAME = {one.name: one for one in (*TRANSFORMS, *SUITE)}
EVERY = pytest.mark.parametrize("one", BY_NAME.values(), ids=list(BY_NAME))


def suite(name: str) -> Corruption:
    return BY_NAME[f"mnist_c_{name}"]


@pytest.fixture
def images() -> np.ndarray:
    """Twelve blots, none like another."""
    noise = np.random.default_rng(3).random((12, 28, 28))
    smooth = ndimage.gaussian_filter(noise, (0, 2, 2))[:, 4:24, 4:24]
    return np.pad((smooth > 0.5) * np.uint8(255), ((0, 0), (4, 4), (4, 4)))


def grey(level: int, count: int = 200) -> np.ndarray:
    return np.full((count, 28, 28), level, np.uint8)


def test_there_are_nine_transforms_and_a_suite_of_fifteen_with_names_of_their_own() -> None:
    assert (len(TRANSFORMS), len(SUITE), len(BY_NAME)) == (9, 15, 24)


@EVERY
def test_severity_0_is_the_image_as_it_is(one: Corruption, images: np.ndarray) -> None:
    before = images.copy()
    np.testing.assert_array_equal(one(images, 0), before)
    assert one(images, 0) is not images
    one(images, one.severities[-1])
    np.testing.assert_array_equal(images, before)


@EVERY
def test_a_severity_changes_the_image_the_more_the_higher_it_is(
    one: Corruption, images: np.ndarray
) -> None:
    def change(severity: float) -> float:
        return float(np.abs(one(images, severity).astype(float) - images).mean())

    above = [change(s) for s in one.severities if s >= 0]
    below = [change(s) for s in reversed(one.severities) if s <= 0]
    # A turned blot may be more like itself again.
    far = 3 if one.name == "rotation" else None
    for way in (above[:far], below[:far]):
        assert way == sorted(way)
        assert len(set(way)) == len(way)


@EVERY
def test_a_seed_decides_what_is_random_and_no_image_changes_another(
    one: Corruption, images: np.ndarray
) -> None:
    top = one.severities[-1]
    altered = one(images, top, seed=1)
    assert altered.dtype == np.uint8
    np.testing.assert_array_equal(one(images, top, seed=1), altered)
    others = images.copy()
    others[1:] = 255 - others[1:]
    np.testing.assert_array_equal(one(others, top, seed=1)[0], altered[0])
    fixed = {"rotation", "scale", "shear", "thickness", "blur", "contrast"}
    fixed |= {f"mnist_c_{name}" for name in ("scale", "brightness", "stripe", "canny_edges")}
    assert np.array_equal(one(images, top, seed=2), altered) == (one.name in fixed)


@EVERY
def test_a_dial_goes_through_0_from_the_lowest_to_the_highest(one: Corruption) -> None:
    assert list(one.dial[[0, -1]]) == [one.severities[0], one.severities[-1]]
    assert np.count_nonzero(one.dial == 0) == 1
    assert 15 < len(one.dial) < 100
    assert list(one.severities) == sorted(one.severities)


@EVERY
def test_no_image_gives_none_and_other_arrays_and_severities_are_refused(one: Corruption) -> None:
    top = one.severities[-1]
    assert one(np.empty((0, 28, 28), np.uint8), top).shape == (0, 28, 28)
    with pytest.raises(ValueError, match="Images are uint8"):
        one(np.zeros((1, 28, 28)), top)
    with pytest.raises(ValueError, match="Images are uint8"):
        one(np.zeros((28, 28), np.uint8), top)
    with pytest.raises(ValueError, match=f"goes from .* to {top:g}"):
        one(grey(0, 1), top + 1)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (-90, -1)])
def test_a_rotation_by_90_degrees_is_that_of_numpy(
    degrees: float, turns: int, images: np.ndarray
) -> None:
    wanted = np.rot90(images, turns, axes=(1, 2))
    np.testing.assert_array_equal(BY_NAME["rotation"](images, degrees), wanted)


def interpolated(images: np.ndarray, to_row: float, to_column: float) -> np.ndarray:
    """Images at `to_row` and `to_column` times the rows and columns of each pixel, from the middle."""
    middle = (images.shape[1] - 1) / 2
    at = np.arange(images.shape[1]) - middle
    rows, columns = np.meshgrid(at * to_row + middle, at * to_column + middle, indexing="ij")
    result = [
        ndimage.map_coordinates(one.astype(float), [rows, columns], order=1, mode="grid-constant")
        for one in images
    ]
    return np.stack(result)


@pytest.mark.parametrize("percent", [-60, -20, 20, 60])
def test_a_scale_is_that_of_scipy(percent: float, images: np.ndarray) -> None:
    factor = 1 + percent / 100
    wanted = interpolated(images, 1 / factor, 1 / factor)
    np.testing.assert_allclose(BY_NAME["scale"](images, percent), wanted, atol=0.6)


def test_the_suites_scale_shrinks_to_seven_tenths(images: np.ndarray) -> None:
    wanted = interpolated(images, 1 / 0.7, 1 / 0.7)
    np.testing.assert_allclose(suite("scale")(images, 100), wanted, atol=0.6)


def test_a_shear_by_45_degrees_moves_each_row_by_its_height() -> None:
    images = np.zeros((1, 29, 29), np.uint8)
    images[0, 8:21, 14] = 255
    sheared = BY_NAME["shear"](images, 45)
    for row in range(8, 21):
        assert np.flatnonzero(sheared[0, row]).tolist() == [14 + (14 - row)]


def test_a_move_by_whole_pixels_is_a_slice(images: np.ndarray) -> None:
    ink = images.astype(np.float32)
    wanted = np.zeros_like(ink)
    wanted[:, 2:, :-3] = ink[:, :-2, 3:]
    np.testing.assert_allclose(moved(ink, np.tile([2.0, -3.0], (len(ink), 1))), wanted)


def test_a_shift_goes_as_far_as_it_says_in_many_directions() -> None:
    images = np.zeros((40, 28, 28), np.uint8)
    images[:, 12:16, 12:16] = 255
    altered = BY_NAME["shift"](images, 6)
    by = np.array([ndimage.center_of_mass(one) for one in altered]) - 13.5
    np.testing.assert_allclose(np.hypot(*by.T), 6, atol=0.05)
    assert {tuple(np.sign(one)) for one in by} == {(a, b) for a in (-1, 1) for b in (-1, 1)}


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


@pytest.mark.parametrize(("pixels", "width"), [(-1, 1), (1, 5), (2, 7)])
def test_a_bar_becomes_thicker_or_thinner_on_both_sides(pixels: float, width: int) -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 4:24, 12:15] = 255
    row = BY_NAME["thickness"](images, pixels)[0, 14]
    assert (row == 255).sum() == width
    assert row.sum() == 255 * width


def test_thickening_lies_between_the_dilations_by_a_cross_and_by_a_square(
    images: np.ndarray,
) -> None:
    cross = ndimage.generate_binary_structure(2, 1)[None]
    for name, sign in (("grey_dilation", 1), ("grey_erosion", -1)):
        extreme = getattr(ndimage, name)
        # Beyond the edge is paper.
        least, most = (
            sign * extreme(images, footprint=shape, mode="constant", cval=0).astype(int)
            for shape in (cross, np.ones((1, 3, 3), bool))
        )
        altered = sign * BY_NAME["thickness"](images, sign).astype(int)
        assert (least <= altered + 1).all()
        assert (altered <= most + 1).all()


@pytest.mark.parametrize("percent", [10, 20])
def test_noise_has_the_standard_deviation_that_it_says(percent: float) -> None:
    altered = BY_NAME["noise"](grey(128), percent).astype(float) / 255
    assert altered.mean() == pytest.approx(128 / 255, abs=0.002)
    assert altered.std() == pytest.approx(percent / 100, rel=0.02)


def test_a_blur_is_that_of_scipy(images: np.ndarray) -> None:
    for image, altered in zip(images, BY_NAME["blur"](images, 1.5), strict=True):
        wanted = ndimage.gaussian_filter(image.astype(float), 1.5, mode="constant")
        np.testing.assert_allclose(altered, wanted, atol=0.6)


@pytest.mark.parametrize("percent", [40, 95])
def test_lost_contrast_keeps_the_mean_and_less_of_the_spread(
    percent: float, images: np.ndarray
) -> None:
    for image, altered in zip(images, BY_NAME["contrast"](images, percent), strict=True):
        assert altered.mean() == pytest.approx(image.mean(), abs=0.5)
        assert altered.std() == pytest.approx(image.std() * (1 - percent / 100), abs=0.5)


def test_an_occlusion_covers_a_square_with_that_side_in_the_middle_half() -> None:
    hidden = 1 - BY_NAME["occlusion"](grey(255), 6) / 255
    np.testing.assert_allclose(hidden.sum(axis=(1, 2)), 36, atol=0.2)
    centres = np.array([ndimage.center_of_mass(one) for one in hidden])
    assert (centres >= 28 / 4 - 0.5).all()
    assert (centres <= 28 * 3 / 4 - 0.5).all()
    assert (centres.std(axis=0) > 3).all()


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
