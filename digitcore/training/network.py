"""A recipe's layers as a Keras model that takes raw pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers as kl

from digitcore.recipes import Recipe
from digitcore.recipes.layers import (
    BatchNorm,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Pool,
)


def build(
    recipe: Recipe,
    precision: str | None = None,
    *,
    for_training: bool = False,
    xla: bool = False,
) -> keras.Model:
    """An untrained model of the recipe's layers.

    Takes uint8 (N, height, width), 0 to 255, white ink on black, and divides by 255 itself;
    gives float32 (N, classes) whose rows sum to 1. Keras's global seed decides the first weights.

    Args:
        recipe: the layers, and the precision unless it is given.
        precision: `float32` or `mixed_bfloat16`; weights are float32 in both. None takes the
            recipe's, and float32 for `auto`.
        for_training: batch norm in one operation, which trains faster. Weights and predictions are
            the same, but Keras alone cannot load a file of such a network.
        xla: max pooling in operations whose gradient is deterministic under XLA.
    """
    precision = precision or recipe.precision
    policy = keras.DTypePolicy("float32" if precision == "auto" else precision)
    outputs = inputs = keras.Input(recipe.info.image_shape, dtype="uint8", name="pixels")
    outputs = kl.Reshape(recipe.input_shape, dtype=policy, name="channel")(outputs)
    outputs = kl.Rescaling(1 / 255, dtype=policy, name="rescaling")(outputs)
    for layer in recipe.layers:
        for made in _BUILDERS[type(layer)](layer):
            step = made
            if for_training and isinstance(made, kl.BatchNormalization):
                step = _FusedBatchNorm.from_config(made.get_config())
            if xla and isinstance(made, kl.MaxPooling2D):
                step = _TiledMaxPool(made.pool_size)
            step.dtype_policy = policy
            outputs = step(outputs)
    # In float32 whatever the precision: bfloat16 would round a logit of 10 to about one decimal.
    outputs = kl.Dense(recipe.info.class_count, dtype="float32", name="logits")(outputs)
    outputs = kl.Softmax(dtype="float32", name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name="network")


class _FusedBatchNorm(kl.BatchNormalization):  # type: ignore[misc]
    """Keras's layer, computed by TensorFlow's one operation instead of a dozen.

    In float32 whatever the precision: with few channels the operation is slower in bfloat16.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        is_vector = len(inputs.shape) == 2  # an image of one pixel
        image = tf.cast(inputs[:, None, None, :] if is_vector else inputs, tf.float32)
        nothing = tf.zeros([0])
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=image,
            scale=self.gamma,
            offset=self.beta,
            mean=nothing if training else self.moving_mean,
            variance=nothing if training else self.moving_variance,
            epsilon=self.epsilon,
            is_training=bool(training),
        )
        if training:
            # The operation gives the unbiased variance, Keras keeps the batch's own.
            count = tf.cast(tf.size(image) // image.shape[-1], tf.float32)
            variance *= (count - 1) / count
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return tf.cast(outputs[:, 0, 0, :] if is_vector else outputs, inputs.dtype)


class _TiledMaxPool(kl.Layer):  # type: ignore[misc]
    """Max pooling without overlap. The gradient is split among equal values; Keras gives it to the first."""

    def __init__(self, pool_size: tuple[int, int]) -> None:
        super().__init__()
        self._size = pool_size

    def call(self, inputs: Any) -> Any:
        (height, width), channels = self._size, inputs.shape[3]
        rows, columns = inputs.shape[1] // height, inputs.shape[2] // width
        tiles = tf.reshape(
            inputs[:, : rows * height, : columns * width],
            (-1, rows, height, columns, width, channels),
        )
        return tf.reduce_max(tiles, axis=(2, 4))


def _conv(layer: Conv) -> list[Any]:
    return [kl.Conv2D(layer.filters, **_window(layer))]


def _depthwise_conv(layer: DepthwiseConv) -> list[Any]:
    return [kl.DepthwiseConv2D(**_window(layer))]


def _window(layer: Conv | DepthwiseConv) -> dict[str, Any]:
    return {
        "kernel_size": layer.kernel,
        "strides": layer.stride,
        "padding": layer.padding,
        "activation": layer.activation,
        "use_bias": layer.bias,
    }


def _pool(layer: Pool) -> list[Any]:
    kind = kl.MaxPooling2D if layer.method == "max" else kl.AveragePooling2D
    return [kind(layer.size)]


def _batch_norm(layer: BatchNorm) -> list[Any]:
    activation = [] if layer.activation == "linear" else [kl.Activation(layer.activation)]
    return [kl.BatchNormalization(momentum=layer.momentum), *activation]


_BUILDERS: dict[type[Layer], Callable[[Any], list[Any]]] = {
    Conv: _conv,
    DepthwiseConv: _depthwise_conv,
    Pool: _pool,
    GlobalPool: lambda layer: [kl.GlobalAveragePooling2D()],
    BatchNorm: _batch_norm,
    Dropout: lambda layer: [kl.Dropout(layer.rate)],
    Flatten: lambda layer: [kl.Flatten()],
    Dense: lambda layer: [kl.Dense(layer.units, activation=layer.activation)],
}
