"""How long trainings take, and how long a queued one waits for them."""

from __future__ import annotations

import json

import pytest
from test_queue import RECIPE, end, set_state

from digitcore import files, runs
from digitcore.jobs import estimates
from digitcore.runs import Run


@pytest.fixture
def run() -> Run:
    return runs.create(RECIPE)


def told(run: Run, *steps: int, speed: float = 1000.0) -> None:
    batch = {"kind": "batch", "time": 0, "epoch": 1, "loss": 1, "accuracy": 0.5}
    lines = [json.dumps({**batch, "step": step, "images_per_second": speed}) for step in steps]
    (run.path / "events.jsonl").write_text("\n".join(lines) + "\n")


def test_the_wait_is_what_those_ahead_still_need(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPE.changed(training_images=20_000, validation_split=0.1, batch_size=100)
    first, second, third = (runs.create(recipe) for _ in range(3))
    assert estimates.wait_seconds(first) == 0
    assert estimates.wait_seconds(second) is None, "nothing tells how fast this network is"
    set_state(first, status="running")
    with files.lock(first.lock_path):
        told(first, 1, 2, 270)  # of 540 steps, so 27 of 54 seconds are left
        assert estimates.ahead(third) == [first, second]
        assert estimates.seconds_left(first) == pytest.approx(27)
        assert estimates.wait_seconds(second) == pytest.approx(27)
        assert estimates.wait_seconds(third) is None
        done = runs.create(recipe)
        end(done, epochs=3, images_per_second=2000.0, fit_seconds=27.0)
        assert estimates.wait_seconds(third) == pytest.approx(27 + 27)
        monkeypatch.setenv("DIGITCORE_WORKERS", "2")
        assert estimates.wait_seconds(second) == 0
        assert estimates.wait_seconds(third) == pytest.approx(27)


def test_time_left_goes_by_the_steps_of_the_digits_that_are_there(run: Run) -> None:
    set_state(run, status="running")
    told(run, 1, 2, 5)
    start = {"kind": "start", "time": 0, "step": 0, "steps": 30, "steps_per_epoch": 10}
    file = run.path / "events.jsonl"
    file.write_text(json.dumps(start) + "\n" + file.read_text())
    left = (10 * RECIPE.epochs - 5) * RECIPE.batch_size / 1000
    assert estimates.seconds_left(run) == pytest.approx(left)


def test_only_a_long_training_of_the_same_network_tells_a_speed(run: Run) -> None:
    end(run, epochs=3, images_per_second=2000.0, fit_seconds=81.0)
    assert estimates.images_per_second(RECIPE.changed(epochs=9, learning_rate=0.01)) == 2000
    assert estimates.images_per_second(RECIPE.changed(batch_size=7)) is None
    end_short = runs.create(RECIPE.changed(batch_size=7, training_images=1000))
    end(end_short, epochs=1, images_per_second=2000.0, fit_seconds=0.4)
    assert estimates.images_per_second(RECIPE.changed(batch_size=7)) is None


def test_a_run_that_came_with_the_project_tells_nothing_of_this_machine(run: Run) -> None:
    end(run, epochs=3, images_per_second=2000.0, fit_seconds=81.0)
    run.update(turn=0)
    assert estimates.images_per_second(RECIPE) is None
