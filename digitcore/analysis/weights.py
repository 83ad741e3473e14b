"""What can be seen of a network's weights without running it: its first kernels, and a norm a layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digitcore.recipes import Recipe

_WITH_KERNELS = ("conv", "depthwise_conv", "dense")


def first_kernels(recipe: Recipe, weights: Sequence[np.ndarray]) -> np.ndarray:
    """The kernels of the first layer that has some, as images.

    Args:
        recipe: whose weights these are.
        weights: float, in Keras's order.

    Returns:
        float (N, height, width): of a convolution its kernels, of a dense layer the weights of each unit
        in the image's shape. N is 0 where that layer is given another shape than the image's.
    """
    kernel = next((array for array in weights if array.ndim > 1), np.empty((0, 0)))
    if kernel.ndim == 4 and kernel.shape[2] == 1:
        return np.moveaxis(kernel[:, :, 0], -1, 0)
    height, width = recipe.info.image_shape
    if kernel.ndim == 2 and kernel.shape[0] == height * width:
        return kernel.T.reshape(-1, height, width)
    return np.empty((0, height, width), kernel.dtype)


def signed(kernels: np.ndarray) -> np.ndarray:
    """Kernels as grey images on one scale, uint8: 128 is zero, white the largest, black its negative.

    Args:
        kernels: float (N, height, width).
    """
    most = max(float(np.abs(kernels).max(initial=0.0)), 1e-12)
    grey: np.ndarray = np.round(128 + 127 * kernels / most).astype(np.uint8)
    return grey


def norms(recipe: Recipe, weights: Sequence[np.ndarray]) -> list[tuple[str, float]]:
    """Each layer that has a kernel, the output layer last, and the Euclidean norm of its kernel.

    Args:
        recipe, weights: as in `first_kernels`.

    Raises:
        ValueError: the weights are of another network.
    """
    layers = [row.layer for row in recipe.summary() if row.kind in _WITH_KERNELS]
    kernels = [array for array in weights if array.ndim > 1]
    if len(layers) != len(kernels):
        raise ValueError(f"There are {len(layers)} layers with kernels. Received: {len(kernels)}")
    return [
        (name, float(np.linalg.norm(array))) for name, array in zip(layers, kernels, strict=True)
    ]
