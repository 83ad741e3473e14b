"""Precision and XLA are chosen by trials on this machine, and kept from then on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from made_up import PLAIN, RICH
from training.outcome import assert_same_weights, run

from digitcore import training
from digitcore.datasets import Dataset
from digitcore.runs.events import Event
from digitcore.training import learner, loop
from digitcore.training.batches import Batches
from digitcore.training.state import Checkpoint


def tell(monkeypatch: pytest.MonkeyPatch, seconds: list[float], losses: list[float]) -> None:
    """Lets the trials of float32 and bfloat16 end with these."""
    real, told = loop.Training.trial, iter(zip(seconds, losses, strict=True))

    def trial(self: Any, steps: int, stop: Callable[[], bool]) -> loop.Trial:
        real(self, steps, stop)
        return loop.Trial(self, *next(told))

    monkeypatch.setattr(loop.Training, "trial", trial)


@pytest.mark.parametrize(
    ("seconds", "losses", "expected"),
    [
        ([1, 2], [1, 1], "float32"),
        ([2, 1], [1, 1.05], "mixed_bfloat16"),
        ([2, 1], [1, 1.2], "float32"),
        ([2, 1], [1, math.nan], "float32"),
        ([2, 1], [math.nan, math.nan], "float32"),
    ],
)
def test_auto_takes_the_faster_precision_if_the_losses_agree(
    seconds: list[float],
    losses: list[float],
    expected: str,
    digits: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell(monkeypatch, seconds, losses)
    chosen = run(RICH.changed(precision="auto", epochs=1), digits)
    assert chosen.trained.precision == expected
    # The trial has left nothing behind but its time.
    alone = run(RICH.changed(precision=expected, epochs=1), digits)
    assert [stage["stage"] for stage in chosen.of("stage")] == ["precision", "training"]
    assert [e for e in chosen.curves if e["kind"] != "stage"] == alone.curves
    assert_same_weights(chosen, alone)


def test_a_resumed_training_keeps_the_precision_that_was_taken(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, [2, 1], [1, 1])
    recipe = RICH.changed(precision="auto", epochs=2)
    whole = run(recipe, digits)
    resumed = run(recipe, digits, resume_from=whole.checkpoints[0])  # without another trial
    assert resumed.trained.precision == "mixed_bfloat16"
    assert_same_weights(resumed, whole)


def test_a_trial_measures_steps_and_their_loss(digits: Dataset) -> None:
    learned = Batches(PLAIN, digits.train)
    started = loop.Training(
        PLAIN, learned, digits.validation, lambda event: None, Checkpoint(), None
    )
    trial = started.trial(6, lambda: False)
    assert 0 < trial.seconds < 5
    assert 1 < trial.loss < 3


def test_a_stop_during_the_trial_ends_it_and_nothing_is_taken(digits: Dataset) -> None:
    asked = iter([True] * 100)
    told: list[Event] = []
    recipe = PLAIN.changed(precision="auto")
    with pytest.raises(training.StoppedError):
        training.train(recipe, digits, told.append, stop=lambda: next(asked))
    assert 100 - len(list(asked)) == 3  # one step of each precision
    assert [event["stage"] for event in told] == ["precision"]


# --- a GPU, of which there is none here: XLA compiles for the processor instead ----------------

CONVOLUTIONS = RICH.changed(
    layers=[
        {"kind": "conv", "filters": 4, "kernel": 5, "activation": "linear"},
        {"kind": "pool"},
        {"kind": "batch_norm", "activation": "relu"},
        {"kind": "dropout", "rate": 0.3},
        {"kind": "flatten"},
    ],
    precision="auto",
    epochs=2,
)
# XLA compiles this in a third of the time.
DENSE = PLAIN.changed(precision="auto")


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "gpu", lambda: "NVIDIA T4")


def test_a_training_that_xla_compiled_repeats_resumes_and_learns(
    with_gpu: None, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, [20, 19, 9], [1, 1, 1])  # seconds of a step: it is long enough to compile
    recipe = CONVOLUTIONS.changed(epochs=6)
    whole = run(recipe, digits)
    assert (whole.trained.precision, whole.trained.xla) == ("mixed_bfloat16", True)
    assert whole.trained.gpu == "NVIDIA T4"
    # From the first step, to which the trial must have come back, and from a later one.
    untried = Checkpoint(precision="mixed_bfloat16", xla=True)
    for checkpoint in (untried, whole.checkpoints[0]):
        again = run(recipe, digits, resume_from=checkpoint)
        assert again.trained.xla
        assert_same_weights(again, whole)
    losses = [event["validation_loss"] for event in whole.of("epoch")]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("seconds", "losses", "xla"),
    [
        ([20, 30, 9], [1, 1, 1.05], True),
        ([20, 30, 21], [1, 1, 1], False),
        ([20, 30, 9], [1, 1, 2], False),
        ([0.2, 0.3], [1, 1], False),  # ended before XLA has compiled
    ],
)
def test_on_a_gpu_xla_is_taken_where_it_wins(
    with_gpu: None,
    seconds: list[float],
    losses: list[float],
    xla: bool,
    digits: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell(monkeypatch, seconds, losses)
    trained = run(DENSE, digits, stop_after=8 + 12 * len(seconds)).trained
    assert (trained.precision, trained.xla) == ("float32", xla)


def test_where_xla_fails_the_training_goes_on_without_it(
    with_gpu: None, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, [20, 19], [1, 1])
    real = learner.Learner._train_step

    def fails(self: Any, *given: tf.Tensor) -> None:
        if len(given) == 2:  # a plan: the batch is made within the step
            raise tf.errors.InternalError(None, None, "libdevice not found")
        real(self, *given)

    monkeypatch.setattr(learner.Learner, "_train_step", fails)
    found = run(DENSE.changed(epochs=1), digits).trained
    assert (found.precision, found.xla, found.epochs) == ("mixed_bfloat16", False, 1)


def test_a_stop_is_heard_before_xla_is_tried(
    with_gpu: None, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, [20, 19], [1, 1])  # a third trial would find nothing to tell
    with pytest.raises(training.StoppedError):
        training.train(DENSE, digits, lambda event: None, stop=lambda: True)


def test_a_training_of_another_machines_gpu_goes_on_without_xla(
    with_gpu: None, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Checkpoint(precision="float32", xla=True)
    recipe = DENSE.changed(epochs=4)
    whole = run(recipe, digits, resume_from=begun)
    monkeypatch.setattr(loop, "gpu", lambda: "")
    resumed = run(recipe, digits, resume_from=whole.checkpoints[0])
    assert (whole.trained.xla, resumed.trained.xla) == (True, False)
    assert not resumed.checkpoints[-1].xla
    first, last = (outcome.of("epoch")[-1]["validation_loss"] for outcome in (whole, resumed))
    assert last == pytest.approx(first, rel=0.3)  # other random numbers, the same learning
