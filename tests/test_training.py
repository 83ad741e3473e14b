"""Training itself, on a few hundred small digits: repeatable, resumable, stoppable, and honest."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_up import PLAIN, RICH

from digitcore import training
from digitcore.analysis import classification
from digitcore.datasets import DataError, Dataset, Split, load_dataset
from digitcore.drawing import synthetic
from digitcore.recipes import Recipe
from digitcore.runs.events import Event
from digitcore.training import loop
from digitcore.training.batches import Batches
from digitcore.training.state import Checkpoint
from digitcore.training.trainer import Trained


@pytest.fixture(scope="module", autouse=True)
def deterministic_operations() -> Any:
    """As in the worker: bits are compared below. It cannot be undone, and harms no other test."""
    tf.config.experimental.enable_op_determinism()


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """330 training and 70 validation images of scikit-learn's; the test split must not be read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DIGITCORE_DATA_DIR", raising=False)
        patch.setenv("XDG_CACHE_HOME", "/nowhere")
        patch.setenv("KERAS_HOME", "/nowhere")
        found = load_dataset(training_images=400, validation_split=0.175, download=False)
    assert (len(found.train), len(found.validation)) == (330, 70)
    return dataclasses.replace(found, test=Untouchable())


class Untouchable:
    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the test split was read: {name}")

    def __len__(self) -> int:
        raise AssertionError("the test split was counted")


class Outcome(NamedTuple):
    trained: Trained
    events: list[Event]
    checkpoints: list[Checkpoint]

    @property
    def weights(self) -> list[np.ndarray]:
        return self.trained.model.get_weights()

    @property
    def curves(self) -> list[dict[str, Any]]:
        """The events without what a clock gives."""
        clocks = ("time", "images_per_second", "seconds")
        return [{k: v for k, v in event.items() if k not in clocks} for event in self.events]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["kind"] == kind]


def run(
    recipe: Recipe,
    dataset: Dataset,
    *,
    stop_when: Callable[[Event], bool] = lambda event: False,
    stop_after: int | None = None,
    save_seconds: float = 1000.0,
    resume_from: Checkpoint | None = None,
) -> Outcome:
    events: list[Event] = []
    checkpoints: list[Checkpoint] = []

    def report(event: Event) -> bool:
        events.append(event)
        return stop_when(event)

    steps = itertools.count(1)

    trained = training.train(
        recipe,
        dataset,
        report,
        stop=lambda: next(steps) == stop_after,
        save_seconds=save_seconds,
        save=lambda checkpoint: checkpoints.append(copy.deepcopy(checkpoint)),
        resume_from=resume_from,
    )
    return Outcome(trained, events, checkpoints)


def assert_same_weights(one: Outcome, other: Outcome) -> None:
    for left, right in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture(scope="module")
def plain(digits: Dataset) -> Outcome:
    return run(PLAIN, digits)


@pytest.fixture(scope="module")
def rich(digits: Dataset) -> Outcome:
    return run(RICH, digits)


# --- the same again ----------------------------------------------------------


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
    checkpoint.fit_seconds, checkpoint.preparation_seconds = 1000.0, 100.0
    resumed = run(PLAIN, digits, resume_from=checkpoint).trained
    assert 1000 < resumed.fit_seconds < 1500
    assert 100 < resumed.preparation_seconds < 600


def test_a_checkpoint_of_another_network_is_refused(rich: Outcome, digits: Dataset) -> None:
    with pytest.raises(ValueError, match=r"must have .* arrays. Received: "):
        run(PLAIN.changed(epochs=3), digits, resume_from=copy.deepcopy(rich.checkpoints[0]))


# --- stopping ----------------------------------------------------------------


def test_a_stop_in_the_second_epoch_ends_it_there_and_keeps_the_best(digits: Dataset) -> None:
    recipe = PLAIN.changed(epochs=50)
    outcome = run(recipe, digits, stop_when=lambda e: e["kind"] == "batch" and e["step"] == 9)
    assert outcome.trained.stopped
    assert outcome.trained.epochs == 2
    assert [event["step"] for event in outcome.of("batch")] == list(range(1, 10))
    assert outcome.trained.model(digits.validation.images).shape == (70, 10)
    places = [(kept.epoch, kept.batch, kept.step) for kept in outcome.checkpoints]
    assert places == [(1, 0, 7), (1, 2, 9)]
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


def test_more_epochs_are_as_if_they_had_been_asked_for_at_once(
    plain: Outcome, digits: Dataset
) -> None:
    longer = PLAIN.changed(epochs=4)
    further = run(longer, digits, resume_from=copy.deepcopy(plain.checkpoints[-1]))
    whole = run(longer, digits)
    assert plain.curves[1:] + further.curves[1:] == whole.curves[1:]
    assert_same_weights(further, whole)


def test_early_stopping_ends_after_epochs_without_a_better_one(digits: Dataset) -> None:
    # So small a rate changes no answer, and so makes no epoch better than the first.
    recipe = PLAIN.changed(epochs=20, learning_rate=1e-12, early_stopping=2)
    outcome = run(recipe, digits)
    assert outcome.trained.epochs < 20
    assert outcome.trained.epochs - outcome.trained.best_epoch == 2
    assert not outcome.trained.stopped


# --- events ------------------------------------------------------------------


def test_events_have_their_keys(rich: Outcome) -> None:
    step = {"kind", "step", "epoch", "loss", "accuracy", "time"}
    assert set(rich.events[0]) == {"kind", "step", "steps", "steps_per_epoch", "time"}
    for event in rich.of("batch"):
        assert set(event) == {*step, "images_per_second", "seconds"}
    for event in rich.of("epoch"):
        more = {"validation_loss", "validation_accuracy", "learning_rate", "best", "seconds"}
        assert set(event) == step | more
    assert [event["kind"] for event in rich.events] == ["start", *(["batch"] * 7 + ["epoch"]) * 3]


def test_events_hold_plain_finite_values(rich: Outcome) -> None:
    for event in rich.events:
        for key, value in event.items():
            assert type(value) in (int, float, str, bool), key
            assert isinstance(value, str) or math.isfinite(value)


def test_steps_and_times_go_up(rich: Outcome) -> None:
    assert [event["step"] for event in rich.of("batch")] == list(range(1, 22))
    times = [event["time"] for event in rich.events]
    assert times == sorted(times)


def test_an_epochs_means_are_those_of_its_batches(rich: Outcome) -> None:
    images = [50] * 6 + [30]
    for epoch in rich.of("epoch"):
        batches = [event for event in rich.of("batch") if event["epoch"] == epoch["epoch"]]
        for key in ("loss", "accuracy"):
            mean = np.average([event[key] for event in batches], weights=images)
            assert epoch[key] == pytest.approx(mean, abs=1e-4)


def test_a_long_epoch_tells_of_some_steps_only_and_of_all_images(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "EVENTS_AN_EPOCH", 3)
    outcome = run(PLAIN.changed(epochs=1), digits)
    # Every third step of seven, and the last.
    assert [event["step"] for event in outcome.of("batch")] == [3, 6, 7]
    mean = np.average([e["loss"] for e in outcome.of("batch")], weights=[150, 150, 30])
    assert outcome.of("epoch")[0]["loss"] == pytest.approx(mean, abs=1e-4)


def test_the_first_batch_events_are_computed_right(plain: Outcome, digits: Dataset) -> None:
    keras.utils.set_random_seed(PLAIN.seed)
    untrained = loop.network.build(PLAIN)
    images, labels = next(iter(Batches(PLAIN, digits.train).steps()))
    probabilities = untrained(images).numpy()
    right = labels.numpy().astype(bool)
    first = plain.of("batch")[0]
    assert first["loss"] == pytest.approx(-np.log(probabilities[right]).mean(), abs=1e-4)
    assert first["accuracy"] == pytest.approx(
        (probabilities.argmax(axis=1) == right.argmax(axis=1)).mean(), abs=1e-6
    )


def test_speed_counts_training_images(plain: Outcome) -> None:
    last = plain.checkpoints[-1]
    assert last.images == 2 * 330
    assert plain.trained.images_per_second == pytest.approx(660 / last.training_seconds)
    assert last.training_seconds < plain.trained.fit_seconds


def test_the_seconds_of_preparing_are_a_part_of_the_fit_and_told_apart(plain: Outcome) -> None:
    first, *others = plain.of("batch")
    assert 0 < plain.trained.preparation_seconds <= first["seconds"]
    # Building the graph takes longer than any step of it.
    apart = [b["seconds"] - a["seconds"] for a, b in itertools.pairwise([first, *others])]
    assert plain.trained.preparation_seconds > statistics.median(apart)


# --- the best epoch ----------------------------------------------------------


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


# --- precision ------------------------------------------------------------------


def tell(monkeypatch: pytest.MonkeyPatch, seconds: list[float], losses: list[float]) -> None:
    """Lets the trials of float32 and bfloat16 end with these."""
    real, told = loop.Training.tried, iter(zip(seconds, losses, strict=True))

    def tried(self: Any, steps: int, stop: Callable[[], bool]) -> loop.Trial:
        real(self, steps, stop)
        return loop.Trial(self, *next(told))

    monkeypatch.setattr(loop.Training, "tried", tried)


@pytest.mark.parametrize(
    ("seconds", "losses", "taken"),
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
    taken: str,
    digits: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell(monkeypatch, seconds, losses)
    chosen = run(RICH.changed(precision="auto", epochs=1), digits)
    assert chosen.trained.precision == taken
    # The trial has left nothing behind but its time.
    asked = run(RICH.changed(precision=taken, epochs=1), digits)
    assert [stage["stage"] for stage in chosen.of("stage")] == ["precision", "training"]
    assert [e for e in chosen.curves if e["kind"] != "stage"] == asked.curves
    assert_same_weights(chosen, asked)


def test_a_resumed_training_keeps_the_precision_that_was_taken(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, [2, 1], [1, 1])
    recipe = RICH.changed(precision="auto", epochs=2)
    whole = run(recipe, digits)
    resumed = run(recipe, digits, resume_from=whole.checkpoints[0])  # without another trial
    assert resumed.trained.precision == "mixed_bfloat16"
    assert_same_weights(resumed, whole)


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
    trained = run(CONVOLUTIONS, digits, stop_after=8 + 12 * len(seconds)).trained
    assert (trained.precision, trained.xla) == ("float32", xla)


def test_where_xla_fails_the_training_goes_on_without_it(
    with_gpu: None, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, [20, 19], [1, 1])
    real = loop.Training._train_step

    def fails(self: Any, *given: tf.Tensor) -> None:
        if self.now.xla:
            raise tf.errors.InternalError(None, None, "libdevice not found")
        real(self, *given)

    monkeypatch.setattr(loop.Training, "_train_step", fails)
    found = run(CONVOLUTIONS.changed(epochs=1), digits).trained
    assert (found.precision, found.xla, found.epochs) == ("mixed_bfloat16", False, 1)


def test_a_stop_is_heard_before_xla_is_tried(
    with_gpu: None, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, [20, 19], [1, 1])  # a third trial would find nothing to tell
    with pytest.raises(training.StoppedError):
        training.train(CONVOLUTIONS, digits, lambda event: None, stop=lambda: True)


def test_a_training_of_another_machines_gpu_goes_on_without_xla(
    with_gpu: None, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Checkpoint(precision="float32", xla=True)
    recipe = CONVOLUTIONS.changed(epochs=4)
    whole = run(recipe, digits, resume_from=begun)
    monkeypatch.setattr(loop, "gpu", lambda: "")
    resumed = run(recipe, digits, resume_from=whole.checkpoints[0])
    assert (whole.trained.xla, resumed.trained.xla) == (True, False)
    assert not resumed.checkpoints[-1].xla
    first, last = (outcome.of("epoch")[-1]["validation_loss"] for outcome in (whole, resumed))
    assert last == pytest.approx(first, rel=0.3)  # other random numbers, the same learning


def test_a_trial_measures_steps_and_their_loss(digits: Dataset) -> None:
    learned = Batches(PLAIN, digits.train)
    started = loop.Training(
        PLAIN, learned, digits.validation, lambda event: None, Checkpoint(), None
    )
    trial = started.tried(6, lambda: False)
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


def test_a_training_goes_on_with_the_digits_that_it_began_with_alone(digits: Dataset) -> None:
    checkpoint = run(PLAIN, digits).checkpoints[0]
    assert checkpoint.data_checksum == digits.checksum
    others = dataclasses.replace(digits, checksum="others")
    with pytest.raises(DataError, match="goes on with the digits that it began with"):
        run(PLAIN, others, resume_from=checkpoint)


# --- learning rate, optimizer, regularisation ---------------------------------


def test_the_epoch_events_tell_the_rate(digits: Dataset) -> None:
    recipe = PLAIN.changed(epochs=3, schedule="step", step_epochs=1, step_factor=0.5)
    told = [event["learning_rate"] for event in run(recipe, digits).of("epoch")]
    # With the epoch's last step, which Keras still counts to it.
    assert told == pytest.approx([0.005, 0.0025, 0.00125])


def test_label_smoothing_raises_the_loss_that_is_trained_on(
    plain: Outcome, digits: Dataset
) -> None:
    smooth = run(PLAIN.changed(label_smoothing=0.3, epochs=4), digits)
    sharp = run(PLAIN.changed(epochs=4), digits)
    assert smooth.of("epoch")[-1]["loss"] > sharp.of("epoch")[-1]["loss"]
    # Smoothed labels leave an entropy that no network can go below.
    shares = np.array([0.73, *[0.03] * 9])
    assert smooth.of("epoch")[-1]["loss"] > -(shares * np.log(shares)).sum()


# --- a teacher ----------------------------------------------------------------


BRIGHT = 42


def of_the_mean(images: np.ndarray) -> np.ndarray:
    """Sees sevens in bright images, and is quite sure."""
    bright = images.mean(axis=(1, 2)) > BRIGHT
    return np.where(bright[:, None], [0.001] * 7 + [0.991] + [0.001] * 2, [0.1] * 10)


def test_what_a_teacher_says_of_the_digits_is_learned(plain: Outcome, digits: Dataset) -> None:
    recipe = PLAIN.changed(distillation=0.5, epochs=8)
    told: list[Any] = []
    taught = training.train(recipe, digits, told.append, teacher=of_the_mean).model
    alone = training.train(recipe.changed(distillation=0), digits, told.append).model
    bright = digits.validation.images.mean(axis=(1, 2)) > BRIGHT
    assert 10 < bright.sum() < 60
    sevens = [
        np.mean(network.predict(digits.validation.images[bright], verbose=0)[:, 7])
        for network in (taught, alone)
    ]
    assert sevens[0] > sevens[1] + 0.05
    assert [e["stage"] for e in told if e["kind"] == "stage"] == ["teacher", "training"]


def test_distilling_without_a_teacher_or_until_a_stop_trains_nothing(digits: Dataset) -> None:
    recipe = PLAIN.changed(distillation=0.1)
    with pytest.raises(ValueError, match="takes a teacher"):
        training.train(recipe, digits, lambda event: None)
    with pytest.raises(training.StoppedError):
        training.train(recipe, digits, lambda event: None, stop=lambda: True, teacher=of_the_mean)


# --- averaged weights ---------------------------------------------------------


def test_the_average_is_the_moving_mean_of_the_weights_after_each_step(digits: Dataset) -> None:
    recipe = PLAIN.changed(ema_decay=0.8, epochs=2)
    outcome = run(recipe, digits, save_seconds=0)
    assert len(outcome.checkpoints) == 14
    steps = [checkpoint.variables[0] for checkpoint in outcome.checkpoints]
    average = steps[0]
    for number, weight in enumerate(steps, start=1):
        kept = min(0.8, number / (number + 9))
        average = (
            kept * average + (1 - kept) * weight
            if number > 1
            else outcome.checkpoints[0].averages[0]
        )
        found = outcome.checkpoints[number - 1].averages[0]
        np.testing.assert_allclose(found, average, atol=1e-6)
    assert np.abs(average - steps[-1]).max() > 1e-3


def test_the_average_is_what_is_validated_and_kept(digits: Dataset) -> None:
    outcome = run(PLAIN.changed(ema_decay=0.8, epochs=1), digits)
    end = outcome.checkpoints[-1]
    for kept, average in zip(outcome.weights, end.averages, strict=True):
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


def test_a_training_that_diverges_says_so_and_is_never_shown_as_perfect(digits: Dataset) -> None:
    recipe = PLAIN.changed(optimizer="sgd", learning_rate=10.0, epochs=3)
    deep = [{"kind": "flatten"}, *[{"kind": "dense", "units": 64, "activation": "linear"}] * 5]
    events: list[dict[str, Any]] = []
    with pytest.raises(training.DivergedError, match="diverged"):
        training.train(recipe.changed(layers=deep), digits, events.append)
    assert all(np.isfinite(event.get("loss", 0)) for event in events)


def test_resuming_what_early_stopping_ended_trains_no_more(digits: Dataset) -> None:
    recipe = PLAIN.changed(epochs=8, early_stopping=1, learning_rate=1e-12, optimizer="sgd")
    kept: list[Checkpoint] = []
    whole = training.train(
        recipe, digits, lambda event: None, save=lambda c: kept.append(copy.deepcopy(c))
    )
    assert whole.epochs < 8
    again = training.train(recipe, digits, lambda event: None, resume_from=kept[-1])
    assert (again.epochs, again.best_epoch) == (whole.epochs, whole.best_epoch)


def test_a_training_stopped_while_it_validates_goes_on_to_the_same_end(
    rich: Outcome, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_VALIDATION_BATCH", len(digits.validation) // 3)
    whole = run(RICH, digits)
    steps = len(whole.of("batch")) // RICH.epochs
    # Asked after each step, and within the epoch's end once more.
    first = run(RICH, digits, stop_after=steps)
    assert first.trained.stopped
    assert first.of("epoch") == []
    assert (first.checkpoints[-1].epoch, first.checkpoints[-1].batch) == (0, steps)
    rest = run(RICH, digits, resume_from=first.checkpoints[-1])
    assert_same_weights(rest, whole)


# --- what the project writes itself -------------------------------------------


def test_a_stop_while_digits_are_written_is_heard_at_once(digits: Dataset) -> None:
    asked = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 3

    with pytest.raises(training.StoppedError):
        training.train(
            PLAIN.changed(synthetic_digits=100_000), digits, lambda event: None, stop=stop
        )
    assert len(asked) == 4


def test_written_digits_are_learned_as_well_and_change_the_weights(digits: Dataset) -> None:
    written = run(PLAIN.changed(epochs=1, synthetic_digits=100, synthetic_outliers=70), digits)
    assert [event["stage"] for event in written.of("stage")] == ["writing", "training"]
    steps = -(-(330 + 170) // PLAIN.batch_size)
    assert written.of("start")[0]["steps"] == steps
    assert written.of("batch")[-1]["step"] == steps
    alone = run(PLAIN.changed(epochs=1, synthetic_digits=100), digits)
    assert any(
        (left != right).any() for left, right in zip(written.weights, alone.weights, strict=True)
    )


def test_a_training_begins_with_the_weights_it_is_given(digits: Dataset) -> None:
    first = run(PLAIN.changed(epochs=1), digits)
    # Steps so small that nothing changes.
    still = PLAIN.changed(epochs=1, optimizer="sgd", learning_rate=1e-30, momentum=0)
    again = training.train(still, digits, lambda event: None, weights=first.weights)
    for left, right in zip(first.weights, again.model.get_weights(), strict=True):
        np.testing.assert_allclose(left, right)
    with pytest.raises(ValueError, match=r"must have .* arrays. Received: "):
        training.train(still, digits, lambda event: None, weights=first.weights[1:])


def test_what_is_taught_is_learned_in_every_epoch(digits: Dataset) -> None:
    recipe = PLAIN.changed(epochs=10, epoch_images=100)
    upside_down = Split(digits.validation.images[:20, ::-1], digits.validation.labels[:20])
    told: list[Any] = []
    taught = training.train(recipe, digits, told.append, taught=upside_down)
    assert told[0]["steps_per_epoch"] == -(-120 // recipe.batch_size)
    alone = training.train(recipe, digits, lambda event: None)
    losses = [
        classification.log_loss(
            one.model.predict(upside_down.images, verbose=0), upside_down.labels
        )
        for one in (taught, alone)
    ]
    assert losses[0] < 0.8 * losses[1]


def test_losses_and_accuracies_are_of_digits_alone() -> None:
    labels = tf.constant([[1.0] + [0.0] * 9, [0.1] * 10, [0.0] * 9 + [1.0]])
    answers = tf.constant([[0.9] + [0.1 / 9] * 9, [0.1] * 10, [0.9] + [0.1 / 9] * 9])
    found = loop._of_digits(tf.constant([0.5, 99.0, 2.0]), labels, answers)
    np.testing.assert_allclose(found.numpy(), [2.5, 1.0, 2.0])


def test_what_is_no_digit_is_learned_as_equally_any(digits: Dataset) -> None:
    recipe = PLAIN.changed(synthetic_outliers=200)
    extras = [Split(*synthetic.images(0, recipe.synthetic_outliers, recipe.seed))]
    steps = -(-(330 + 200) // recipe.batch_size)
    labels = np.concatenate(
        [
            y.numpy()
            for _, y in itertools.islice(Batches(recipe, digits.train, extras).steps(), steps)
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
