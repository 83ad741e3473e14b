"""What `metrics.json` may say: numbers in their ranges, earlier names included, nothing odd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import made_up
import pytest

from digitcore import runs
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError, read_metrics, write_metrics

KEPT = Path(__file__).parent / "data" / "last_version"


@pytest.fixture
def run() -> Run:
    return runs.create(Recipe.load("fast"))


def say(run: Run, **odd: Any) -> None:
    (run.path / "metrics.json").write_text(json.dumps(made_up.metrics(**odd)))


def test_what_is_written_is_read_back(run: Run) -> None:
    say(run, versions={"python": "3.12"}, seconds_to_99=3.5, xla=False)
    first = run.metrics
    assert first
    assert (first.test_interval, first.xla, first.seconds_to_99) == ((0.4, 0.6), False, 3.5)
    assert (first.fine_tuning, first.data_notice) == (None, None)
    write_metrics(run.path / "metrics.json", first)
    assert run.metrics == first


def test_the_names_of_earlier_versions_are_read() -> None:
    metrics = read_metrics(KEPT / "fine-tuned" / "metrics.json")
    told = metrics.fine_tuning
    assert told
    assert (told.samples, told.held_out, told.correct_before, told.correct_after) == (6, 3, 1, 1)
    assert told.test_accuracy_before == 0.125
    assert metrics.compilation_seconds == 0.31247416199994404


def test_what_a_later_version_adds_is_passed_over(run: Run) -> None:
    say(run, of_tomorrow=[1, 2])
    assert run.metrics


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"data_notice": 1.0}, "data_notice: .*Received: 1.0"),
        ({"hand": {"taught": 1}}, "fine_tuning.held_out: Field required"),
        ({"hand": [1]}, r"fine_tuning: .*Received: \[1\]"),
        ({"test_loss": float("nan")}, "test_loss: .*finite.*Received: nan"),
        ({"fit_seconds": float("inf")}, "fit_seconds: .*finite.*Received: inf"),
        ({"fit_seconds": 10**400}, "fit_seconds: .*finite"),
        ({"images_per_second": -1}, "images_per_second: .*Received: -1"),
        ({"test_accuracy": 1.01}, "test_accuracy: .*Received: 1.01"),
        ({"epochs": True}, "epochs: .*Received: True"),
        ({"epochs": 2.5}, "epochs: .*Received: 2.5"),
        ({"test_interval": [0.1, 0.2, 0.3]}, "test_interval"),
        ({"prediction_ms": "fast"}, "prediction_ms: .*Received: 'fast'"),
        ({"versions": {"python": 3}}, "versions.python: .*Received: 3"),
        ({"parameters": None}, "parameters: .*Received: None"),
    ],
)
def test_an_odd_value_is_named(odd: dict[str, Any], told: str, run: Run) -> None:
    say(run, **odd)
    with pytest.raises(RunError, match=rf"metrics\.json of run {run.id}.*{told}"):
        run.metrics  # noqa: B018
