"""The pages without a browser: what they say when there is nothing, something, or something broken.

The file is long because all pages are visited through the same fixtures, once for each behaviour.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from digitcore import files, runs
from digitcore.analysis import leaderboard
from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run
from ui import live_run, run_table, shown_run, text

ROOT = Path(__file__).parents[1]
PAGES = ("train", "explore", "draw", "runs")


@pytest.fixture(autouse=True)
def fresh(small_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Caches are a process's, so each test begins without any; no test starts a worker."""
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def visit(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if page != "train":
        app.switch_page(f"pages/{page}.py").run()
    return app


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.error, app.subheader, app.header)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def bars(app: AppTest) -> list[str]:
    return [bar.proto.text for bar in app.get("progress")]


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


def test_start_queues_what_the_sidebar_says() -> None:
    app = visit("train", recipe="two-conv", epochs="3", optimizer="sgd")
    app.button[[b.label for b in app.button].index("Start")].click().run()
    (run,) = runs.list_runs()
    assert run.recipe == Recipe.load("two-conv").changed(epochs=3, optimizer="sgd")
    assert app.query_params["run"] in (run.id, [run.id])
    assert "Starting" in bars(app)


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


def test_a_run_that_failed_after_it_was_tested_shows_the_epoch_of_its_network(
    finished: str,
) -> None:
    run = runs.load(finished)
    metrics = run.metrics
    assert metrics
    epoch = {"validation_loss": 0.1, "validation_accuracy": 0.999, "learning_rate": 0.001}
    later = {"kind": "epoch", "time": 0, "step": 999, "epoch": 7, "loss": 0.1, "accuracy": 0.9}
    with open(run.path / "events.jsonl", "a") as log:
        log.write(json.dumps({**later, **epoch, "best": True, "seconds": 9.0}) + "\n")
    run.update(status="failed", message="It was killed.")
    said = [text.value for text in visit("train", run=run.id).markdown]
    (numbers,) = [text for text in said if " validation · best epoch " in text]
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


def test_every_hyperparameter_that_matters_has_a_widget() -> None:
    app = visit("train", recipe="two-conv", optimizer="sgd", schedule="step")
    keys = {
        w.key
        for kind in (app.selectbox, app.slider, app.select_slider, app.number_input)
        for w in kind
    }
    from digitcore.recipes import hyperparameters

    silent = {"warmup_ratio"}  # belongs to another schedule
    assert {p.name for p in hyperparameters()} - silent <= keys


def test_changes_are_counted_and_reset_brings_the_recipe_back() -> None:
    app = visit("train", recipe="two-conv", epochs="3")
    assert "1 changed" in said(app)
    app.button[[b.label for b in app.button].index("Reset")].click().run()
    assert "As in the recipe" in said(app)


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


def test_the_address_takes_plain_numbers_even_where_the_slider_has_no_stop() -> None:
    app = visit("train", recipe="two-conv", training_images="2000", batch_size="100", epochs="12")
    app.button[[b.label for b in app.button].index("Start")].click().run()
    (run,) = runs.list_runs()
    asked = {"training_images": 2000, "batch_size": 100, "epochs": 12}
    assert run.recipe == Recipe.load("two-conv").changed(**asked)


@pytest.mark.parametrize("value", ["0", "-4", "abc", "1e400", "", "<b>"])
def test_the_address_cannot_break_the_form(value: str) -> None:
    app = visit("train", recipe="two-conv", epochs=value, optimizer=value, rotation=value)
    assert not app.exception
    assert "As in the recipe" in said(app)


def test_what_the_address_changes_is_marked_at_once() -> None:
    app = visit("train", recipe="two-conv", epochs="3")
    (epochs,) = [slider for slider in app.select_slider if slider.key == "epochs"]
    assert epochs.label == "Epochs · recipe: 5"


def test_a_runs_settings_are_shown_and_can_be_used_again() -> None:
    run = runs.create(Recipe.load("two-conv").changed(epochs=3, optimizer="sgd"))
    run.update(status="failed")
    app = visit("train", run=run.id)
    assert "epochs 3 · optimizer sgd" in said(app)
    app.button[[b.label for b in app.button].index("Use these settings")].click().run()
    assert not app.exception
    assert "2 changed" in said(app)


def test_what_trains_beside_the_run_on_the_page_is_named() -> None:
    shown, other = (runs.create(Recipe.load(name)) for name in ("fast", "two-conv"))
    app = visit("train", run=shown.id)
    links = [link.proto.label for link in app.get("page_link")]
    assert f"two\\-conv · {other.id[-4:]} waits" in links
    assert other.status == "queued"


def test_settings_of_a_network_that_is_no_longer_shipped_are_not_offered() -> None:
    layers = [{"kind": "flatten"}, {"kind": "dense", "units": 9}]
    run = runs.create(Recipe.load("two-conv").changed(layers=layers))
    run.update(status="failed")
    labels = [button.label for button in visit("train", run=run.id).button]
    assert "Use these settings" not in labels
    assert "Resume" in labels


def test_the_run_that_trains_is_named_before_those_that_wait() -> None:
    trains, shown, *_ = (runs.create(Recipe.load("fast")) for _ in range(6))
    trains.update(status="running")
    with files.lock(trains.lock_path):
        app = visit("train", run=shown.id)
    links = [link.proto.label for link in app.get("page_link")]
    assert links[0] == f"fast · {trains.id[-4:]} trains"
    assert "and 2 more" in said(app)


def test_the_steps_of_an_epoch_are_those_of_the_images_that_it_takes() -> None:
    assert "190 training and 10 validation images · 2 steps an epoch" in said(visit("train"))
    some = said(visit("train", epoch_images="150", batch_size="50"))
    assert "190 training and 10 validation images · 150 images in 3 steps an epoch" in some


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
