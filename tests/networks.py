"""Recipes with every kind of layer, and images and weights to try their networks with."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from digitcore.recipes import Recipe

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
