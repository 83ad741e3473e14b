"""A training repeats to the last bit, and so does one that went on from a checkpoint."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
from made_up import PLAIN, RICH
from training.outcome import Outcome, assert_same_weights, run

from digitcore import training
from digitcore.datasets import DataError, Dataset
from digitcore.training.state import Checkpoint


def test_the_same_recipe_gives_the_same_bits(rich: Outcome, digits: Dataset) -> None:
    again = run(RICH, digits)
    assert again.curves == rich.curves
    assert_same_weights(again, rich)


def test_another_seed_gives_another_network(plain: Outcome, digits: Dataset) -> None:
    other = run(PLAIN.changed(seed=1), digits)
    assert other.curves != plain.curves
    assert not np.array_equal(other.weights[0], plain.weights[0])


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_resumed_training_ends_as_if_it_had_never_been_interrupted(
    epoch: int, rich: Outcome, digits: Dataset
) -> None:
    checkpoint = rich.checkpoints[epoch - 1]
    assert checkpoint.epoch == epoch
    resumed = run(RICH, digits, resume_from=copy.deepcopy(checkpoint))
    done = [e for e in rich.curves if e["kind"] != "start" and e["epoch"] <= epoch]
    start = {"kind": "start", "step": 7 * epoch, "steps": 21, "steps_per_epoch": 7}
    assert resumed.curves == [start, *rich.curves[1 + len(done) :]]
    assert_same_weights(resumed, rich)
    assert resumed.trained.best_epoch == rich.trained.best_epoch
    assert resumed.trained.epochs == 3


def test_a_resumed_training_keeps_a_best_epoch_from_before(plain: Outcome, digits: Dataset) -> None:
    checkpoint = copy.deepcopy(plain.checkpoints[0])
    checkpoint.best_accuracy = 1.1  # what no later epoch can reach
    resumed = run(PLAIN, digits, resume_from=checkpoint)
    assert resumed.trained.best_epoch == 1
    for kept, best in zip(resumed.weights, checkpoint.best_weights, strict=True):
        np.testing.assert_array_equal(kept, best)


def test_seconds_of_a_resumed_training_are_added_up(plain: Outcome, digits: Dataset) -> None:
    checkpoint = copy.deepcopy(plain.checkpoints[0])
    checkpoint.fit_seconds, checkpoint.compilation_seconds = 1000.0, 100.0
    resumed = run(PLAIN, digits, resume_from=checkpoint).trained
    assert 1000 < resumed.fit_seconds < 1500
    assert 100 < resumed.compilation_seconds < 600


def test_a_checkpoint_of_another_network_is_refused(rich: Outcome, digits: Dataset) -> None:
    with pytest.raises(ValueError, match=r"must have .* arrays. Received: "):
        run(PLAIN.changed(epochs=3), digits, resume_from=copy.deepcopy(rich.checkpoints[0]))


def test_more_epochs_are_as_if_they_had_been_asked_for_at_once(
    plain: Outcome, digits: Dataset
) -> None:
    longer = PLAIN.changed(epochs=4)
    further = run(longer, digits, resume_from=copy.deepcopy(plain.checkpoints[-1]))
    whole = run(longer, digits)
    assert plain.curves[1:] + further.curves[1:] == whole.curves[1:]
    assert_same_weights(further, whole)


def test_a_training_goes_on_with_the_digits_that_it_began_with_alone(digits: Dataset) -> None:
    checkpoint = run(PLAIN, digits).checkpoints[0]
    assert checkpoint.data_checksum == digits.checksum
    others = dataclasses.replace(digits, checksum="others")
    with pytest.raises(DataError, match="resumes on the images that it began with"):
        run(PLAIN, others, resume_from=checkpoint)


def test_resuming_what_early_stopping_ended_trains_no_more(digits: Dataset) -> None:
    recipe = PLAIN.changed(epochs=8, early_stopping=1, learning_rate=1e-12, optimizer="sgd")
    kept: list[Checkpoint] = []
    whole = training.train(
        recipe, digits, lambda event: None, save=lambda c: kept.append(copy.deepcopy(c))
    )
    assert whole.epochs < 8
    again = training.train(recipe, digits, lambda event: None, resume_from=kept[-1])
    assert (again.epochs, again.best_epoch) == (whole.epochs, whole.best_epoch)


def test_a_training_begins_with_the_weights_it_is_given(digits: Dataset) -> None:
    first = run(PLAIN.changed(epochs=1), digits)
    # Steps so small that nothing changes.
    still = PLAIN.changed(epochs=1, optimizer="sgd", learning_rate=1e-30, momentum=0)
    again = training.train(still, digits, lambda event: None, initial_weights=first.weights)
    for left, right in zip(first.weights, again.model.get_weights(), strict=True):
        np.testing.assert_allclose(left, right)
    with pytest.raises(ValueError, match=r"must have .* arrays. Received: "):
        training.train(still, digits, lambda event: None, initial_weights=first.weights[1:])
