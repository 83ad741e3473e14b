"""Rates, optimizers and weight decay, as Keras has them."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_up import PLAIN, RICH

from digitcore.recipes import Recipe
from digitcore.training import network, optimizers


def rates(recipe: Recipe, steps: int) -> list[float]:
    schedule = optimizers.optimizer(recipe, steps)._learning_rate
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return [float(schedule)] * (steps * recipe.epochs + 1)
    return [float(schedule(step)) for step in range(steps * recipe.epochs + 1)]


def test_a_constant_rate_stays() -> None:
    assert rates(PLAIN, 10) == pytest.approx([0.005] * 21)


def test_a_cosine_climbs_to_the_peak_and_falls_to_zero() -> None:
    recipe = PLAIN.changed(epochs=4, schedule="cosine", warmup_ratio=0.25, learning_rate=0.02)
    found = rates(recipe, 10)
    assert found[:11] == pytest.approx([0.002 * step for step in range(11)])
    assert found[10:] == pytest.approx(
        [0.01 * (1 + math.cos(math.pi * step / 30)) for step in range(31)], abs=1e-7
    )


def test_a_cosine_without_warm_up_begins_at_the_peak() -> None:
    found = rates(PLAIN.changed(schedule="cosine", warmup_ratio=0.0), 10)
    assert found[0] == pytest.approx(0.005)
    assert found[-1] == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("step_epochs", [5, 6])
def test_a_step_after_the_end_leaves_the_rate_as_it_is(step_epochs: int) -> None:
    recipe = PLAIN.changed(epochs=5, schedule="step", step_epochs=step_epochs)
    assert rates(recipe, 10) == pytest.approx([0.005] * 51)


def test_a_rate_falls_in_steps() -> None:
    recipe = PLAIN.changed(epochs=5, schedule="step", step_epochs=2, step_factor=0.1)
    found = rates(recipe, 10)
    # Keras counts a boundary as the last step of the old value; steps are counted from 0.
    assert found[:20] == pytest.approx([0.005] * 20)
    assert found[21:40] == pytest.approx([0.0005] * 19)
    assert found[41:50] == pytest.approx([0.00005] * 9)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", keras.optimizers.Adam),
        ("adamw", keras.optimizers.AdamW),
        ("sgd", keras.optimizers.SGD),
        ("rmsprop", keras.optimizers.RMSprop),
    ],
)
def test_optimizer_rate_and_decay_reach_keras(name: str, kind: type) -> None:
    recipe = PLAIN.changed(optimizer=name, weight_decay=0.02, momentum=0.7, learning_rate=0.03)
    optimizer = optimizers.optimizer(recipe, 10)
    assert type(optimizer) is kind
    assert float(optimizer.learning_rate) == pytest.approx(0.03)
    assert optimizer.weight_decay == 0.02


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_momentum_reaches_sgd_and_looks_ahead(momentum: float) -> None:
    optimizer = optimizers.optimizer(PLAIN.changed(optimizer="sgd", momentum=momentum), 10)
    assert optimizer.momentum == momentum
    assert optimizer.nesterov == (momentum > 0)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_decay_shrinks_kernels_and_no_biases(name: str) -> None:
    recipe = PLAIN.changed(optimizer=name, epochs=1, learning_rate=1e-4, weight_decay=1.0)
    optimizer = optimizers.optimizer(recipe, 1)
    kernel = keras.Variable(np.ones((3, 2), np.float32), name="kernel")
    bias = keras.Variable(np.ones(2, np.float32), name="bias")
    optimizer.build([kernel, bias])
    optimizer.apply([tf.zeros((3, 2)), tf.zeros(2)])
    np.testing.assert_allclose(kernel, 1 - 1e-4, atol=1e-7)
    np.testing.assert_array_equal(bias, 1)


def test_of_a_whole_network_only_kernels_decay() -> None:
    optimizer = optimizers.optimizer(RICH, 7)
    model = network.build(RICH)
    optimizer.build(model.trainable_variables)
    decayed = {v.path for v in model.trainable_variables if optimizer._use_weight_decay(v)}
    assert {path.rsplit("/")[-1] for path in decayed} == {"kernel"}
    assert len(decayed) == 3
