"""The numbers in a run's `model.keras`, read without Keras.

The recipe tells which numbers there must be. What the file says of layers, classes or functions is never looked
at, because a Keras file may name code to run.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitcore.recipes import Recipe
from digitcore.recipes.layers import BatchNorm, Conv, Dense, DepthwiseConv, Layer, Shape
from digitcore.runs.errors import RunBrokenError, RunStateError
from digitcore.runs.run import Run

Array = NDArray[np.float32]

# The weights of the largest network that a recipe may ask for.
_MOST_BYTES = 250_000_000
_GROUPS = {  # by which names Keras stores the weights of each kind of layer
    Conv: "conv2d",
    DepthwiseConv: "depthwise_conv2d",
    BatchNorm: "batch_normalization",
    Dense: "dense",
}


def weights(run: Run, file: str = "model.keras") -> list[Array]:
    """The weights of a run's trained network, float32 in Keras's order.

    Args:
        run: its recipe has the layers.
        file: another network in its folder, such as the one that fine-tuning started from.

    Raises:
        RunError: the run has no network yet, or the file is damaged, larger than 250 MB, or not of
            its recipe.
    """
    import h5py  # here, as few of those who import runs read a network

    path = run.path / file
    seen: dict[type, int] = {}
    arrays: list[Array] = []
    try:
        with h5py.File(io.BytesIO(_stored(path)), "r") as content:
            for layer, shape in layers_with_shapes(run.recipe):
                if (kind := type(layer)) in _GROUPS:
                    number = seen[kind] = seen.get(kind, -1) + 1
                    group = f"layers/{_GROUPS[kind]}{f'_{number}' if number else ''}/vars"
                    for place, (name, expected) in enumerate(weight_shapes(layer, shape)):
                        arrays.append(_dataset(content, f"{group}/{place}", name, expected))
    except FileNotFoundError:
        raise RunStateError(f"There is no network yet: {path} is missing.") from None
    except Exception as error:  # zipfile and HDF5 each have errors of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RunBrokenError(
            f"The network {path} is damaged, or not of the run's recipe: {reason:.200}"
        ) from None
    return arrays


def layers_with_shapes(recipe: Recipe) -> Iterator[tuple[Layer, Shape]]:
    """Each layer of the recipe and the output layer, with the shape of its input."""
    shape: Shape = recipe.input_shape
    for layer in (*recipe.layers, Dense(units=recipe.info.class_count, activation="linear")):
        yield layer, shape
        shape = layer.output_shape(shape)


def weight_shapes(layer: Layer, shape: Shape) -> list[tuple[str, Shape]]:
    """Names and shapes of a layer's weights in Keras's order, for an input of that shape."""
    channels = shape[-1]
    if isinstance(layer, BatchNorm):
        return [(name, (channels,)) for name in ("gamma", "beta", "mean", "variance")]
    if isinstance(layer, Dense):
        return [("kernel", (channels, layer.units)), ("bias", (layer.units,))]
    if isinstance(layer, Conv | DepthwiseConv):
        filters = layer.filters if isinstance(layer, Conv) else 1
        kernel = ("kernel", (layer.kernel, layer.kernel, channels, filters))
        return [kernel, ("bias", layer.output_shape(shape)[-1:])][: 1 + layer.bias]
    return []


def _stored(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("model.weights.h5").file_size
        if size > _MOST_BYTES:
            raise ValueError(f"it would take {size:,} bytes, more than {_MOST_BYTES:,}")
        return archive.read("model.weights.h5")


def _dataset(content: Any, place: str, name: str, expected: Shape) -> Array:
    dataset = content[place]
    # HDF5 may fetch numbers from any other file of the machine.
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"its {name} at {place} lies in another file")
    if tuple(dataset.shape) != expected:
        raise ValueError(f"its {name} at {place} has the shape {dataset.shape}, not {expected}")
    return np.asarray(dataset[()], np.float32)
