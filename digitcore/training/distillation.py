"""Soft targets: learning from another network's probabilities (Hinton et al., 2015)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# From uint8 images (N, 28, 28) to probabilities (N, classes).
Teacher = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
# Raises the teacher's small probabilities, so that they count beside the highest one.
_TEMPERATURE = 4
# In place of a probability of 0: too small to teach anything, and enough for half of the label
# and half of this to leave the label's class the highest of the targets.
_LEAST = 1e-24
_BATCH = 1000


def soft_targets(
    teacher: Teacher,
    images: NDArray[np.uint8],
    before_each: Callable[[], object] | None = None,
) -> NDArray[np.float32]:
    """The teacher's probabilities for each image, softened.

    Args:
        teacher: the network to learn from.
        images: uint8 (N, 28, 28), one or more.
        before_each: called before each batch of 1,000; what it raises ends the work.

    Returns:
        float32 (N, classes), above 0; each row sums to 1.
    """
    batches = []
    for first in range(0, len(images), _BATCH):
        if before_each:
            before_each()
        batches.append(teacher(images[first : first + _BATCH]))
    softened = np.maximum(np.concatenate(batches).astype(np.float64), _LEAST) ** (1 / _TEMPERATURE)
    return np.asarray(softened / softened.sum(axis=1, keepdims=True), np.float32)
