"""Soft targets: learning from another network's probabilities (Hinton et al., 2015)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitcore.datasets import Dataset, split_sizes
from digitcore.datasets.info import DatasetInfo
from digitcore.recipes import Recipe, RecipeError

# Raises the teacher's small probabilities, so that they count beside the highest one.
_TEMPERATURE = 4
# In place of a probability of 0: too small to matter, and enough for half of the label
# and half of this to leave the label's class the highest of the targets.
_LEAST = 1e-24
_BATCH = 1000


class Learned(NamedTuple):
    """What a teacher was trained on itself: the first training images of a dataset.

    Validation would flatter a network whose teacher has learned the validation images.

    Attributes:
        dataset: the dataset.
        images: how many of its training images, from the first one on.
    """

    dataset: DatasetInfo
    images: int

    def check_recipe(self, recipe: Recipe) -> None:
        """Raises RecipeError where the recipe distils and its own training would be refused."""
        if not recipe.distillation:
            return
        if recipe.info.checksum != self.dataset.checksum:  # QMNIST has the images of MNIST
            raise RecipeError(
                f"Distillation needs a teacher that has learned the recipe's dataset, and the one "
                f"that there is has learned {self.dataset.title}. Received: "
                f"dataset={recipe.dataset}"
            )
        training, validation = split_sizes(
            self.dataset.train_images, recipe.training_images, recipe.validation_split
        )
        self._check_split(training, validation)

    def check_dataset(self, dataset: Dataset) -> None:
        """Raises RecipeError where these are other images, or the teacher learned validation's."""
        if dataset.checksum != self.dataset.checksum:
            raise RecipeError(
                f"Distillation needs the images that the teacher has learned, {self.dataset.title}. "
                f"Received: {dataset.source}"
            )
        self._check_split(len(dataset.train), len(dataset.validation))

    def _check_split(self, training: int, validation: int) -> None:
        if training < self.images:
            highest = 1 - self.images / self.dataset.train_images
            raise RecipeError(
                "Distillation needs validation images that the teacher has not learned, and it has "
                f"learned the first {self.images:,}: use all {self.dataset.train_images:,} "
                f"training_images and a validation_split of {highest:.3f} or less. Received: "
                f"{training:,} images for training and the next {validation:,} for validation"
            )


class Teacher(NamedTuple):
    """A network to learn from.

    Attributes:
        predict: from uint8 images (N, height, width) to probabilities (N, classes).
        learned: what it was trained on; None where that is not checked.
    """

    predict: Callable[[NDArray[np.uint8]], NDArray[np.floating]]
    learned: Learned | None = None


def soft_targets(
    teacher: Teacher,
    images: NDArray[np.uint8],
    before_each: Callable[[], object] | None = None,
) -> NDArray[np.float32]:
    """The teacher's probabilities for each image, softened.

    Args:
        teacher: the network to learn from.
        images: uint8 (N, height, width), one or more.
        before_each: called before each batch of 1,000; what it raises ends the work.

    Returns:
        float32 (N, classes), above 0; each row sums to 1.
    """
    batches = []
    for first in range(0, len(images), _BATCH):
        if before_each:
            before_each()
        batches.append(teacher.predict(images[first : first + _BATCH]))
    softened = np.maximum(np.concatenate(batches).astype(np.float64), _LEAST) ** (1 / _TEMPERATURE)
    return np.asarray(softened / softened.sum(axis=1, keepdims=True), np.float32)
