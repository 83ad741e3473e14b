"""Runs that are kept because of their test accuracy say so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from made_up import write_metrics

from digitcore import runs
from digitcore.__main__ import main
from digitcore.recipes import Recipe
from digitcore.runs import Run
from ui import run_table


def ended(validation: float, test: float, status: str = "finished", **others: Any) -> Run:
    run = runs.create(Recipe.load("fast"))
    (run.path / "model.tflite").write_bytes(b"network")
    accuracies = {"validation_accuracy": validation, "test_accuracy": test}
    write_metrics(run.path, **{"data_checksum": "a" * 64, **accuracies, **others})
    run.update(status=status)
    return run


def test_a_run_counts_those_that_only_test_put_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    kept = ended(0.98, 0.99)
    dropped = [ended(0.98, 0.98), ended(0.99, 0.97)]
    runs.delete(dropped)
    assert not any(run.path.exists() for run in dropped)
    assert kept.state.beaten_on_test == 2
    sentence = runs.chosen_on_test(kept.state)
    assert sentence.startswith("Chosen among 3 on test: 2 runs with a lower test accuracy deleted")
    assert sentence in run_table.row(kept, kept.state)["note"]
    assert main(["runs", kept.id]) == 0
    assert sentence in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["runs"]
    assert row["chosen_on_test"] == sentence
    runs.delete([ended(0.985, 0.98)])
    assert kept.state.beaten_on_test == 3


@pytest.mark.parametrize(
    "dropped",
    [
        {"validation": 0.97, "test": 0.98},  # validation chose
        {"validation": 0.98, "test": 0.99},  # no lower on test
        {"validation": 0.99, "test": 0.98, "data_checksum": "b" * 64},
        {"validation": 0.99, "test": 0.98, "status": "failed"},
    ],
)
def test_what_validation_decided_or_test_did_not_is_left_unremarked(
    dropped: dict[str, Any],
) -> None:
    kept = ended(0.98, 0.99)
    runs.delete([ended(**dropped)])
    assert kept.state.beaten_on_test == 0
    assert runs.chosen_on_test(kept.state) == ""
    assert run_table.row(kept, kept.state)["note"] == ""


def test_runs_that_are_deleted_together_and_the_shipped_one_count_nothing() -> None:
    shipped, better, worse = ended(0.98, 0.99), ended(0.98, 0.985), ended(0.99, 0.98)
    shipped.update(number=0)
    before = (shipped.path / "state.json").read_bytes()
    runs.delete([better, worse])
    assert (shipped.path / "state.json").read_bytes() == before


def test_a_run_that_trains_is_kept_and_what_went_before_it_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, dropped, training = ended(0.98, 0.99), ended(0.99, 0.98), ended(0.99, 0.98)

    def refuse(self: Run) -> None:
        raise runs.RunStateError("it trains")

    monkeypatch.setattr(training, "delete", refuse.__get__(training))
    with pytest.raises(runs.RunStateError):
        runs.delete([dropped, training])
    assert kept.state.beaten_on_test == 1


def test_one_that_is_beaten_is_told_in_the_singular() -> None:
    kept = ended(0.98, 0.99)
    runs.delete([ended(0.99, 0.98)])
    assert "2 on test: 1 run with" in runs.chosen_on_test(kept.state)
    assert runs.chosen_on_test(kept.state).endswith("did not rank it lower.")
