"""A small training, with all that it told and kept."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from digitcore import training
from digitcore.datasets import Dataset
from digitcore.recipes import Recipe
from digitcore.runs.events import Event
from digitcore.training.learner import Validated
from digitcore.training.state import Checkpoint
from digitcore.training.trainer import Trained


class Untouchable:
    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the test split was read: {name}")

    def __len__(self) -> int:
        raise AssertionError("the test split was counted")


class Outcome(NamedTuple):
    trained: Trained
    events: list[Event]
    checkpoints: list[Checkpoint]
    kept: list[tuple[int, list[np.ndarray], Validated]]

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
    kept: list[tuple[int, list[np.ndarray], Validated]] = []

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
        keep=lambda *epoch: kept.append(epoch),
    )
    return Outcome(trained, events, checkpoints, kept)


def assert_same_weights(one: Outcome, other: Outcome) -> None:
    for left, right in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(left, right)
