"""The input pipeline: which images each step learns, in which order, and how they are augmented."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from digitcore.datasets import Split
from digitcore.recipes import Recipe
from digitcore.training import augmentation

# Indices of a step's images, and the seed of their augmentation.
_PLAN = [tf.TensorSpec((None,), tf.int32), tf.TensorSpec((2,), tf.int64)]
# More than an epoch has steps: the seed of an epoch's first step, in epochs.
_EPOCH = 2**32
# Batches that are made at once, and that wait for their step.
_PARALLEL = 4


def signature(recipe: Recipe) -> list[tf.TensorSpec]:
    """A step's images, targets, and whether each image is an inlier."""
    return [
        tf.TensorSpec((None, *recipe.info.image_shape), tf.uint8),
        tf.TensorSpec((None, recipe.info.class_count), tf.float32),
        tf.TensorSpec((None,), tf.bool),
    ]


class Samples(NamedTuple):
    """Images that are learned beside the training split.

    Attributes:
        images: uint8 (N, height, width).
        labels: uint8 (N,), the class; it means nothing for an outlier.
        is_inlier: bool (N,), whether the image shows one of the dataset's classes. A synthetic
            outlier shows none: its target is uniform, and losses and accuracies leave it out.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    is_inlier: NDArray[np.bool_]

    @classmethod
    def of(cls, split: Split) -> Samples:
        """The split's images, all of them inliers."""
        return cls(split.images, split.labels, np.ones(len(split), bool))


class Batches:
    """The images and targets that a recipe learns, step by step.

    Order and augmentation are functions of seed, epoch and step alone, so that a training can
    resume at any step and see what it would have seen.

    Args:
        recipe: images per epoch and per step, augmentation, and the seed.
        split: the images of which an epoch takes as many as the recipe says.
        extra: more images, of which every epoch takes all.
        soft_targets: a teacher's, float32 (N, classes), of the split's and the extra images in
            that order. They make up the fraction `recipe.distillation` of each inlier's target.
        in_step: whether batches are made within the training step, where XLA compiles them with it
            and the images stay on its device. Otherwise the CPU makes them ahead of their step.
    """

    def __init__(
        self,
        recipe: Recipe,
        split: Split,
        extra: Sequence[Samples] = (),
        soft_targets: NDArray[np.float32] | None = None,
        *,
        in_step: bool = False,
    ) -> None:
        self._recipe, self._in_step = recipe, in_step
        self._split_size = len(split)
        samples = (Samples.of(split), *extra)
        with tf.device(None if in_step else "CPU:0"):
            self._images = tf.constant(np.concatenate([each.images for each in samples]))
            self._is_inlier = tf.constant(np.concatenate([each.is_inlier for each in samples]))
            classes = recipe.info.class_count
            targets = tf.one_hot(np.concatenate([each.labels for each in samples]), classes)
            if soft_targets is not None:
                targets += recipe.distillation * (soft_targets - targets)
            self._targets = tf.where(self._is_inlier[:, tf.newaxis], targets, 1 / classes)
        extra_images = sum(len(each.images) for each in extra)
        self.images_per_epoch = recipe.images_taken(len(split)) + extra_images

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.images_per_epoch / self._recipe.batch_size)

    def steps(self, first_epoch: int = 0, first_batch: int = 0) -> tf.data.Dataset:
        """What `batch` takes, for each step from that one to the last epoch's end."""
        plans = tf.data.Dataset.range(first_epoch, self._recipe.epochs).flat_map(
            functools.partial(self._epoch, first_epoch, first_batch)
        )
        if not self._in_step:
            plans = plans.map(self._make, num_parallel_calls=_PARALLEL)
        # On one core, an iterator that tunes itself ends only when its tuner next wakes: after a
        # long training up to a minute later. Tuning gains nothing here.
        options = tf.data.Options()
        options.autotune.enabled = False
        return plans.prefetch(_PARALLEL).with_options(options)

    @property
    def signature(self) -> list[tf.TensorSpec]:
        """The tensors of an element of `steps`."""
        return _PLAN if self._in_step else signature(self._recipe)

    def batch(self, *element: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """A step's images, targets, and whether each is an inlier, from an element of `steps`.

        Returns:
            uint8 (B, height, width); float32 (B, classes), rows that sum to 1, uniform for outliers;
            bool (B,).
        """
        return self._make(*element) if self._in_step else element

    def _epoch(self, first_epoch: int, first_batch: int, number: tf.Tensor) -> tf.data.Dataset:
        """Indices of each step's images, int32 (B,), and its augmentation's seed, int64 (2,)."""
        seed, size = self._recipe.seed, self._split_size
        shuffle = functools.partial(
            tf.random.experimental.stateless_shuffle,
            seed=tf.stack([tf.constant(seed, tf.int64), number]),
        )
        order = tf.range(self._images.shape[0])
        taken = self._recipe.images_taken(size)
        if taken < size:
            order = tf.concat([shuffle(order[:size])[:taken], order[size:]], axis=0)
        steps = tf.data.Dataset.from_tensor_slices(shuffle(order)).batch(self._recipe.batch_size)
        # As a number that the graph computes, because each epoch is the same graph.
        done = tf.where(number == first_epoch, tf.constant(first_batch, tf.int64), 0)
        return (
            steps.enumerate()
            .skip(done)
            .map(lambda step, indices: (indices, tf.stack([-1 - seed, number * _EPOCH + step])))
        )

    def _make(self, indices: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        recipe = self._recipe
        images, targets, is_inlier = (
            tf.gather(tensor, indices) for tensor in (self._images, self._targets, self._is_inlier)
        )
        if not any((recipe.rotation, recipe.shift, recipe.scale, recipe.shear, recipe.elastic)):
            return images, targets, is_inlier

        def augmented() -> tf.Tensor:
            return augmentation.augment(images, recipe, seed, by_gather=self._in_step)

        if not recipe.epochs_without_augmentation:
            return augmented(), targets, is_inlier
        last = (recipe.epochs - recipe.epochs_without_augmentation) * _EPOCH
        return tf.cond(seed[1] < last, augmented, lambda: images), targets, is_inlier
