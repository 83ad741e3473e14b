"""Recipes as Keras models, and the same networks on LiteRT."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_up import write_metrics

from digitcore import runs
from digitcore.recipes import Recipe
from digitcore.runs import RunError
from digitcore.runs.predictor import Predictor
from digitcore.training import network

EVERY_KIND = Recipe(
    name="every-kind",
    layers=[
        {"kind": "conv", "filters": 6, "kernel": 5, "stride": 2, "activation": "gelu"},
        {"kind": "batch_norm", "activation": "silu"},
        {"kind": "conv", "filters": 8, "padding": "same", "stride": 2, "activation": "linear", "bias": False},
        {"kind": "batch_norm", "activation": "linear", "momentum": 0.8},
        {"kind": "pool", "size": 2, "method": "average"},
        {"kind": "conv", "filters": 8, "kernel": 2, "activation": "tanh"},
        {"kind": "dropout", "rate": 0.2},
        {"kind": "pool", "size": 2, "method": "max"},
        {"kind": "flatten"},
        {"kind": "dense", "units": 9, "activation": "softmax"},
        {"kind": "batch_norm", "activation": "relu"},
        {"kind": "dense", "units": 7, "activation": "leaky_relu"},
    ],
)  # fmt: skip
GLOBAL_POOL = Recipe(
    name="global-pool", layers=[{"kind": "conv", "filters": 5}, {"kind": "global_pool"}]
)
DEPTHWISE = GLOBAL_POOL.changed(
    name="depthwise",
    layers=[
        {"kind": "conv", "filters": 5},
        {"kind": "depthwise_conv", "padding": "same", "activation": "linear", "bias": False},
        {"kind": "batch_norm", "activation": "relu"},
        {"kind": "depthwise_conv", "kernel": 5, "stride": 2, "activation": "tanh"},
        {"kind": "flatten"},
    ],
)
RECIPES = [*map(Recipe.load, Recipe.names()), EVERY_KIND, GLOBAL_POOL, DEPTHWISE]
every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)

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


def images(count: int, seed: int = 0) -> np.ndarray:
    """Coarse made-up patterns, so that networks tell them apart."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 4, 4), np.uint8).repeat(7, axis=1).repeat(7, axis=2)


def shuffled(model: keras.Model) -> keras.Model:
    """The model with biases and batch norm's values moved from 0 and 1, where Keras begins."""
    random = np.random.default_rng(1)
    for variable in model.weights:
        if len(variable.shape) == 1:
            variable.assign_add(random.uniform(0, 0.2, variable.shape))
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], Any]:
    """From a recipe to its Keras model and the `.tflite` file made from it."""
    made: dict[str, tuple[keras.Model, Path]] = {}

    def export(recipe: Recipe) -> tuple[keras.Model, Path]:
        if recipe.name not in made:
            keras.utils.set_random_seed(0)
            model = shuffled(network.build(recipe))
            path = tmp_path_factory.mktemp(recipe.name) / "model.tflite"
            model.export(path, format="litert", verbose=False)
            made[recipe.name] = model, path
        return made[recipe.name]

    return export


# --- Keras -------------------------------------------------------------------


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


# --- LiteRT ------------------------------------------------------------------


@every_recipe
def test_litert_answers_as_keras_does(
    recipe: Recipe, exported: Callable[[Recipe], tuple[keras.Model, Path]]
) -> None:
    model, path = exported(recipe)
    predictor = Predictor(path)
    for count in (7, 1, 64):
        table = predictor.probabilities(images(count, seed=count))
        assert table.dtype == np.float32
        np.testing.assert_allclose(table, model(images(count, seed=count)), atol=1e-5)
    assert np.ptp(table, axis=0).max() > 1e-4  # ten times the tolerance


def test_many_images_are_predicted_in_batches_and_in_order(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    model, path = exported(Recipe.load("fast"))
    table = Predictor(path).probabilities(images(1001))
    np.testing.assert_allclose(table, model(images(1001)), atol=1e-5)
    assert len(np.unique(table, axis=0)) > 900


def test_no_images_get_no_answers(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    assert Predictor(exported(GLOBAL_POOL)[1]).probabilities(images(0)).shape == (0, 10)


def test_images_need_not_be_contiguous(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    predictor = Predictor(exported(EVERY_KIND)[1])
    turned = images(6).transpose(0, 2, 1)
    np.testing.assert_array_equal(
        predictor.probabilities(turned), predictor.probabilities(turned.copy())
    )


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 28, 28), np.float32),
        np.zeros((2, 28, 28), np.int64),
        np.zeros((28, 28), np.uint8),
        np.zeros((2, 28, 28, 1), np.uint8),
        np.zeros((2, 27, 28), np.uint8),
        np.zeros((2, 784), np.uint8),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_other_arrays_are_refused(
    wrong: np.ndarray, exported: Callable[[Recipe], tuple[keras.Model, Path]]
) -> None:
    with pytest.raises(ValueError, match=rf"uint8 \(N, 28, 28\). Received: {wrong.dtype} \("):
        Predictor(exported(GLOBAL_POOL)[1]).probabilities(wrong)


def test_threads_get_the_answers_that_one_alone_gets(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    predictor = Predictor(exported(EVERY_KIND)[1])
    asked = [images(1 + number % 5, seed=number) for number in range(200)]
    alone = [predictor.probabilities(each) for each in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(predictor.probabilities, asked))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_answers_are_not_changed_by_a_later_question(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    predictor = Predictor(exported(EVERY_KIND)[1])
    first = predictor.probabilities(images(3))
    kept = first.copy()
    predictor.probabilities(images(3, seed=5))
    np.testing.assert_array_equal(first, kept)


def test_a_predictor_takes_a_run_its_id_or_a_file(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    path = exported(GLOBAL_POOL)[1]
    run = runs.create(GLOBAL_POOL)
    (run.path / "model.tflite").write_bytes(path.read_bytes())
    write_metrics(run.path)
    tables = [Predictor(which).probabilities(images(2)) for which in (run, run.id, path, str(path))]
    for table in tables[1:]:
        np.testing.assert_array_equal(table, tables[0])


def test_a_run_without_a_network_cannot_be_asked() -> None:
    with pytest.raises(RunError, match=r"no network to ask yet: .*model\.tflite is missing"):
        Predictor(runs.create(GLOBAL_POOL))


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 5000], ids=["empty", "text", "zeros"])
def test_a_damaged_network_is_told_of(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"model\.tflite cannot be read"):
        Predictor(path)


def test_a_network_cut_short_is_told_of(
    exported: Callable[[Recipe], tuple[keras.Model, Path]], tmp_path: Path
) -> None:
    content = exported(EVERY_KIND)[1].read_bytes()
    path = tmp_path / "model.tflite"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError, match=r"model\.tflite cannot be read"):
        Predictor(path).probabilities(images(1))
