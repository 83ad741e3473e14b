"""A stop, at any moment, and what a training keeps by then."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import PLAIN, RICH
from training.outcome import Outcome, assert_same_weights, run

from digitcore import training
from digitcore.datasets import Dataset
from digitcore.training import learner


def test_a_stop_in_the_second_epoch_ends_it_there_and_keeps_the_best(digits: Dataset) -> None:
    recipe = PLAIN.changed(epochs=50)
    outcome = run(recipe, digits, stop_when=lambda e: e["kind"] == "batch" and e["step"] == 9)
    assert outcome.trained.stopped
    assert outcome.trained.epochs == 2
    assert [event["step"] for event in outcome.of("batch")] == list(range(1, 10))
    assert outcome.trained.model(digits.validation.images).shape == (70, 10)
    positions = [(kept.epoch, kept.batch, kept.step) for kept in outcome.checkpoints]
    assert positions == [(1, 0, 7), (1, 2, 9)]
    assert outcome.trained.best_epoch == 1
    best, last = outcome.checkpoints[-1].best_weights, outcome.checkpoints[-1].variables
    assert not all(map(np.array_equal, best, last))
    assert all(map(np.array_equal, outcome.weights, best))


def test_a_stop_at_the_first_step_still_gives_a_network(digits: Dataset) -> None:
    outcome = run(PLAIN, digits, stop_when=lambda event: event["kind"] == "batch")
    assert outcome.trained.stopped
    assert (outcome.trained.best_epoch, outcome.trained.epochs) == (0, 1)
    assert [kept.step for kept in outcome.checkpoints] == [1]
    assert outcome.of("epoch") == []
    assert len(outcome.weights) == 4


def test_nothing_is_done_after_a_stop(digits: Dataset) -> None:
    outcome = run(PLAIN.changed(epochs=50), digits, stop_after=10)
    assert outcome.trained.stopped
    assert [event["step"] for event in outcome.of("batch")] == list(range(1, 11))
    assert len(outcome.of("epoch")) == 1, "the epoch that was cut short is not validated"


def test_a_stop_before_the_first_step_ends_soon(digits: Dataset) -> None:
    outcome = run(PLAIN, digits, stop_when=lambda event: event["kind"] == "start")
    assert outcome.trained.stopped
    assert len(outcome.of("batch")) <= 1


def test_a_stop_after_an_epoch_has_a_checkpoint_of_it(digits: Dataset) -> None:
    outcome = run(PLAIN, digits, stop_when=lambda event: event["kind"] == "epoch")
    assert outcome.trained.stopped
    assert [checkpoint.epoch for checkpoint in outcome.checkpoints] == [1]


def test_a_stop_that_comes_with_the_last_step_changes_nothing(
    plain: Outcome, digits: Dataset
) -> None:
    outcome = run(PLAIN, digits, stop_when=lambda event: event.get("step") == 14)
    assert not outcome.trained.stopped
    assert outcome.curves == plain.curves


@pytest.mark.parametrize("step", [1, 7, 9, 13])
def test_a_training_stopped_after_any_step_goes_on_to_the_same_end(
    step: int, rich: Outcome, digits: Dataset
) -> None:
    first = run(RICH, digits, stop_after=step)
    assert first.trained.stopped
    rest = run(RICH, digits, resume_from=first.checkpoints[-1])
    assert first.curves + rest.curves[1:] == rich.curves
    assert_same_weights(rest, rich)


def test_a_stop_between_two_batch_events_loses_none_of_their_sums(digits: Dataset) -> None:
    recipe = PLAIN.changed(batch_size=1)  # 330 steps an epoch, so an event each second step
    whole = run(recipe, digits)
    assert [event["step"] for event in whole.of("batch")[:2]] == [2, 4]
    first = run(recipe, digits, stop_after=101)
    rest = run(recipe, digits, resume_from=first.checkpoints[-1])
    assert first.curves + rest.curves[1:] == whole.curves
    assert_same_weights(rest, whole)


def test_within_an_epoch_it_is_saved_as_often_as_asked(plain: Outcome, digits: Dataset) -> None:
    saved = run(PLAIN, digits, save_seconds=0)
    assert [kept.step for kept in saved.checkpoints] == list(range(1, 15))
    assert [kept.step for kept in plain.checkpoints] == [7, 14]
    assert_same_weights(run(PLAIN, digits, resume_from=saved.checkpoints[3]), plain)


def test_a_training_stopped_while_it_validates_goes_on_to_the_same_end(
    rich: Outcome, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "_VALIDATION_BATCH", len(digits.validation) // 3)
    whole = run(RICH, digits)
    steps = len(whole.of("batch")) // RICH.epochs
    # Asked after each step, and within the epoch's end once more.
    first = run(RICH, digits, stop_after=steps)
    assert first.trained.stopped
    assert first.of("epoch") == []
    assert (first.checkpoints[-1].epoch, first.checkpoints[-1].batch) == (0, steps)
    rest = run(RICH, digits, resume_from=first.checkpoints[-1])
    assert_same_weights(rest, whole)


def test_a_stop_while_digits_are_written_is_heard_at_once(digits: Dataset) -> None:
    given = []

    def stop() -> bool:
        given.append(True)
        return len(given) > 3

    with pytest.raises(training.StoppedError):
        training.train(
            PLAIN.changed(synthetic_digits=100_000), digits, lambda event: None, stop=stop
        )
    assert len(given) == 4


def test_early_stopping_ends_after_epochs_without_a_better_one(digits: Dataset) -> None:
    # So small a rate changes no answer, and so makes no epoch better than the first.
    recipe = PLAIN.changed(epochs=20, learning_rate=1e-12, early_stopping=2)
    outcome = run(recipe, digits)
    assert outcome.trained.epochs < 20
    assert outcome.trained.epochs - outcome.trained.best_epoch == 2
    assert not outcome.trained.stopped
