"""Whether a network learned more than guessing gives."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from made_up import metrics as made_up_metrics

from digitcore.analysis import outcome
from digitcore.analysis.classification import wilson
from digitcore.recipes import Recipe
from digitcore.runs import Metrics
from digitcore.runs.metrics import from_dict


def reached(test: int, of_test: int, validation: int, of_validation: int) -> Metrics:
    """Made-up metrics of a run with so many correct answers."""
    values: dict[str, Any] = {}
    for name, right, total in (
        ("test", test, of_test),
        ("validation", validation, of_validation),
    ):
        values |= {f"{name}_accuracy": right / total, f"{name}_interval": wilson(right, total)}
    return from_dict(made_up_metrics(**values))


@pytest.mark.parametrize(
    ("test", "validation", "expected"),
    [
        (980, 287, "learned nothing"),
        (1135, 340, "learned nothing"),  # always "1", MNIST's most frequent class
        (1500, 440, "hardly better than guessing"),
        (1880, 560, "hardly better than guessing"),
        (2100, 620, "learned"),
        (9900, 2970, "learned"),
    ],
)
def test_ten_classes(test: int, validation: int, expected: str) -> None:
    metrics = reached(test, 10_000, validation, 3_000)
    assert outcome.of_metrics(metrics, 10) == expected
    poor = expected != "learned"
    assert outcome.is_hardly_better_than_guessing(metrics, 10) == poor


def test_few_images_prove_little_and_the_other_split_may_prove_more() -> None:
    few = reached(7, 20, 3, 10)
    assert outcome.of_metrics(few, 10) == "hardly better than guessing"
    assert outcome.of_metrics(reached(8_500, 10_000, 1, 2), 10) == "learned"
    assert outcome.of_metrics(reached(19, 20, 10, 10), 10) == "learned"


@pytest.mark.parametrize(("classes", "least"), [(2, 0.55), (10, 0.19), (26, 2 / 26), (47, 2 / 47)])
def test_what_is_hardly_better_follows_the_number_of_classes(classes: int, least: float) -> None:
    assert outcome.least_useful(classes) == pytest.approx(least)
    assert outcome.judged(least + 0.001, classes) == "learned"
    assert outcome.judged(1 / classes, classes) == "learned nothing"
    with pytest.raises(ValueError, match="one class or more"):
        outcome.guessing(0)


FAST = Recipe.load("fast")


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"learning_rate": 10}, "10,000 times Adam's usual 0.001: lower it"),
        ({"learning_rate": 0.1, "optimizer": "sgd"}, "10 times SGD's usual 0.01: lower it"),
        ({"learning_rate": 1e-5, "optimizer": "sgd"}, "1/1,000 of SGD's usual 0.01: raise it"),
        ({"ema_decay": 0.9999}, "over 10,000 steps, and it made 626 at most: lower the EMA decay"),
        ({"label_smoothing": 0.5}, "Try it with less: label smoothing 0.5"),
        ({"epochs": 1, "epoch_images": 1000}, "It made 8 steps at most: train for more epochs"),
        # A rate that the recipe is shipped with is no reason, though 10 times the usual one.
        ({}, "Try another learning rate (Adam's usual one is 0.001) or another seed"),
    ],
)
def test_it_says_what_to_change(changes: dict[str, Any], advice: str) -> None:
    nothing = reached(1135, 10_000, 340, 3_000)
    said = outcome.explained(nothing, FAST.changed(**changes))
    assert said.startswith(
        "It learned nothing: 11.33 % (10.25–12.52) on validation is no better than guessing (10 %)."
    )
    assert advice in said


def test_a_run_that_was_stopped_in_its_first_epoch_is_told_to_train_on() -> None:
    nothing = dataclasses.replace(reached(1135, 10_000, 340, 3_000), best_epoch=0)
    said = outcome.explained(nothing, FAST.changed(learning_rate=10))
    assert said.endswith("(10 %). No epoch had ended: let it train on.")


def test_it_says_nothing_of_a_run_that_learned() -> None:
    assert (
        outcome.explained(reached(9900, 10_000, 2970, 3_000), FAST.changed(learning_rate=10)) == ""
    )
    hardly = outcome.explained(reached(1500, 10_000, 450, 3_000), FAST)
    assert hardly.startswith(
        "It learned hardly anything: 15.00 % (13.77–16.32) on validation, and guessing"
    )
