"""The pages without a browser: what they say when there is nothing, something, or something broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pages_of_runs import KEPT, bars, said, visit

from digitcore import files, runs
from digitcore.analysis import leaderboard
from digitcore.recipes import Recipe
from ui import run_table, shown_run, text

ROOT = Path(__file__).parents[1]
PAGES = ("train", "explore", "draw", "runs")
pytestmark = pytest.mark.usefixtures("fresh_pages")


@pytest.mark.parametrize("page", PAGES)
def test_without_runs_a_page_says_what_to_do_next(page: str) -> None:
    app = visit(page)
    assert not app.exception
    words = {"train": "Start", "runs": "No runs yet"}.get(page, "No trained network yet")
    assert words in said(app)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ["recipe.toml", "state.json"])
def test_a_broken_run_harms_no_page(page: str, name: str) -> None:
    run = runs.create(Recipe.load("fast"))
    (run.path / name).write_text("{ not this }")
    app = visit(page, run=run.id)
    assert not app.exception


@pytest.mark.parametrize("value", ["nonsense", "99", "-1", "", "1e400", "\0", "😀", "[1]"])
@pytest.mark.parametrize("page", PAGES)
def test_nonsense_in_an_address_is_ignored(page: str, value: str, finished: str) -> None:
    app = visit(page, run=finished, **dict.fromkeys(KEPT, value))
    assert not app.exception


def test_a_broken_run_is_shown_with_its_reason() -> None:
    run = runs.create(Recipe.load("fast"))
    (run.path / "state.json").write_text("{ not this }")
    assert "cannot be shown" in said(visit("train", run=run.id))


def test_a_run_whose_metrics_are_damaged_says_so_and_keeps_its_curves(finished: str) -> None:
    runs.load(finished).update(status="stopped")
    (runs.models_dir() / finished / "metrics.json").write_text('{"test_loss": "low"}')
    for page in PAGES:
        app = visit(page, run=finished)
        assert not app.exception
        assert "cannot be used" in said(app) + "".join(bars(app)), page
        if page == "train":
            assert "Resume" in [button.label for button in app.button]
            assert len(app.get("plotly_chart")) == 2
        if page in ("explore", "draw"):
            assert "No trained network yet" in said(app)


def test_a_run_that_failed_after_it_was_tested_shows_the_epoch_of_its_network(
    finished: str,
) -> None:
    run = runs.load(finished)
    assert run.metrics
    # What is trained on noise is no better than guessing, and no epoch of it the best.
    metrics = replace(run.metrics, validation_accuracy=0.9, validation_interval=(0.85, 0.95))
    runs.write_metrics(run.path / "metrics.json", metrics)
    epoch = {"validation_loss": 0.1, "validation_accuracy": 0.999, "learning_rate": 0.001}
    later = {"kind": "epoch", "time": 0, "step": 999, "epoch": 7, "loss": 0.1, "accuracy": 0.9}
    with open(run.path / "events.jsonl", "a") as log:
        log.write(json.dumps({**later, **epoch, "best": True, "seconds": 9.0}) + "\n")
    run.update(status="failed", message="It was killed.")
    said = [text.value for text in visit("train", run=run.id).caption]
    (numbers,) = [text for text in said if "validation · best epoch " in text]
    assert f"best epoch {metrics.best_epoch}" in numbers
    assert f"{100 * metrics.validation_accuracy:.2f}" in numbers


def test_a_finished_run_goes_on_for_more_epochs_as_a_new_one(finished: str) -> None:
    app = visit("train", run=finished)
    (epochs,) = [field for field in app.number_input if field.label == "Epochs in all"]
    assert epochs.value == 2
    app.button[[b.label for b in app.button].index("Train further")].click().run()
    assert not app.exception
    child, parent = runs.list_runs()
    assert parent.id == finished
    assert (child.state.parent, child.recipe.epochs) == (finished, 2)
    assert app.query_params["run"] in (child.id, [child.id])
    links = [link.proto.label for link in app.get("page_link")]
    assert f"Goes on from fast · {finished[-4:]}" in links
    parent.delete()
    assert "Goes on from a run that was deleted" in said(visit("train", run=child.id))


def test_a_failed_run_shows_why_and_offers_to_resume() -> None:
    run = runs.create(Recipe.load("fast"))
    run.update(status="failed", message="The disk is full.")
    app = visit("train", run=run.id)
    assert not app.exception
    assert "Resume" in [button.label for button in app.button]
    assert any("The disk is full" in bar for bar in bars(app))


def test_a_title_is_shown_as_text() -> None:
    run = runs.create(Recipe.load("fast"))
    run.rename("<b>bold</b> **bold** [link](http://x)")
    app = visit("train", run=run.id)
    (heading,) = app.subheader
    shown = r"\<b\>bold\</b\> \*\*bold\*\* \[link\]\(http\://x\)"
    assert heading.value == f"{shown} · {run.id[-4:]}"


@pytest.mark.parametrize("page", PAGES)
def test_digits_that_are_no_mnist_are_named_on_the_page(page: str, finished: str) -> None:
    assert "not MNIST" in said(visit(page, run=finished))


def test_no_page_loads_tensorflow(finished: str) -> None:
    program = f"""
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({str(ROOT / "streamlit_app.py")!r}, default_timeout=60)
app.query_params["run"] = {finished!r}
app.run()
for page in ("explore", "draw", "runs", "train"):
    app.switch_page(f"pages/{{page}}.py").run()
    assert not app.exception, app.exception
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_trains_beside_the_run_on_the_page_is_named() -> None:
    shown, other = (runs.create(Recipe.load(name)) for name in ("fast", "two-conv"))
    app = visit("train", run=shown.id)
    links = [link.proto.label for link in app.get("page_link")]
    assert f"two\\-conv · {other.id[-4:]} waits" in links
    assert other.status == "queued"


def test_the_run_that_trains_is_named_before_those_that_wait() -> None:
    trains, shown, *_ = (runs.create(Recipe.load("fast")) for _ in range(6))
    trains.update(status="running")
    with files.lock(trains.lock_path):
        app = visit("train", run=shown.id)
    links = [link.proto.label for link in app.get("page_link")]
    assert links[0] == f"fast · {trains.id[-4:]} trains"
    assert "and 2 more" in said(app)


def test_a_second_start_within_a_moment_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_run, "IMPATIENCE", 1e9)
    app = visit("train")
    for _ in range(2):
        app.button[[b.label for b in app.button].index("Start")].click().run()
    assert len(runs.list_runs()) == 1


def test_a_run_keeps_its_colour_when_another_is_deleted() -> None:
    first, second = (runs.create(Recipe.load("fast")) for _ in range(2))
    number = second.state.number
    first.delete()
    assert second.state.number == number
    assert runs.create(Recipe.load("fast")).state.number == number + 1


def test_a_run_that_is_deleted_while_it_is_listed_is_named_by_its_id(finished: str) -> None:
    run = runs.load(finished)
    state = run.state
    run.delete()
    assert shown_run.label(run, state) == finished
    assert run_table.row(run, state)["name"] == text.cell(finished)


def test_the_leaderboard_shows_recipes_alone_while_there_is_no_run() -> None:
    app = visit("runs", view="Leaderboard")
    assert not app.exception
    (ranking,) = app.dataframe
    assert sorted(ranking.value["name"].str.split(". ").str[1]) == sorted(
        row["recipe"]["name"] for row in leaderboard.measured()
    )


def test_the_leaderboard_ranks_ones_own_run_among_the_recipes(finished: str) -> None:
    run = runs.load(finished)
    assert run.metrics
    metrics = {**run.metrics.as_dict(), "data_checksum": leaderboard.measured()[0]["data_checksum"]}
    metrics |= {"validation_images": 3_000, "validation_accuracy": 0.999, "seconds_to_99": 0.5}
    (run.path / "metrics.json").write_text(json.dumps(metrics))
    small = Recipe(name="small", layers=[{"kind": "pool", "size": 4}, {"kind": "flatten"}])
    (run.path / "recipe.toml").write_text(small.to_toml())
    run.rename("mine")
    app = visit("runs", view="Leaderboard")
    assert not app.exception
    for title in app.segmented_control(key="ranking").options:
        app.segmented_control(key="ranking").set_value(title).run()
        assert not app.exception
        first = app.dataframe[0].value.iloc[0]
        assert (first["name"], first["validation"]) == (
            f"1. mine · {finished[-4:]}",
            pytest.approx(99.9),
        )
    app.segmented_control(key="cost").set_value("prediction_ms").run()
    assert not app.exception
