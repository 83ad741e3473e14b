"""A run's network as a short list of layers with their weights, without TensorFlow: for an engine in a browser.

Batch norm that follows a linear convolution or dense layer directly is folded into its weights. Elsewhere it
is a scale and an offset of each channel. Dropout does nothing in a trained network and is left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from digitcore.recipes import Recipe
from digitcore.recipes.layers import BatchNorm, DepthwiseConv, Dropout, Layer, Shape
from digitcore.runs.keras_file import Array, layers_with_shapes, weight_shapes

_EPSILON = 1e-3  # Keras's, which no recipe changes


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
    for position, (layer, given_shape) in enumerate(layers_with_shapes(recipe)):
        weights = [_next(given, expected) for _, expected in weight_shapes(layer, given_shape)]
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


def _next(given: Iterator[Array], expected: Shape) -> Array:
    array = next(given, None)
    if array is None or array.shape != expected:
        got = "none" if array is None else str(array.shape)
        raise ValueError(f"A weight of this recipe has the shape {expected}. Received: {got}")
    return array


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


def multiply_adds(layers: Sequence[FoldedLayer]) -> int:
    """How many multiply-adds the layers' kernels take for one image."""
    cost = 0
    for layer in layers:
        if "kernel" in layer.weights:
            kernel = layer.weights["kernel"]
            positions = math.prod(layer.shape[:-1])
            cost += positions * kernel.size
    return cost
