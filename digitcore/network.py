"""A recipe's layers as a Keras model that takes raw pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers as kl

from digitcore.layers import (
    CLASSES,
    INPUT_SHAPE,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Pool,
)
from digitcore.recipe import Recipe


def build(recipe: Recipe, precision: str | None = None) -> keras.Model:
    """An untrained model of the recipe's layers.

    Takes uint8 (N, 28, 28), 0 to 255, white ink on black, and divides by 255 itself;
    gives float32 (N, 10) whose rows sum to 1. First weights follow Keras's global seed.

    Args:
        recipe: the layers, and the precision unless it is given.
        precision: `float32` or `mixed_bfloat16`; weights are float32 in both.
    """
    policy = keras.DTypePolicy(precision or recipe.precision)
    outputs = inputs = keras.Input(INPUT_SHAPE[:2], dtype="uint8", name="pixels")
    outputs = kl.Reshape(INPUT_SHAPE, dtype=policy, name="channel")(outputs)
    outputs = kl.Rescaling(1 / 255, dtype=policy, name="rescaling")(outputs)
    for layer in recipe.layers:
        for step in _BUILDERS[type(layer)](layer):
            step.dtype_policy = policy
            outputs = step(outputs)
    # The softmax is in float32 whatever the precision, as Keras advises.
    outputs = kl.Dense(CLASSES, dtype=policy, name="logits")(outputs)
    outputs = kl.Softmax(dtype="float32", name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name="network")


def _conv(layer: Conv) -> list[Any]:
    return [
        kl.Conv2D(
            layer.filters,
            layer.kernel,
            strides=layer.stride,
            padding=layer.padding,
            activation=layer.activation,
            use_bias=layer.bias,
        )
    ]


def _pool(layer: Pool) -> list[Any]:
    kind = kl.MaxPooling2D if layer.method == "max" else kl.AveragePooling2D
    return [kind(layer.size)]


def _batch_norm(layer: BatchNorm) -> list[Any]:
    activation = [] if layer.activation == "linear" else [kl.Activation(layer.activation)]
    return [kl.BatchNormalization(momentum=layer.momentum), *activation]


_BUILDERS: dict[type[Layer], Callable[[Any], list[Any]]] = {
    Conv: _conv,
    Pool: _pool,
    GlobalPool: lambda layer: [kl.GlobalAveragePooling2D()],
    BatchNorm: _batch_norm,
    Dropout: lambda layer: [kl.Dropout(layer.rate)],
    Flatten: lambda layer: [kl.Flatten()],
    Dense: lambda layer: [kl.Dense(layer.units, activation=layer.activation)],
}
