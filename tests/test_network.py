"""Recipes as Keras models."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import EVERY_KIND, GLOBAL_POOL, RECIPES, every_recipe, images, shuffled

from digitcore.recipes import Recipe
from digitcore.recipes.layers import LAYER_KINDS
from digitcore.training import network

# What stands for a layer of the recipe in Keras; an activation of its own belongs to the
# batch norm before it.
KINDS = {
    "Conv2D": "conv",
    "DepthwiseConv2D": "depthwise_conv",
    "MaxPooling2D": "pool",
    "AveragePooling2D": "pool",
    "GlobalAveragePooling2D": "global_pool",
    "BatchNormalization": "batch_norm",
    "Dropout": "dropout",
    "Flatten": "flatten",
    "Dense": "dense",
}


def test_every_kind_of_layer_is_in_a_recipe_that_is_tried() -> None:
    kinds = set(LAYER_KINDS)
    assert kinds == {layer.kind for recipe in RECIPES for layer in recipe.layers}
    assert kinds == set(KINDS.values())


@every_recipe
def test_shapes_and_parameters_are_those_of_the_recipes_summary(recipe: Recipe) -> None:
    model = network.build(recipe)
    rows = [
        (KINDS[type(layer).__name__], layer.output.shape[1:], layer.count_params())
        for layer in model.layers
        if type(layer).__name__ in KINDS
    ]
    assert rows == [(row.kind, row.shape, row.parameters) for row in recipe.summary()]
    assert model.count_params() == recipe.parameters


@every_recipe
def test_raw_pixels_become_probabilities_of_ten_digits(recipe: Recipe) -> None:
    table = shuffled(network.build(recipe))(images(5)).numpy()
    assert table.shape == (5, 10)
    assert table.dtype == np.float32
    assert table.min() >= 0
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-6)


def test_layers_and_batch_norms_have_their_activations() -> None:
    layers = network.build(EVERY_KIND).layers
    names = [layer.activation.__name__ for layer in layers if hasattr(layer, "activation")]
    assert names == ["gelu", "silu", "linear", "tanh", "softmax", "relu", "leaky_relu", "linear"]


def test_dropout_rates_momentum_and_pooling_are_the_recipes() -> None:
    layers = network.build(EVERY_KIND).layers
    assert [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)] == [0.2]
    norms = [each for each in layers if isinstance(each, keras.layers.BatchNormalization)]
    assert [norm.momentum for norm in norms] == [0.9, 0.8, 0.9]
    kinds = [type(layer).__name__ for layer in layers if "Pooling" in type(layer).__name__]
    assert kinds == ["AveragePooling2D", "MaxPooling2D"]


def test_pixels_are_divided_by_255() -> None:
    model = network.build(GLOBAL_POOL)
    seen = keras.Model(model.input, model.get_layer("rescaling").output)(images(3))
    np.testing.assert_allclose(seen[..., 0], images(3) / 255, atol=1e-6)


def test_a_given_precision_goes_before_the_recipes() -> None:
    recipe = EVERY_KIND.changed(precision="mixed_bfloat16")
    mixed, plain = network.build(recipe), network.build(recipe, precision="float32")
    assert {layer.compute_dtype for layer in mixed.layers[2:-2]} == {"bfloat16"}
    assert {layer.compute_dtype for layer in plain.layers[2:]} == {"float32"}


def test_logits_and_probabilities_are_float32_in_every_precision() -> None:
    layers = network.build(EVERY_KIND, precision="mixed_bfloat16").layers
    assert [(layer.name, layer.compute_dtype) for layer in layers[-2:]] == [
        ("logits", "float32"),
        ("probabilities", "float32"),
    ]


@every_recipe
def test_bfloat16_networks_keep_float32_weights_and_answers(recipe: Recipe) -> None:
    plain = shuffled(network.build(recipe))
    mixed = network.build(recipe.changed(precision="mixed_bfloat16"))
    mixed.set_weights(plain.get_weights())
    assert {str(weight.dtype) for weight in mixed.weights} == {"float32"}
    table = mixed(images(4)).numpy()
    assert table.dtype == np.float32
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-6)


def test_bfloat16_answers_are_near_those_of_float32() -> None:
    plain, mixed = (
        network.build(EVERY_KIND, precision=precision)
        for precision in ("float32", "mixed_bfloat16")
    )
    mixed.set_weights(plain.get_weights())
    np.testing.assert_allclose(mixed(images(9)), plain(images(9)), atol=0.03)


NORMS = GLOBAL_POOL.changed(
    layers=[
        {"kind": "conv", "filters": 6, "kernel": 5, "activation": "linear"},
        {"kind": "batch_norm", "activation": "relu"},
        {"kind": "global_pool"},
        {"kind": "batch_norm", "momentum": 0.8},
    ]
)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_network_for_training_learns_as_keras_own_does(precision: str) -> None:
    """Answers, gradients and running means, of batch norm above all."""
    keras.utils.set_random_seed(1)
    plain = shuffled(network.build(NORMS, precision))
    fast = network.build(NORMS, precision, for_training=True)
    fast.set_weights(plain.get_weights())
    before = plain.get_weights()
    batch, labels = images(32), tf.one_hot(np.arange(32) % 10, 10)
    found = []
    for model in (plain, fast):
        with tf.GradientTape() as tape:
            answers = model(batch, training=True)
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(labels, answers))
        gradients = tape.gradient(loss, model.trainable_variables)
        found.append([answers, *gradients, *model.get_weights(), model(batch, training=False)])
    near = 1e-4 if precision == "float32" else 0.05
    for one, other in zip(*found, strict=True):
        scale = max(1.0, np.abs(np.asarray(one)).max())
        np.testing.assert_allclose(one, other, atol=near * scale)
    # Running means and variances of both are no longer what they were.
    moved = [not np.array_equal(*pair) for pair in zip(before, fast.get_weights(), strict=True)]
    assert sum(moved) == 4
    assert {str(weight.dtype) for weight in fast.weights} == {"float32"}


@pytest.mark.parametrize("size", [2, 3])
def test_pooling_for_xla_gives_keras_own_values_and_gradients(size: int) -> None:
    """Rows and columns that pooling leaves out, as 28 is no multiple of 3, get no gradient."""
    pooled = EVERY_KIND.changed(layers=[{"kind": "pool", "size": size}, {"kind": "flatten"}])
    random = np.random.default_rng(0)
    values = tf.constant(random.normal(size=(4, 28, 28, 3)).astype(np.float32))  # without equals
    found = []
    for xla in (False, True):
        model = network.build(pooled, for_training=True, xla=xla)
        pool = next(layer for layer in model.layers if "pool" in layer.name)
        assert isinstance(pool, keras.layers.MaxPooling2D) is not xla
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = pool(values)
            loss = tf.reduce_sum(outputs * tf.range(1.0, 4.0))
        found.append((outputs, tape.gradient(loss, values)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_a_network_for_training_fit_the_one_that_is_kept() -> None:
    plain, fast = network.build(NORMS), network.build(NORMS, for_training=True)
    assert [w.path.split("/")[-1] for w in plain.weights] == [
        w.path.split("/")[-1] for w in fast.weights
    ]
    assert [w.shape for w in plain.weights] == [w.shape for w in fast.weights]
    assert not any("Fused" in type(layer).__name__ for layer in plain.layers)


def test_a_precision_that_is_still_to_be_chosen_is_float32() -> None:
    layers = network.build(GLOBAL_POOL.changed(precision="auto")).layers
    assert {layer.compute_dtype for layer in layers[2:]} == {"float32"}


def test_first_weights_follow_the_seed() -> None:
    def weights(seed: int) -> np.ndarray:
        keras.utils.set_random_seed(seed)
        return network.build(GLOBAL_POOL).get_weights()[0]

    assert np.array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))
