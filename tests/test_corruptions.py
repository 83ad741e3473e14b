"""Each corruption does what is known of it, held against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from digitcore.analysis.corruptions import TRANSFORMS, Corruption, moved
from digitcore.analysis.mnist_c import SUITE

BY_NAME = {one.name: one for one in (*TRANSFORMS, *SUITE)}
EVERY = pytest.mark.parametrize("one", BY_NAME.values(), ids=list(BY_NAME))


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
