"""What a training starts from besides its recipe, as a file in the run's folder."""

from __future__ import annotations

import json

import pytest

from digitcore import runs
from digitcore.jobs import request
from digitcore.jobs.request import Request
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError

RECIPE = Recipe(name="small", layers=[{"kind": "flatten"}], epochs=3)
ASKED = Request("fine-tune", "a.keras", "b.json", "c.json", 0.5)


@pytest.fixture
def run() -> Run:
    return runs.create(RECIPE)


def test_a_plain_training_has_no_file_and_starts_from_random_weights(run: Run) -> None:
    assert request.read(run) == Request("train", None, None, None, 1.0)
    assert not request.is_personal(run)


def test_a_request_is_read_back_as_it_was_written(run: Run) -> None:
    request.write(run.path, ASKED)
    assert request.read(run) == ASKED
    assert request.is_personal(run)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "evaluate"},
        {"initial_weights": "../../other/model.keras"},
        {"extra_samples": "/etc/passwd"},
        {"weight_interpolation": 1.5},
        {"weight_interpolation": "most"},
    ],
)
def test_a_damaged_request_is_a_run_error_and_shown_to_nobody_unasked(
    run: Run, change: dict[str, object]
) -> None:
    request.write(run.path, ASKED)
    path = run.path / request.FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunError, match=f"{next(iter(change))}"):
        request.read(run)
    assert request.is_personal(run)
