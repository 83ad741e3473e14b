"""What a training tells while it runs is plain, complete and true."""

from __future__ import annotations

import itertools
import math
import statistics
from typing import Any

import keras
import numpy as np
import pytest
from made_up import PLAIN
from training.outcome import Outcome, run

from digitcore import training
from digitcore.datasets import Dataset
from digitcore.training import loop
from digitcore.training.batches import Batches


def test_events_have_their_keys(rich: Outcome) -> None:
    step = {"kind", "step", "epoch", "loss", "accuracy", "time"}
    assert set(rich.events[0]) == {"kind", "step", "steps", "steps_per_epoch", "time"}
    for event in rich.of("batch"):
        assert set(event) == {*step, "images_per_second", "seconds"}
    for event in rich.of("epoch"):
        more = {"learning_rate", "best", "seconds"}
        of_validation = {"validation_loss", "validation_accuracy", "validation_images"}
        assert set(event) == step | of_validation | more
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
    monkeypatch.setattr(loop, "EVENTS_PER_EPOCH", 3)
    outcome = run(PLAIN.changed(epochs=1), digits)
    # Every third step of seven, and the last.
    assert [event["step"] for event in outcome.of("batch")] == [3, 6, 7]
    mean = np.average([e["loss"] for e in outcome.of("batch")], weights=[150, 150, 30])
    assert outcome.of("epoch")[0]["loss"] == pytest.approx(mean, abs=1e-4)


def test_the_first_batch_events_are_computed_right(plain: Outcome, digits: Dataset) -> None:
    keras.utils.set_random_seed(PLAIN.seed)
    untrained = loop.network.build(PLAIN)
    images, labels, _ = next(iter(Batches(PLAIN, digits.train).steps()))
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


def test_compilation_is_a_part_of_the_fit_and_told_apart(plain: Outcome) -> None:
    first, *others = plain.of("batch")
    assert 0 < plain.trained.compilation_seconds <= first["seconds"]
    # Building the graph takes longer than any step of it.
    apart = [b["seconds"] - a["seconds"] for a, b in itertools.pairwise([first, *others])]
    assert plain.trained.compilation_seconds > statistics.median(apart)


def test_the_epoch_events_tell_the_rate(digits: Dataset) -> None:
    recipe = PLAIN.changed(epochs=3, schedule="step", step_epochs=1, step_factor=0.5)
    told = [event["learning_rate"] for event in run(recipe, digits).of("epoch")]
    # With the epoch's last step, which Keras still counts to it.
    assert told == pytest.approx([0.005, 0.0025, 0.00125])


def test_a_training_that_diverges_says_so_and_is_never_shown_as_perfect(digits: Dataset) -> None:
    recipe = PLAIN.changed(optimizer="sgd", learning_rate=10.0, epochs=3)
    deep = [{"kind": "flatten"}, *[{"kind": "dense", "units": 64, "activation": "linear"}] * 5]
    events: list[dict[str, Any]] = []
    with pytest.raises(training.DivergedError, match="diverged"):
        training.train(recipe.changed(layers=deep), digits, events.append)
    assert all(np.isfinite(event.get("loss", 0)) for event in events)
