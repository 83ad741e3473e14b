"""What Train says of a run that waits or trains: its place in the queue, its progress, the time left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pytest
from pages_of_runs import bars, said, visit

from digitcore import files, runs
from digitcore.recipes import Recipe
from digitcore.runs import Run
from ui import live_run, run_table

pytestmark = pytest.mark.usefixtures("fresh_pages")


def test_a_waiting_run_shows_its_place_and_about_how_long_it_waits() -> None:
    recipe = Recipe.load("fast").changed(epochs=2, epoch_images=0)
    first, second, third = (runs.create(recipe) for _ in range(3))
    first.update(status="running")
    batch = {"kind": "batch", "time": 0, "epoch": 1, "loss": 1, "accuracy": 0.5, "step": 446}
    line = json.dumps({**batch, "images_per_second": 5700.0})
    (first.path / "events.jsonl").write_text(line + "\n")
    with files.lock(first.lock_path):
        # 57,000 images twice, of which 446 steps of 128 are done.
        assert "Waiting, 1st in the queue · begins in about 10 s" in bars(
            visit("train", run=second.id)
        )
        assert "Waiting, 2nd in the queue" in bars(visit("train", run=third.id))


@contextmanager
def training(**batch: float) -> Iterator[Run]:
    """A run of `fast` that trains, and has told of one batch."""
    run = runs.create(Recipe.load("fast"))
    run.update(status="running")
    told = [
        {"kind": "stage", "stage": "training"},
        {"kind": "start", "step": 0, "steps": 626, "steps_per_epoch": 313},
        {"kind": "batch", "epoch": 1, "loss": 1, "accuracy": 0.5, **batch},
    ]
    lines = [json.dumps({"time": 0, **event}) + "\n" for event in told]
    (run.path / "events.jsonl").write_text("".join(lines))
    with files.lock(run.lock_path):
        yield run


@pytest.mark.parametrize(("seconds", "pace"), [(0.2, 1.0), (29.0, 1.0), (31.0, 2.0)])
def test_a_long_training_is_drawn_anew_less_often(seconds: float, pace: float) -> None:
    with training(step=9, images_per_second=5700.0, seconds=seconds) as run:
        assert live_run.pace(run) == pace


def test_the_time_left_goes_by_the_last_steps_and_not_by_the_slow_first_one() -> None:
    with training(step=313, images_per_second=10_000.0, seconds=99.0) as run:
        # 80,000 images in two epochs, of which 313 steps of 128 are done.
        assert "Epoch 1 of 2 · 50 % · 4 s left" in bars(visit("train", run=run.id))


def test_an_accuracy_of_few_images_has_its_interval_while_the_run_trains() -> None:
    epoch = {"kind": "epoch", "time": 0, "step": 313, "epoch": 1, "loss": 1, "accuracy": 0.5}
    epoch |= {"validation_loss": 0.1, "validation_accuracy": 0.97, "learning_rate": 0.01}
    with training(step=313, images_per_second=10_000.0, seconds=9.0) as run:
        with open(run.path / "events.jsonl", "a") as log:
            log.write(json.dumps({**epoch, "best": True, "validation_images": 400}) + "\n")
        assert "**97.00 % (94.83–98.28)** validation" in said(visit("train", run=run.id))
        row = run_table.row(run, run.state)
    assert (row["validation"], row["validation_interval"]) == (97.0, "94.83–98.28")


def test_a_window_of_400_pixels_shows_a_runs_name_and_both_accuracies() -> None:
    names = pd.Series([f"{name[: run_table.LETTERS]} · 31e8" for name in Recipe.names()])
    columns = {**run_table.COLUMNS, "name": run_table.text_column("Name", names)}
    shown = list(columns)[:4]
    assert shown == ["dot", "name", "validation", "test"]
    # 33 for the box that selects; of a number's right edge 9 pixels are empty.
    assert 33 + sum(columns[name]["width"] for name in shown) - 9 <= 400 - 2 * 16 - 2


def test_runs_says_what_came_of_a_failed_training_and_all_rows_have_one_scale(
    finished: str,
) -> None:
    run = runs.load(finished)  # it has learned noise
    told = run_table.row(run, run.state)
    assert told["note"].startswith("It learned nothing: ")
    scale = run_table.COLUMNS["by_epoch"]["type_config"]
    assert (scale["y_min"], scale["y_max"]) == (0, 100)
