"""Which run a page shows, and how it names it."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from pages_of_runs import said, visit

from digitcore import runs
from digitcore.jobs import request
from digitcore.jobs.request import Request
from digitcore.recipes import Recipe
from digitcore.runs import Run
from ui import caching, text
from ui.prediction_html import answer

NOWHERE = "20200101-000000-fast-dead"
pytestmark = pytest.mark.usefixtures("fresh_pages")


def shown(page: str = "explore", **query: str) -> str:
    return str(next(b for b in visit(page, **query).selectbox if b.label == "Run").value)


def copied(run_id: str, end: str, validation: float) -> Run:
    """A newer run like that one, of another accuracy on its validation images."""
    folder = runs.load(run_id).path
    path = folder.with_name(f"99991231-235959-fast-{end}")
    shutil.copytree(folder, path)
    state = json.loads((path / "state.json").read_text())
    number = 1 + max(state.number for _, state in runs.list_states())
    (path / "state.json").write_text(json.dumps({**state, "number": number}))
    interval = [max(0.0, validation - 0.05), min(1.0, validation + 0.05)]
    change(Run(path), validation_accuracy=validation, validation_interval=interval)
    return Run(path)


def change(run: Run, **metrics: object) -> None:
    path = run.path / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | metrics))


def test_a_run_is_named_by_its_name_and_the_end_of_its_id() -> None:
    run = runs.create(Recipe.load("fast"))
    assert text.named(run) == f"fast · {run.id[-4:]}"
    run.rename("a name that is far too long")
    assert text.named(run, most=8) == f"a name … · {run.id[-4:]}"
    run.rename("")
    (run.path / "recipe.toml").write_text("{")
    assert text.named(run) == run.id
    run.delete()
    assert text.named(run) == run.id


def test_two_runs_that_look_alike_are_told_apart(finished: str) -> None:
    """The browser names the chosen one by its label alone."""
    folder = runs.load(finished).path
    shutil.copytree(folder, folder.with_name(f"{finished[:-4]}beef"))
    app = visit("explore", run=finished)
    picker = next(box for box in app.selectbox if box.label == "Run")
    assert len(picker.options) == len(set(picker.options)) == 2
    assert picker.value == finished


def test_who_comes_without_a_run_gets_none_that_is_fine_tuned(finished: str) -> None:
    folder = runs.load(finished).path
    tuned = shutil.copytree(folder, folder.with_name("99991231-235959-fast-0000"))
    newest = json.loads((tuned / "state.json").read_text())
    (tuned / "state.json").write_text(json.dumps({**newest, "created": newest["created"] + 60}))
    assert runs.list_runs()[0].id == tuned.name

    assert shown() == tuned.name
    request.write(Path(tuned), Request("fine-tune", extra_samples="samples.json"))
    assert shown() == finished
    assert shown(run=tuned.name) == tuned.name
    shutil.rmtree(folder)
    assert shown() == tuned.name


def test_who_looks_at_another_run_while_one_trains_comes_back_to_that_one(finished: str) -> None:
    trains = runs.create(Recipe.load("fast"))
    app = visit("train", run=trains.id)
    app.switch_page("pages/draw.py").run()
    assert next(box for box in app.selectbox if box.label == "Run").value == finished
    app.switch_page("pages/train.py").run()
    assert trains.id in app.query_params["run"]  # text, or a list of it


@pytest.mark.parametrize("page", ["explore", "draw"])
def test_who_comes_without_a_run_gets_the_best_by_validation(page: str, finished: str) -> None:
    best = copied(finished, "0001", 0.9)
    copied(finished, "0002", 0.1135)
    assert shown(page) == best.id
    assert shown(page, run=finished) == finished
    best.update(status="failed")
    other = copied(finished, "0003", 0.99)
    change(other, data_checksum="0" * 64)
    assert shown(page) not in (best.id, other.id), "which may not be compared"


def test_the_run_that_was_looked_at_last_stays_whatever_its_accuracy(finished: str) -> None:
    copied(finished, "0001", 0.99)
    app = visit("train", run=finished)
    app.switch_page("pages/explore.py").run()
    assert next(box for box in app.selectbox if box.label == "Run").value == finished


@pytest.mark.parametrize("page", ["explore", "draw"])
def test_a_run_that_is_not_there_is_told_with_what_is_shown_instead(
    page: str, finished: str
) -> None:
    name = text.plain(NOWHERE)
    assert f"There is no run {name}; showing fast · {finished[-4:]}." in said(
        visit(page, run=NOWHERE)
    )
    assert "There is no run" not in said(visit(page, run=finished))


def test_train_and_runs_tell_of_a_run_that_is_not_there(finished: str) -> None:
    name = text.plain(NOWHERE)
    assert f"There is no run {name}; showing all runs." in said(visit("runs", run=NOWHERE))
    assert f"There is no run {name}." in said(visit("train", run=NOWHERE))
    waits = runs.create(Recipe.load("fast"))
    words = f"There is no run {name}; showing fast · {waits.id[-4:]}."
    assert words in said(visit("train", run=NOWHERE))
    words = f"fast · {waits.id[-4:]} has nothing to show here yet; showing fast · {finished[-4:]}."
    assert words in said(visit("explore", run=waits.id))


@pytest.mark.parametrize("page", ["explore", "draw"])
def test_a_network_that_hardly_beats_guessing_is_told_of_and_never_sure(
    page: str, finished: str
) -> None:
    run, words = runs.load(finished), "hardly better than guessing (10 %)"
    change(run, validation_interval=[0.95, 0.99], test_interval=[0.95, 0.99])
    assert words not in said(visit(page, run=finished))
    assert (caching.rejection_threshold(run) or 0.0) <= 1
    change(run, validation_interval=[0.05, 0.13], test_interval=[0.1074, 0.12])
    assert words in said(visit(page, run=finished))
    assert caching.rejection_threshold(run) == math.inf
    assert "Not sure it is a digit" in answer(np.eye(10)[1], math.inf, "0123456789", "digit")
