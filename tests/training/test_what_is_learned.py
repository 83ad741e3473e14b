"""What a training learns from besides the labels of its digits."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from made_up import PLAIN
from training.outcome import Outcome, run

from digitcore import training
from digitcore.analysis import classification
from digitcore.datasets import Dataset, Split
from digitcore.drawing import synthetic
from digitcore.training import learner
from digitcore.training.batches import Batches, Samples
from digitcore.training.distillation import Teacher

BRIGHT = 42


@Teacher
def of_the_mean(images: np.ndarray) -> np.ndarray:
    """Sees sevens in bright images, and is quite sure."""
    bright = images.mean(axis=(1, 2)) > BRIGHT
    return np.where(bright[:, None], [0.001] * 7 + [0.991] + [0.001] * 2, [0.1] * 10)


def test_what_a_teacher_says_of_the_digits_is_learned(plain: Outcome, digits: Dataset) -> None:
    recipe = PLAIN.changed(distillation=0.5, epochs=8)
    told: list[Any] = []
    distilled = training.train(recipe, digits, told.append, teacher=of_the_mean).model
    alone = training.train(recipe.changed(distillation=0), digits, told.append).model
    bright = digits.validation.images.mean(axis=(1, 2)) > BRIGHT
    assert 10 < bright.sum() < 60
    sevens = [
        np.mean(network.predict(digits.validation.images[bright], verbose=0)[:, 7])
        for network in (distilled, alone)
    ]
    assert sevens[0] > sevens[1] + 0.05
    assert [e["stage"] for e in told if e["kind"] == "stage"] == ["teacher", "training"]


def test_distilling_without_a_teacher_or_until_a_stop_trains_nothing(digits: Dataset) -> None:
    recipe = PLAIN.changed(distillation=0.1)
    with pytest.raises(ValueError, match="needs a teacher"):
        training.train(recipe, digits, lambda event: None)
    with pytest.raises(training.StoppedError):
        training.train(recipe, digits, lambda event: None, stop=lambda: True, teacher=of_the_mean)


def test_label_smoothing_raises_the_loss_that_is_trained_on(
    plain: Outcome, digits: Dataset
) -> None:
    smooth = run(PLAIN.changed(label_smoothing=0.3, epochs=4), digits)
    sharp = run(PLAIN.changed(epochs=4), digits)
    assert smooth.of("epoch")[-1]["loss"] > sharp.of("epoch")[-1]["loss"]
    # Smoothed labels leave an entropy that no network can go below.
    targets = np.array([0.73, *[0.03] * 9])
    assert smooth.of("epoch")[-1]["loss"] > -(targets * np.log(targets)).sum()


def test_synthetic_digits_are_learned_as_well_and_change_the_weights(digits: Dataset) -> None:
    written = run(PLAIN.changed(epochs=1, synthetic_digits=100, synthetic_outliers=70), digits)
    assert [event["stage"] for event in written.of("stage")] == ["writing", "training"]
    steps = -(-(330 + 170) // PLAIN.batch_size)
    assert written.of("start")[0]["steps"] == steps
    assert written.of("batch")[-1]["step"] == steps
    alone = run(PLAIN.changed(epochs=1, synthetic_digits=100), digits)
    assert any(
        (left != right).any() for left, right in zip(written.weights, alone.weights, strict=True)
    )


def test_extra_images_are_learned_in_every_epoch(digits: Dataset) -> None:
    recipe = PLAIN.changed(epochs=10, epoch_images=100)
    upside_down = Split(digits.validation.images[:20, ::-1], digits.validation.labels[:20])
    told: list[Any] = []
    extended = training.train(recipe, digits, told.append, extra=upside_down)
    assert told[0]["steps_per_epoch"] == -(-120 // recipe.batch_size)
    alone = training.train(recipe, digits, lambda event: None)
    losses = [
        classification.log_loss(
            one.model.predict(upside_down.images, verbose=0), upside_down.labels
        )
        for one in (extended, alone)
    ]
    assert losses[0] < 0.8 * losses[1]


def test_losses_and_accuracies_are_of_digits_alone() -> None:
    labels = tf.constant([[1.0] + [0.0] * 9, [0.1] * 10, [0.0] * 9 + [1.0]])
    answers = tf.constant([[0.9] + [0.1 / 9] * 9, [0.1] * 10, [0.9] + [0.1 / 9] * 9])
    is_inlier = tf.constant([True, False, True])
    found = learner.batch_totals(tf.constant([0.5, 99.0, 2.0]), labels, answers, is_inlier)
    np.testing.assert_allclose(found.numpy(), [2.5, 1.0, 2.0])


def test_what_is_no_digit_is_learned_as_equally_any(digits: Dataset) -> None:
    recipe = PLAIN.changed(synthetic_outliers=200)
    images, classes, is_outlier = synthetic.images(0, recipe.synthetic_outliers, recipe.seed)
    extras = [Samples(images, classes, ~is_outlier)]
    steps = -(-(330 + 200) // recipe.batch_size)
    labels = np.concatenate(
        [
            y.numpy()
            for _, y, _ in itertools.islice(Batches(recipe, digits.train, extras).steps(), steps)
        ]
    )
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    assert (labels.max(axis=1) < 0.11).sum() == 200
    assert ((labels == 1).sum(axis=1) == 1).sum() == 330


def test_a_batch_without_a_digit_harms_nothing(digits: Dataset) -> None:
    recipe = PLAIN.changed(epochs=1, batch_size=1, synthetic_outliers=300)
    one = dataclasses.replace(digits, train=Split(digits.train.images[:2], digits.train.labels[:2]))
    found = run(recipe, one).of("batch")
    assert all(0 <= event["accuracy"] <= 1 for event in found)
    assert sum(event["loss"] == 0 for event in found) > 50
