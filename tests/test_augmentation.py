"""Augmentation moves images as far as the recipe says, either way, and follows its seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from made_up import PLAIN, made_up_digits

from digitcore.training import augmentation

SEED = [3, 4]


def augment(images: np.ndarray, seed: list[int] = SEED, **changes: float) -> np.ndarray:
    return augmentation.augment(
        tf.constant(images), PLAIN.changed(**changes), tf.constant(seed)
    ).numpy()


def centre(images: np.ndarray) -> np.ndarray:
    """Centre of mass of each image, as (x, y) in pixels."""
    grid = np.arange(28)
    mass = images.sum(axis=(1, 2), dtype=float)
    x = (images.sum(axis=1, dtype=float) * grid).sum(axis=1) / mass
    y = (images.sum(axis=2, dtype=float) * grid).sum(axis=1) / mass
    return np.stack([x, y], axis=1)


def bars() -> np.ndarray:
    """100 equal images of an upright bar in the middle."""
    images = np.zeros((100, 28, 28), np.uint8)
    images[:, 8:20, 13:15] = 255
    return images


def test_without_augmentation_nothing_changes() -> None:
    images = made_up_digits()[0][:20]
    np.testing.assert_array_equal(augment(images), images)


def test_the_seed_decides_and_images_stay_uint8() -> None:
    images = made_up_digits()[0][:20]
    changes = {"rotation": 15, "shift": 2, "scale": 0.1, "shear": 10}
    augmented = augment(images, **changes)
    assert augmented.dtype == np.uint8
    assert augmented.shape == images.shape
    np.testing.assert_array_equal(augmented, augment(images, **changes))
    assert not np.array_equal(augmented, augment(images, seed=[3, 5], **changes))


def test_a_shift_moves_both_ways_and_no_farther_than_the_recipe_says() -> None:
    moved = centre(augment(bars(), shift=4)) - centre(bars())
    assert np.abs(moved).max() <= 4.01
    for axis in (0, 1):
        assert moved[:, axis].max() > 3
        assert moved[:, axis].min() < -3
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.4


@pytest.mark.parametrize("change", [{"rotation": 20}, {"scale": 0.2}, {"shear": 20}])
def test_rotation_scale_and_shear_keep_the_centre(change: dict[str, float]) -> None:
    np.testing.assert_allclose(centre(augment(bars(), **change)), 13.5, atol=0.1)


def test_a_rotation_turns_as_far_as_the_recipe_says() -> None:
    angles = slants(augment(bars(), rotation=30))
    assert 25 < angles.max() < 31
    assert -31 < angles.min() < -25


def test_a_shear_slants_as_far_as_the_recipe_says() -> None:
    angles = slants(augment(bars(), shear=20))
    assert 16 < angles.max() < 21
    assert -21 < angles.min() < -16


def test_a_scale_changes_size_as_far_as_the_recipe_says() -> None:
    squares = np.zeros((100, 28, 28), np.uint8)
    squares[:, 6:22, 6:22] = 255
    side = np.sqrt(augment(squares, scale=0.2).mean(axis=(1, 2)) / squares[0].mean())
    assert 1.18 < side.max() < 1.21
    assert 0.79 < side.min() < 0.82


def test_elastic_shifts_are_as_large_as_the_recipe_says_and_smooth() -> None:
    ramp = np.broadcast_to(np.arange(28, dtype=np.uint8) * 9, (400, 28, 28))
    # The value of a pixel tells from which column it came.
    moved = (augment(ramp, elastic=1.5) / 9 - np.arange(28))[:, 6:-6, 6:-6]
    assert 1.4 < moved.std() < 1.6
    assert abs(moved.mean()) < 0.1
    assert np.corrcoef(moved[:, :, 0].ravel(), moved[:, :, 1].ravel())[0, 1] > 0.95
    assert abs(np.corrcoef(moved[:, 0, 0], moved[:, -1, -1])[0, 1]) < 0.25
    # Up and down it is another shift.
    lifted = (augment(ramp.transpose(0, 2, 1), elastic=1.5) / 9 - np.arange(28)[:, None])[
        :, 6:-6, 6:-6
    ]
    assert 1.4 < lifted.std() < 1.6
    assert abs(np.corrcoef(moved.ravel(), lifted.ravel())[0, 1]) < 0.1


def test_an_elastic_field_of_almost_zero_leaves_the_affine_map() -> None:
    changes = {"rotation": 15, "shift": 4, "scale": 0.1, "shear": 10}
    affine = augment(made_up_digits()[0], **changes)
    bent = augment(made_up_digits()[0], elastic=1e-6, **changes)
    assert bent.dtype == np.uint8
    # One of them rounds where the other cuts off.
    assert np.abs(bent.astype(int) - affine).max() <= 1


def slants(images: np.ndarray) -> np.ndarray:
    """Degrees by which each bar leans from upright: the direction of its rows' centres."""
    y, x = np.mgrid[:28, :28]
    angles = []
    for image in images.astype(float):
        dy, dx = y - np.average(y, weights=image), x - np.average(x, weights=image)
        spread = np.cov(np.stack([dx.ravel(), dy.ravel()]), aweights=image.ravel())
        direction = np.linalg.eigh(spread)[1][:, -1]
        angles.append(math.degrees(math.atan(direction[0] / direction[1])))
    return np.array(angles)
