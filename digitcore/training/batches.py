"""The input pipeline: which images each step learns, in which order, and how they are warped."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from digitcore.datasets import Split
from digitcore.recipes import Recipe
from digitcore.recipes.layers import CLASSES, INPUT_SHAPE
from digitcore.training import augmentation

# Images and labels of a step.
BATCH = [
    tf.TensorSpec((None, *INPUT_SHAPE[:2]), tf.uint8),
    tf.TensorSpec((None, CLASSES), tf.float32),
]
# Which images a step takes, and the seed of their warps.
_PLAN = [tf.TensorSpec((None,), tf.int32), tf.TensorSpec((2,), tf.int64)]
# More than an epoch has steps: the seed of an epoch's first step, in epochs.
_EPOCH = 2**32
# Batches that are made at once, and that wait for their step.
_AT_ONCE = 4


class Batches:
    """The images and labels that a recipe learns, and what each step takes of them.

    Order and warps are functions of seed, epoch and step alone, so that a training
    can begin at any step and see what it would have seen.

    Args:
        recipe: how many images an epoch and a step take, how they are warped, and the seed.
        split: the images of which an epoch takes as many as the recipe says.
        extras: more images, of which an epoch takes all.
        answers: a teacher's (N, 10) of all these images, which takes the recipe's share of each
            digit's label.
        in_step: whether batches are made within the training step, as a part of what XLA makes of
            it, from images that stay on its device. Else they are made ahead of it on the
            processor, beside the steps before.
    """

    def __init__(
        self,
        recipe: Recipe,
        split: Split,
        extras: Sequence[Split] = (),
        answers: np.ndarray | None = None,
        *,
        in_step: bool = False,
    ) -> None:
        self._recipe, self._in_step = recipe, in_step
        self._first = len(split)
        parts = (split, *extras)
        with tf.device(None if in_step else "CPU:0"):
            self._images = tf.constant(np.concatenate([part.images for part in parts]))
            # No place is hot where the label is beyond the last.
            labels = tf.one_hot(np.concatenate([part.labels for part in parts]), CLASSES)
            is_digit = tf.reduce_sum(labels, axis=1, keepdims=True)
            if answers is not None:
                labels += recipe.distillation * is_digit * (answers - labels)
            self._labels = labels + (1 - is_digit) / CLASSES
        taken = recipe.images_taken(len(split))
        self.images_an_epoch = taken + sum(map(len, extras))

    def steps(self, first_epoch: int = 0, first_batch: int = 0) -> tf.data.Dataset:
        """What `batch` takes, of all steps in turn, from that one on."""
        plans = tf.data.Dataset.range(first_epoch, self._recipe.epochs).flat_map(
            functools.partial(self._epoch, first_epoch, first_batch)
        )
        if not self._in_step:
            plans = plans.map(self._made, num_parallel_calls=_AT_ONCE)
        # Where there is one core, an iterator that tunes itself ends only when its tuner next
        # wakes: after a long training up to a minute later. It gains nothing here.
        options = tf.data.Options()
        options.autotune.enabled = False
        return plans.prefetch(_AT_ONCE).with_options(options)

    @property
    def signature(self) -> list[tf.TensorSpec]:
        """Of what `batch` takes."""
        return _PLAN if self._in_step else BATCH

    def batch(self, first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images of a step, uint8 (B, 28, 28), and their labels, float32 (B, 10), one-hot.

        What is no digit has a tenth in each place.
        """
        return self._made(first, second) if self._in_step else (first, second)

    def _epoch(self, first_epoch: int, first_batch: int, number: tf.Tensor) -> tf.data.Dataset:
        """Which images each step of an epoch takes, (B,), and the seed of its warps, (2,)."""
        seed, split = self._recipe.seed, self._first
        shuffle = functools.partial(
            tf.random.experimental.stateless_shuffle,
            seed=tf.stack([tf.constant(seed, tf.int64), number]),
        )
        order = tf.range(self._images.shape[0])
        taken = self._recipe.images_taken(split)
        if taken < split:
            order = tf.concat([shuffle(order[:split])[:taken], order[split:]], axis=0)
        steps = tf.data.Dataset.from_tensor_slices(shuffle(order)).batch(self._recipe.batch_size)
        # As a number that the graph computes, because each epoch is the same graph.
        done = tf.where(number == first_epoch, tf.constant(first_batch, tf.int64), 0)
        return (
            steps.enumerate()
            .skip(done)
            .map(lambda step, chosen: (chosen, tf.stack([-1 - seed, number * _EPOCH + step])))
        )

    def _made(self, chosen: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        recipe = self._recipe
        images, labels = tf.gather(self._images, chosen), tf.gather(self._labels, chosen)
        if not any((recipe.rotation, recipe.shift, recipe.scale, recipe.shear, recipe.elastic)):
            return images, labels

        def warped() -> tf.Tensor:
            return augmentation.warp(images, recipe, seed, by_gather=self._in_step)

        if recipe.epochs_without_augmentation:
            is_warped = seed[1] < (recipe.epochs - recipe.epochs_without_augmentation) * _EPOCH
            return tf.cond(is_warped, warped, lambda: images), labels
        return warped(), labels
