"""Soft targets: learning from another network's probabilities (Hinton et al., 2015)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Of uint8 images (N, 28, 28) the probabilities (N, 10).
Teacher = Callable[[np.ndarray], np.ndarray]
# How much answers are softened, so that what they say of the other nine digits counts.
_TEMPERATURE = 4
# So small that it teaches nothing, and enough for a label's own place to be hotter than all
# others together where the teacher says 0 of it.
_LEAST = 1e-24
_AT_ONCE = 1000


def soft_targets(
    teacher: Teacher, images: np.ndarray, before_each: Callable[[], object] | None = None
) -> np.ndarray:
    """What the teacher says of each image, softened.

    Args:
        teacher: whom to ask.
        images: uint8 (N, 28, 28), one or more.
        before_each: called before each thousand; what it raises ends the asking.

    Returns:
        float32 (N, 10), above 0; each row sums to 1.
    """
    said = []
    for first in range(0, len(images), _AT_ONCE):
        if before_each:
            before_each()
        said.append(teacher(images[first : first + _AT_ONCE]))
    soft = np.maximum(np.concatenate(said).astype(np.float64), _LEAST) ** (1 / _TEMPERATURE)
    return np.asarray(soft / soft.sum(axis=1, keepdims=True), np.float32)
