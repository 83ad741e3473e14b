"""A run's network as a few folded layers: read from its file without Keras, and packed for a page."""

from __future__ import annotations

import json

import numpy as np
import pytest
from networks import DEPTHWISE, EVERY_KIND, shuffled

from digitcore import runs
from digitcore.recipes import Recipe
from digitcore.runs import Run, folded, keras_file
from digitcore.training import network


def saved(recipe: Recipe) -> tuple[Run, list[np.ndarray]]:
    run = runs.create(recipe)
    model = shuffled(network.build(recipe))
    model.save(run.path / "model.keras")
    return run, model.get_weights()


@pytest.mark.parametrize(
    "recipe", [EVERY_KIND, DEPTHWISE, Recipe.load("micro")], ids=lambda recipe: recipe.name
)
def test_weights_are_those_that_keras_wrote(recipe: Recipe) -> None:
    run, expected = saved(recipe)
    for got, array in zip(keras_file.weights(run), expected, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, array)


def test_batch_norm_is_folded_where_it_follows_directly_and_is_a_scale_elsewhere() -> None:
    recipe = Recipe.load("fast")
    arrays = shuffled(network.build(recipe)).get_weights()
    layers = folded.folded(recipe, arrays)
    kinds = ["conv", "conv", "pool", "scale", "flatten", "dense", "dense", "softmax"]
    assert [layer.kind for layer in layers] == kinds
    assert [layer.of for layer in layers] == [1, 2, 3, 4, 5, 6, 7, 7]
    kernel, gamma, beta, mean, variance = arrays[:5]
    patch = np.random.default_rng(0).normal(size=kernel.shape[:3])
    sums = np.tensordot(patch, kernel, 3)
    normed = (sums - mean) / np.sqrt(variance + 0.001) * gamma + beta
    made = layers[0].weights
    np.testing.assert_allclose(
        np.tensordot(patch, made["kernel"], 3) + made["bias"], normed, atol=1e-5
    )
    assert layers[0].settings["activation"] == "relu"
    assert layers[0].shape == recipe.summary()[0].shape
    # Convolutions of 12 × 12 × 5 × 5 × 1 × 16 and 10 × 10 × 3 × 3 × 16 × 32, dense layers of 800 × 64 and 64 × 10.
    assert folded.multiply_adds(layers) == 57_600 + 460_800 + 51_200 + 640


def test_the_packed_file_has_the_layout_of_safetensors() -> None:
    recipe = DEPTHWISE
    layers = folded.folded(recipe, shuffled(network.build(recipe)).get_weights())
    content = folded.packed(layers, recipe.input_shape)
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    header = json.loads(content[8 : 8 + length])
    told = header.pop("__metadata__")
    assert json.loads(told["input"]) == [28, 28, 1]
    assert [one["kind"] for one in json.loads(told["layers"])] == [each.kind for each in layers]
    end = 0
    for name, entry in header.items():
        number, weight = name.split(".")
        begin, end = entry["data_offsets"][0], entry["data_offsets"][1]
        array = np.frombuffer(content[8 + length + begin : 8 + length + end], "<f4")
        expected = layers[int(number)].weights[weight]
        assert entry["dtype"] == "F32"
        np.testing.assert_array_equal(array.reshape(entry["shape"]), expected)
    assert len(content) == 8 + length + end


def test_weights_of_another_recipe_are_refused() -> None:
    arrays = network.build(Recipe.load("fast")).get_weights()
    with pytest.raises(ValueError, match="has the shape"):
        folded.folded(Recipe.load("two-conv"), arrays)
    with pytest.raises(ValueError, match="Received: none"):
        folded.folded(Recipe.load("fast"), arrays[:-1])
    with pytest.raises(ValueError, match="fewer weights"):
        folded.folded(Recipe.load("fast"), [*arrays, arrays[-1]])
