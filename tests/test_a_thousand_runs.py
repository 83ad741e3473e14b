"""Many runs and many who watch: what is read is kept, and nothing that changed is missed."""

from __future__ import annotations

import gc
import io
import json
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from digitcore import files, runs
from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run, claimable, events
from ui import caching, run_table

EPOCH = {
    "kind": "epoch",
    "time": 1,
    "step": 10,
    "epoch": 1,
    "loss": 0.2,
    "accuracy": 0.9,
    "validation_loss": 0.1,
    "validation_accuracy": 0.97,
    "learning_rate": 0.1,
    "best": True,
}


@pytest.fixture
def many() -> list[Run]:
    """Runs of one recipe, the oldest first: five have ended and two wait."""
    made = [runs.create(Recipe.load("fast")) for _ in range(7)]
    for run in made[:5]:
        run.update(status="finished")
    return made


@pytest.fixture
def no_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    st.cache_resource.clear()
    monkeypatch.setattr(events, "_followed", OrderedDict())
    yield
    st.cache_resource.clear()


def tell(run: Run, **more: object) -> None:
    with open(run.path / "events.jsonl", "a") as file:
        file.write(json.dumps({**EPOCH, **more}) + "\n")


# --- states ------------------------------------------------------------------


def test_states_are_those_of_the_runs(many: list[Run]) -> None:
    (many[0].path / "recipe.toml").unlink()
    (many[1].path / "state.json").write_text("{")
    many[2].update(status="running")  # and nobody trains it
    told = runs.list_states()
    assert [run for run, _ in told] == runs.list_runs()
    assert dict(told) == {run: run.state for run in many}
    assert dict(told)[many[0]].status == dict(told)[many[1]].status == "broken"
    assert dict(told)[many[2]].status == "failed"


def test_active_runs_are_those_that_wait_or_train(many: list[Run]) -> None:
    (many[6].path / "recipe.toml").unlink()
    many[0].update(status="running")  # and nobody trains it
    many[1].update(status="running")
    with files.lock(many[1].lock_path):
        told = runs.list_active()
    assert [(run, state.status) for run, state in told] == [
        (many[5], "queued"),
        (many[1], "running"),
    ]


def test_a_state_is_read_again_when_it_changed_and_only_then(
    many: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    whole = claimable.read_state
    monkeypatch.setattr(
        claimable, "read_state", lambda path: (read.append(path.parent.name), whole(path))[1]
    )
    runs.list_states()
    assert sorted(read) == sorted(run.id for run in many)
    read.clear()
    assert queue.queued() == many[5:]
    runs.list_states()
    assert read == []
    state = many[5].path / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"status": "stopped"}))
    assert queue.queued() == many[6:]
    assert read == [many[5].id]


def test_one_zip_file_holds_several_runs(many: list[Run]) -> None:
    (many[0].path / "checkpoint").mkdir()
    file = io.BytesIO()
    runs.write_zip(many[:2], file)
    with zipfile.ZipFile(file) as archive:
        names = [f"{run.id}/{name}" for run in many[:2] for name in ("recipe.toml", "state.json")]
        assert archive.namelist() == names


# --- curves in the table -----------------------------------------------------


@pytest.mark.parametrize("status", ["finished", "queued"])
def test_the_table_has_each_epoch_as_soon_as_it_is_told(
    status: str, many: list[Run], no_caches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "_SHARED_SECONDS", 0)
    many[0].update(status=status)
    assert run_table.row(many[0], many[0].state)["by_epoch"] == []
    for number in (1, 2):
        tell(many[0], step=10 * number)
        assert run_table.row(many[0], many[0].state)["by_epoch"] == [97.0] * number


# --- those who watch ---------------------------------------------------------


def test_what_is_read_and_drawn_is_the_same_for_all_who_watch_a_run(
    many: list[Run], no_caches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "_SHARED_SECONDS", 60)
    tell(many[0])
    first = caching.events(many[0])
    drawn = caching.learning_curves(first, "loss", 10)
    assert caching.learning_curves(first, "accuracy", 10) is not drawn
    tell(many[0], step=20)
    assert caching.events(many[0]) is first
    assert caching.learning_curves(first, "loss", 10) is drawn
    later = caching.events(Run(Path(many[0].path)), anew=True)
    assert list(later.epochs["step"]) == [10, 20]
    assert list(caching.learning_curves(later, "loss", 10).to_dict()["data"][2]["text"]) == [
        "epoch 1",
        "epoch 1",
    ]


def test_curves_of_the_past_are_let_go(many: list[Run], no_caches: None) -> None:
    gc.collect()
    before = len(caching._figures)
    for step in range(1, 5):
        tell(many[0], step=step)
        log = caching.events(many[0], anew=True)
        caching.learning_curves(log, "loss", 10)
    assert len(caching._figures) == before + 1
