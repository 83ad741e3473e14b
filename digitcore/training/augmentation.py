"""Augmentation: random affine and elastic deformations of training images."""

from __future__ import annotations

import functools
import math

import numpy as np
import tensorflow as tf

from digitcore.recipes import Recipe

# Knots along each side, and the standard deviation of a knot's effect: Simard et al. smooth by 4
# pixels.
_KNOTS = 7
_SMOOTH_PIXELS = 4.0


def augment(
    images: tf.Tensor, recipe: Recipe, seed: tf.Tensor, *, by_gather: bool = False
) -> tf.Tensor:
    """Each image under its own random map, bilinear, black beyond the edge.

    The map is affine. Where the recipe is elastic, a smooth random field shifts each point as well
    (Simard et al., 2003).

    Args:
        images: uint8 (B, height, width).
        recipe: the largest rotation and shear in degrees, shift in pixels, and scale; the
            standard deviation of the elastic shift, in pixels.
        seed: two integers that decide the maps.
        by_gather: use operations that XLA has, instead of TensorFlow's single one for affine maps.
            That one rounds down, so pixels differ by one level at most. Compiled by XLA, the same
            seed gives other maps.

    Returns:
        uint8 (B, height, width).
    """
    count = tf.shape(images)[0]
    random = tf.random.stateless_uniform((5, count), seed, -1.0, 1.0)
    angle = random[0] * math.radians(recipe.rotation)
    shear = tf.tan(random[1] * math.radians(recipe.shear))
    scale = 1.0 / (1.0 + random[2] * recipe.scale)
    shift_x, shift_y = random[3] * recipe.shift, random[4] * recipe.shift
    # The map from a pixel of the result to its source: about the centre, rotated,
    # slanted and scaled, then shifted.
    a, b = scale * tf.cos(angle), scale * (tf.cos(angle) * shear - tf.sin(angle))
    c, d = scale * tf.sin(angle), scale * (tf.sin(angle) * shear + tf.cos(angle))
    height, width = recipe.info.image_shape
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    x = middle_x - a * middle_x - b * middle_y + shift_x
    y = middle_y - c * middle_x - d * middle_y + shift_y
    if recipe.elastic or by_gather:
        column = tf.range(width, dtype=tf.float32)
        row = tf.range(height, dtype=tf.float32)[:, tf.newaxis]
        a, b, x, c, d, y = (value[:, tf.newaxis, tf.newaxis] for value in (a, b, x, c, d, y))
        x, y = a * column + b * row + x, c * column + d * row + y
        if recipe.elastic:
            shifts = _elastic_field(count, seed, height, width) * recipe.elastic
            x, y = x + shifts[..., 0], y + shifts[..., 1]
        return _sampled(images, x, y)
    zero = tf.zeros_like(a)
    augmented = tf.raw_ops.ImageProjectiveTransformV3(
        images=images[..., tf.newaxis],
        transforms=tf.stack([a, b, x, c, d, y, zero, zero], axis=1),
        output_shape=tf.constant((height, width)),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    return augmented[..., 0]


def _elastic_field(count: tf.Tensor, seed: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Smooth random fields with a standard deviation of 1: float32 (count, height, width, 2)."""
    # A seed that no affine map has: their first number is not below -2**31.
    seed = tf.cast(seed, tf.int64) - tf.constant([2**32, 0], tf.int64)
    coarse = tf.random.stateless_normal((count, _KNOTS**2, 2), seed)
    weights = tf.constant(_knot_weights(height, width))
    return tf.reshape(tf.einsum("pk,nkc->npc", weights, coarse), (count, height, width, 2))


@functools.cache
def _knot_weights(height: int, width: int) -> np.ndarray:
    """The weight of each knot in each pixel's shift: float32 (height * width, _KNOTS²)."""

    def along(size: int) -> np.ndarray:
        knots = (np.arange(_KNOTS) + 0.5) * size / _KNOTS - 0.5
        return np.exp(-((np.arange(size)[:, None] - knots) ** 2) / (2 * _SMOOTH_PIXELS**2))

    weights = np.kron(along(height), along(width))
    # A weighted sum of independent standard normal numbers has this standard deviation.
    deviation = np.sqrt((weights**2).sum(axis=1, keepdims=True))
    scaled: np.ndarray = (weights / deviation).astype(np.float32)
    return scaled


def _sampled(images: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The images at these coordinates in pixels, bilinear.

    Args:
        images: uint8 (B, height, width).
        x, y: float32 (B, height, width).

    Returns:
        uint8 (B, height, width).
    """
    height, width = images.shape[1:]
    # A black rim saves a case for points beyond the edge.
    framed = tf.pad(images, [[0, 0], [1, 1], [1, 1]])
    x = tf.clip_by_value(x + 1, 0.0, width + 0.999)
    y = tf.clip_by_value(y + 1, 0.0, height + 0.999)
    left, top = tf.floor(x), tf.floor(y)
    x, y = x - left, y - top
    first = tf.cast(top, tf.int32) * (width + 2) + tf.cast(left, tf.int32)
    flat = tf.reshape(framed, (-1, (height + 2) * (width + 2)))
    # A point's four neighbours beside each other, so that one gather fetches them.
    corners = tf.stack(
        [tf.roll(flat, -step, axis=1) for step in (0, 1, width + 2, width + 3)], axis=-1
    )
    corners = tf.cast(tf.gather(corners, first, batch_dims=1), tf.float32)
    weights = tf.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], axis=-1)
    return tf.cast(tf.round(tf.reduce_sum(corners * weights, axis=-1)), tf.uint8)
