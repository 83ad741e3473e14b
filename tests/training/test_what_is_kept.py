"""The network that a training gives: its best epoch, and the EMA."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_up import PLAIN, RICH
from training.outcome import Outcome, run

from digitcore import training
from digitcore.datasets import Dataset, Split
from digitcore.runs.events import Event
from digitcore.training import network


@pytest.mark.parametrize("count", [70, 3], ids=["accuracy", "loss between equals"])
def test_the_model_is_that_of_the_epoch_best_on_validation(count: int, digits: Dataset) -> None:
    few = digits.validation.images[:count], digits.validation.labels[:count]
    dataset = dataclasses.replace(digits, validation=Split(*few))
    # So high a rate that accuracy and loss go up and down.
    outcome = run(PLAIN.changed(epochs=8, learning_rate=0.2), dataset)
    scores = [(e["validation_accuracy"], -e["validation_loss"]) for e in outcome.of("epoch")]
    best = outcome.trained.best_epoch
    assert scores[best - 1] == max(scores)
    assert [e["best"] for e in outcome.of("epoch")] == [
        score > max(scores[:i], default=(-1, 0)) for i, score in enumerate(scores)
    ]
    right = outcome.trained.model(few[0]).numpy().argmax(axis=1) == few[1]
    assert right.mean() == pytest.approx(scores[best - 1][0], abs=1e-6)


def test_it_learns(digits: Dataset) -> None:
    outcome = run(PLAIN.changed(epochs=12), digits)
    assert max(event["validation_accuracy"] for event in outcome.of("epoch")) > 0.7


def test_a_bfloat16_training_ends_in_a_float32_network(digits: Dataset) -> None:
    outcome = run(RICH.changed(precision="mixed_bfloat16", epochs=1), digits)
    assert {layer.compute_dtype for layer in outcome.trained.model.layers[2:]} == {"float32"}
    assert {weight.dtype for weight in outcome.weights} == {np.dtype(np.float32)}


def test_the_average_is_the_moving_mean_of_the_weights_after_each_step(digits: Dataset) -> None:
    recipe = PLAIN.changed(ema_decay=0.8, epochs=2)
    outcome = run(recipe, digits, save_seconds=0)
    assert len(outcome.checkpoints) == 14
    steps = [checkpoint.variables[0] for checkpoint in outcome.checkpoints]
    average = steps[0]
    for number, weight in enumerate(steps, start=1):
        kept = min(0.8, number / (number + 9))
        average = (
            kept * average + (1 - kept) * weight if number > 1 else outcome.checkpoints[0].ema[0]
        )
        found = outcome.checkpoints[number - 1].ema[0]
        np.testing.assert_allclose(found, average, atol=1e-6)
    assert np.abs(average - steps[-1]).max() > 1e-3


def test_the_average_is_what_is_validated_and_kept(digits: Dataset) -> None:
    outcome = run(PLAIN.changed(ema_decay=0.8, epochs=1), digits)
    end = outcome.checkpoints[-1]
    for kept, average in zip(outcome.weights, end.ema, strict=True):
        np.testing.assert_array_equal(kept, average)
    assert not np.array_equal(outcome.weights[0], end.variables[0])
    answers = outcome.trained.model(digits.validation.images, training=False).numpy()
    right = (answers.argmax(axis=1) == digits.validation.labels).mean()
    assert outcome.of("epoch")[0]["validation_accuracy"] == pytest.approx(right)


def test_an_average_changes_nothing_of_how_a_network_learns(
    plain: Outcome, digits: Dataset
) -> None:
    averaged = run(PLAIN.changed(ema_decay=0.9), digits)
    for one, other in zip(
        plain.checkpoints[-1].variables, averaged.checkpoints[-1].variables, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_each_epoch_is_given_with_its_weights_and_what_they_made_of_validation(
    rich: Outcome, digits: Dataset
) -> None:
    assert [number for number, *_ in rich.kept] == [1, 2, 3]
    images, labels = digits.validation.images, digits.validation.labels
    model = network.build(RICH, "float32")
    for (_, weights, validated), event in zip(rich.kept, rich.of("epoch"), strict=True):
        assert validated.accuracy == event["validation_accuracy"]
        # They are the EMA's, which the recipe asks for.
        model.set_weights(weights)
        table = model(images, training=False).numpy()
        wanted = np.zeros((10, 10), int)
        np.add.at(wanted, (labels, table.argmax(axis=1)), 1)
        np.testing.assert_array_equal(validated.confusion, wanted)
        assert sorted(labels[validated.watched]) == list(range(10))
        np.testing.assert_allclose(validated.probabilities, table[validated.watched], atol=1e-5)


def test_nothing_of_a_training_changes_because_its_epochs_are_kept(
    rich: Outcome, digits: Dataset
) -> None:
    events: list[Event] = []
    trained = training.train(RICH, digits, events.append)
    for one, other in zip(trained.model.get_weights(), rich.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [e["validation_loss"] for e in events if e["kind"] == "epoch"] == [
        e["validation_loss"] for e in rich.of("epoch")
    ]
