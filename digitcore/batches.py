"""The input pipeline: which images each step learns, in which order, and how they are warped."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from digitcore import warps
from digitcore.data import Split
from digitcore.layers import CLASSES
from digitcore.recipe import Recipe

# Batches that are made at once, and that wait for their step.
_AT_ONCE = 4


def batches(
    recipe: Recipe,
    split: Split,
    first_epoch: int = 0,
    first_batch: int = 0,
    extras: Sequence[Split] = (),
    answers: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Training batches of all epochs in turn: uint8 (B, 28, 28) and labels, float32 (B, 10), one-hot.

    Of the split an epoch takes as many images as the recipe says, of `extras` it takes all.
    What is no digit has a tenth in each place. With `answers`, a teacher's (N, 10) of all images
    that are given here, the recipe's share of each digit's label is taken by them.

    Order and warps are functions of seed, epoch and step alone, so that a training
    can begin at any step and see what it would have seen.
    """
    parts = (split, *extras)
    images = tf.constant(np.concatenate([part.images for part in parts]))
    # No place is hot where the label is beyond the last.
    labels = tf.one_hot(np.concatenate([part.labels for part in parts]), CLASSES)
    is_digit = tf.reduce_sum(labels, axis=1, keepdims=True)
    if answers is not None:
        labels += recipe.distillation * is_digit * (answers - labels)
    labels += (1 - is_digit) / CLASSES
    seed = tf.constant(recipe.seed, tf.int64)
    warped = any((recipe.rotation, recipe.shift, recipe.scale, recipe.shear, recipe.elastic))
    count = recipe.images_taken(len(split))

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        shuffle = functools.partial(
            tf.random.experimental.stateless_shuffle, seed=tf.stack([seed, number])
        )
        order = tf.range(tf.shape(images)[0])
        if count < len(split):
            order = tf.concat([shuffle(order[: len(split)])[:count], order[len(split) :]], axis=0)
        order = shuffle(order)
        steps = tf.data.Dataset.from_tensor_slices(order).batch(recipe.batch_size)
        numbered = steps.enumerate().map(lambda step, chosen: (number, step, chosen))
        # As a number that the graph computes, because each epoch is the same graph.
        done = tf.where(number == first_epoch, tf.constant(first_batch, tf.int64), 0)
        return numbered.skip(done)

    def gather(number: tf.Tensor, step: tf.Tensor, chosen: tf.Tensor) -> tuple[Any, Any]:
        batch = tf.gather(images, chosen)
        if warped:
            batch = warps.warp(batch, recipe, tf.stack([-1 - seed, number * 2**32 + step]))
        return batch, tf.gather(labels, chosen)

    epochs = tf.data.Dataset.range(first_epoch, recipe.epochs).flat_map(epoch)
    ready = epochs.map(gather, num_parallel_calls=_AT_ONCE).prefetch(_AT_ONCE)
    # Where there is one core, an iterator that tunes itself ends only when its tuner next wakes:
    # after a long training up to a minute later. It gains nothing here.
    options = tf.data.Options()
    options.autotune.enabled = False
    return ready.with_options(options)
