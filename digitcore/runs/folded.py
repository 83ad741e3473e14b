"""A run's network as a short list of layers with their weights, without TensorFlow: for an engine in a browser.

Batch norm that follows a linear convolution or dense layer directly is folded into its weights. Elsewhere it
is a scale and an offset of each channel. Dropout does nothing in a trained network and is left out.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitcore.recipes import Recipe
from digitcore.recipes.layers import BatchNorm, Conv, Dense, DepthwiseConv, Dropout, Layer, Shape
from digitcore.runs.errors import RunBrokenError, RunStateError
from digitcore.runs.run import Run

Array = NDArray[np.float32]

_EPSILON = 1e-3  # Keras's, which no recipe changes
_MOST_BYTES = 250_000_000
_GROUPS = {  # by which names Keras stores the weights of each kind of layer
    Conv: "conv2d",
    DepthwiseConv: "depthwise_conv2d",
    BatchNorm: "batch_normalization",
    Dense: "dense",
}


class FoldedLayer(NamedTuple):
    """One layer that computes something.

    Attributes:
        kind: that of the recipe's layer, `scale` for batch norm that stands alone, `softmax` at the end.
        of: position in the recipe's layers of the last one that it carries out; its number of layers for the
            output layer and softmax.
        shape: of its output, (height, width, channels) or (units,).
        settings: kernel, stride, padding, size, method, activation, where the kind has them.
        weights: by name, float32. Convolution: `kernel` (kernel, kernel, channels, filters); depthwise:
            `kernel` (kernel, kernel, channels); dense: `kernel` (inputs, units); scale: `scale`
            (channels,). Each of these has a `bias`, one an output channel.
    """

    kind: str
    of: int
    shape: Shape
    settings: dict[str, Any]
    weights: dict[str, Array]


def folded(recipe: Recipe, arrays: Sequence[np.ndarray]) -> list[FoldedLayer]:
    """The layers of a trained network, the last of which gives the probabilities.

    Args:
        recipe: whose layers they are.
        arrays: the weights in Keras's order, as `Model.get_weights()` gives them: of each layer kernel and
            bias, or gamma, beta, moving mean and moving variance.

    Raises:
        ValueError: they are not the weights of this recipe.
    """
    given = iter(np.asarray(array, np.float32) for array in arrays)
    layers: list[FoldedLayer] = []
    # Whether the last layer is linear and may take a scale into its weights.
    open_to_scale = False
    for position, (layer, given_shape) in enumerate(_layers(recipe)):
        weights = [_next(given, expected) for _, expected in _shapes(layer, given_shape)]
        shape = layer.output_shape(given_shape)
        if isinstance(layer, Dropout):
            continue
        if isinstance(layer, BatchNorm):
            scale, bias = _affine(*weights)
            if open_to_scale:
                last = layers.pop()
                made = _scaled(last, scale, bias)
                kind, settings = last.kind, last.settings | {"activation": layer.activation}
            else:
                kind, settings = "scale", {"activation": layer.activation}
                made = {"scale": scale, "bias": bias}
        else:
            kind = layer.kind
            settings = layer.model_dump(exclude={"kind", "filters", "units", "bias"})
            made = _named(layer, weights)
        open_to_scale = "kernel" in made and settings["activation"] == "linear"
        layers.append(FoldedLayer(kind, position, shape, settings, made))
    if next(given, None) is not None:
        raise ValueError(f"The network of {recipe.name} has fewer weights than were given.")
    layers.append(FoldedLayer("softmax", len(recipe.layers), shape, {}, {}))
    return layers


def _layers(recipe: Recipe) -> Iterator[tuple[Layer, Shape]]:
    """Each layer of the recipe and the output layer, with the shape of its input."""
    shape: Shape = recipe.input_shape
    for layer in (*recipe.layers, Dense(units=recipe.info.class_count, activation="linear")):
        yield layer, shape
        shape = layer.output_shape(shape)


def _next(given: Iterator[Array], expected: Shape) -> Array:
    array = next(given, None)
    if array is None or array.shape != expected:
        got = "none" if array is None else str(array.shape)
        raise ValueError(f"A weight of this recipe has the shape {expected}. Received: {got}")
    return array


def _shapes(layer: Layer, shape: Shape) -> list[tuple[str, Shape]]:
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


def _affine(gamma: Array, beta: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    """Scale and offset of each channel that batch norm is after training."""
    scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + _EPSILON)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def _scaled(layer: FoldedLayer, scale: Array, bias: Array) -> dict[str, Array]:
    # The last axis of every kernel is that of the output channels.
    kernel, offset = layer.weights["kernel"], layer.weights["bias"]
    return {"kernel": kernel * scale, "bias": offset * scale + bias}


def _named(layer: Layer, weights: list[Array]) -> dict[str, Array]:
    if not weights:
        return {}
    kernel = weights[0][..., 0] if isinstance(layer, DepthwiseConv) else weights[0]
    bias = weights[1] if len(weights) > 1 else np.zeros(kernel.shape[-1], np.float32)
    return {"kernel": kernel, "bias": bias}


def packed(layers: Sequence[FoldedLayer], input_shape: Shape) -> bytes:
    """The layers as one file in the layout of safetensors, which any of its readers can open.

    Eight bytes with the length of a JSON header, the header, and float32 values. Tensors are named
    `LAYER.NAME`; `__metadata__` has `input`, (height, width, channels), and `layers`, a JSON list of each
    one's kind, `of`, shape and settings.
    """
    described = [
        {"kind": each.kind, "of": each.of, "shape": each.shape, **each.settings} for each in layers
    ]
    header: dict[str, Any] = {
        "__metadata__": {"input": json.dumps(input_shape), "layers": json.dumps(described)}
    }
    values: list[bytes] = []
    end = 0
    for number, layer in enumerate(layers):
        for name, array in layer.weights.items():
            content = np.ascontiguousarray(array, "<f4").tobytes()
            header[f"{number}.{name}"] = {
                "dtype": "F32",
                "shape": array.shape,
                "data_offsets": [end, end + len(content)],
            }
            values.append(content)
            end += len(content)
    told = json.dumps(header, separators=(",", ":")).encode()
    told += b" " * (-len(told) % 8)
    return b"".join([len(told).to_bytes(8, "little"), told, *values])


def weights(run: Run) -> list[Array]:
    """The weights of a run's `model.keras`, float32 in Keras's order.

    Only numbers are read, those whose place and shape the recipe tells.

    Raises:
        RunError: the run has no network yet, or the file is damaged, larger than 250 MB, or not of
            its recipe.
    """
    import h5py  # here, as few of those who import runs read a network

    path, recipe = run.path / "model.keras", run.recipe
    seen: dict[type, int] = {}
    arrays: list[Array] = []
    try:
        with h5py.File(io.BytesIO(_stored(path)), "r") as file:
            for layer, shape in _layers(recipe):
                if (kind := type(layer)) in _GROUPS:
                    number = seen[kind] = seen.get(kind, -1) + 1
                    group = f"layers/{_GROUPS[kind]}{f'_{number}' if number else ''}/vars"
                    for place, (name, expected) in enumerate(_shapes(layer, shape)):
                        arrays.append(_dataset(file, f"{group}/{place}", name, expected))
    except FileNotFoundError:
        raise RunStateError(f"There is no network yet: {path} is missing.") from None
    except Exception as error:  # zipfile and HDF5 each have errors of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RunBrokenError(
            f"The network {path} is damaged, or not of the run's recipe: {reason:.200}"
        ) from None
    return arrays


def _stored(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("model.weights.h5").file_size
        if size > _MOST_BYTES:
            raise ValueError(f"it would take {size:,} bytes, more than {_MOST_BYTES:,}")
        return archive.read("model.weights.h5")


def _dataset(file: Any, place: str, name: str, expected: Shape) -> Array:
    dataset = file[place]
    if tuple(dataset.shape) != expected:
        raise ValueError(f"its {name} at {place} has the shape {dataset.shape}, not {expected}")
    return np.asarray(dataset[()], np.float32)


def multiply_adds(layers: Sequence[FoldedLayer]) -> int:
    """How many multiply-adds the layers' kernels take for one image."""
    cost = 0
    for layer in layers:
        if "kernel" in layer.weights:
            kernel = layer.weights["kernel"]
            positions = math.prod(layer.shape[:-1])
            cost += positions * kernel.size
    return cost
