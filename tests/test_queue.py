"""The queue: order, turns, resuming, extending, and starting workers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import made_up
import pytest

from digitcore import files, runs
from digitcore.jobs import queue
from digitcore.recipes import Recipe, RecipeError
from digitcore.runs import Run, RunError

RECIPE = Recipe(name="small", layers=[{"kind": "flatten"}], epochs=3)


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would start a worker; none is started."""
    commands: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **options: Any) -> None:
            commands.append(command)

        def poll(self) -> None:
            return None

    monkeypatch.setattr(queue.subprocess, "Popen", Process)
    monkeypatch.setattr(queue, "_workers", [])
    monkeypatch.setattr(queue, "_last_start", [-1e9, -1e9])
    monkeypatch.setattr(queue, "_stays_warm", [False])
    return commands


@pytest.fixture
def run() -> Run:
    return runs.create(RECIPE)


def set_state(run: Run, **values: Any) -> None:
    path = run.path / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def end(run: Run, epochs: int, status: str = "finished", **metrics: Any) -> None:
    """Makes it look as if the run had ended after so many epochs."""
    known = made_up.metrics(epochs=epochs, **metrics)
    (run.path / "metrics.json").write_text(json.dumps(known))
    (run.path / "events.jsonl").write_text('{"kind": "stage", "time": 0, "stage": "data"}\n')
    (run.path / "checkpoint").mkdir()
    (run.path / "checkpoint" / "last.npz").write_bytes(b"weights")
    set_state(run, status=status)


# --- order -------------------------------------------------------------------


def test_runs_are_trained_in_the_order_they_came_whatever_the_clock_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    for now in (2e9, 1e9, 1.5e9):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        made.append(runs.create(RECIPE))
    assert queue.queued() == made
    assert runs.list_runs() == made[::-1]


def test_a_resumed_run_waits_behind_those_that_wait(run: Run) -> None:
    other = runs.create(RECIPE)
    set_state(run, status="stopped")
    queue.resume(run)
    assert queue.queued() == [other, run]


@pytest.mark.parametrize("status", ["queued", "running", "finished"])
def test_only_a_stopped_or_failed_run_goes_on(status: str, run: Run) -> None:
    set_state(run, status=status)
    with (
        files.lock(run.lock_path),
        pytest.raises(RunError, match=f"Only a stopped or failed run can go on. .* is {status}"),
    ):
        queue.resume(run)
    assert json.loads((run.path / "state.json").read_text())["status"] == status


def test_a_run_whose_worker_died_goes_on_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    set_state(run, status="running")
    assert run.status == "failed"
    queue.resume(run)
    assert run.status == "queued"
    # Somebody else, who saw it failed, too, comes after a worker has taken it.
    set_state(run, status="running")
    with files.lock(run.lock_path):
        seen, judged = iter([runs.State("failed", created=0.0)]), Run.judged
        monkeypatch.setattr(
            Run, "judged", lambda run, *told: next(seen, None) or judged(run, *told)
        )
        with pytest.raises(RunError, match="is running, not stopped or failed"):
            queue.resume(run)


def test_the_digits_are_those_of_whoever_asked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(tmp_path / "mine"))
    assert runs.create(RECIPE).state.data_folder == str(tmp_path / "mine")
    set_state(run, status="failed")
    queue.resume(run)
    assert run.state.data_folder == str(tmp_path / "mine")
    monkeypatch.delenv("DIGITCORE_DATA_DIR")
    assert runs.create(RECIPE).state.data_folder is None


# --- more epochs ----------------------------------------------------------------


def test_a_longer_run_begins_with_its_parents_curves_and_checkpoint(run: Run) -> None:
    end(run, epochs=3)
    (run.path / "epochs").mkdir()
    (run.path / "epochs" / "0003.npz").write_bytes(b"three")
    child = queue.extend(run, 5)
    assert (child.status, child.state.parent) == ("queued", run.id)
    assert child.recipe == RECIPE.changed(epochs=5)
    assert child.events() == run.events()
    assert (child.path / "checkpoint" / "last.npz").read_bytes() == b"weights"
    assert (child.path / "epochs" / "0003.npz").read_bytes() == b"three"
    assert run.status == "finished"
    assert child.state.number == run.state.number + 1


def test_a_run_that_ended_early_goes_on_without_early_stopping() -> None:
    early = runs.create(RECIPE.changed(epochs=20, early_stopping=2))
    end(early, epochs=7)
    assert queue.extend(early, 25).recipe.early_stopping == 0


def test_a_run_whose_patience_ended_with_its_last_epoch_goes_on_all_the_same() -> None:
    last = runs.create(RECIPE.changed(epochs=5, early_stopping=2))
    end(last, epochs=5)
    keys = {"time": 0, "step": 1, "loss": 1, "accuracy": 0.5, "learning_rate": 0.1}
    keys |= {"validation_loss": 1, "validation_accuracy": 0.5}
    lines = [{"kind": "epoch", **keys, "epoch": n, "best": n == 3} for n in range(1, 6)]
    (last.path / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert queue.extend(last, 8).recipe.early_stopping == 0


@pytest.mark.parametrize("epochs", [0, -1, 100_000])
def test_epochs_that_no_recipe_may_have_are_refused(epochs: int, run: Run) -> None:
    end(run, epochs=3)
    with pytest.raises(RecipeError):
        queue.extend(run, epochs)
    assert runs.list_runs() == [run]


def test_the_epoch_in_which_a_run_was_stopped_is_not_done(run: Run) -> None:
    end(run, epochs=3, status="stopped")
    keys = {"time": 0, "step": 1, "loss": 1, "accuracy": 0.5, "learning_rate": 0.1, "best": True}
    keys |= {"validation_loss": 1, "validation_accuracy": 0.5}
    lines = [{"kind": "epoch", **keys, "epoch": n} for n in (1, 2)]
    (run.path / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(RunError, match="has done 2 epochs"):
        queue.extend(run, 2)
    assert queue.extend(run, 3).recipe.epochs == 3


def test_fewer_epochs_than_are_done_are_refused(run: Run) -> None:
    end(run, epochs=3)
    with pytest.raises(RunError, match=r"has done 3 epochs; ask for more\. Received: 3"):
        queue.extend(run, 3)


def test_what_has_not_ended_or_has_no_checkpoint_is_not_extended(run: Run) -> None:
    with pytest.raises(RunError, match="Only a run that has ended"):
        queue.extend(run, 5)
    set_state(run, status="failed")
    with pytest.raises(RunError, match="no checkpoint"):
        queue.extend(run, 5)
    assert runs.list_runs() == [run]


# --- following ---------------------------------------------------------------


def test_following_an_ended_run_gives_its_events_and_ends(run: Run) -> None:
    (run.path / "events.jsonl").write_bytes(b'{"kind":"a"}\n{"kind":"b"}\n')
    set_state(run, status="finished")
    assert [event["kind"] for event in queue.follow(run)] == ["a", "b"]
    assert [event["kind"] for event in queue.follow(run, offset=13)] == ["b"]


def test_following_a_run_gives_events_as_they_come(run: Run) -> None:
    events = queue.follow(run, poll=0.01)
    for number in range(3):
        with open(run.path / "events.jsonl", "a") as file:
            file.write(f'{{"kind":"tick","step":{number}}}\n')
        assert next(events)["step"] == number
    set_state(run, status="stopped")
    assert list(events) == []


# --- workers -----------------------------------------------------------------


def test_a_run_that_is_queued_gets_a_worker_unless_each_slot_is_taken(
    run: Run, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with files.lock(queue.slot_paths()[0]):
        queue.submit(RECIPE)
        assert len(started) == 0
        monkeypatch.setenv("DIGITCORE_WORKERS", "2")
        queue.submit(RECIPE)
        assert len(started) == 1
    monkeypatch.setattr(queue, "_workers", [])
    for _ in range(5):
        queue.submit(RECIPE)
    assert len(started) == 3, "two slots need two workers that start, however many ask"


def test_a_short_job_gets_a_worker_beside_the_trainings(run: Run, started: list[list[str]]) -> None:
    with files.lock(queue.slot_paths()[0]):
        job = queue.submit_job(run, "evaluate")
        assert [command[-1] for command in started] == ["--short"]
        assert queue.submit_job(run, "evaluate") == job
        assert queue.queued_jobs() == [job]
        assert len(started) == 1, "one that starts is enough"
    assert queue.queued() == [run], "a short job is no training"
    with pytest.raises(
        ValueError, match=r"A short job is one of evaluate, epochs, exam, .*Received: train"
    ):
        queue.submit_job(run, "train")


def test_who_waits_starts_a_worker_now_and_then(started: list[list[str]]) -> None:
    for _ in range(3):
        queue.ensure_worker()
    assert len(started) == 1


def test_a_servers_worker_stays_and_a_shells_does_not(started: list[list[str]]) -> None:
    queue.submit(RECIPE)
    assert "--idle" not in started[-1]
    queue._last_start[0] = -1e9
    queue._workers.clear()
    queue.keep_warm()
    assert "--idle" in started[-1]


def test_no_worker_is_started_ahead_while_something_trains(
    run: Run, started: list[list[str]]
) -> None:
    set_state(run, status="running")
    with files.lock(run.lock_path):
        queue.keep_warm()
        assert started == []


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "65", " "])
def test_a_wrong_number_of_workers_is_told(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITCORE_WORKERS", value)
    with pytest.raises(ValueError, match=r"DIGITCORE_WORKERS is a number from 1 to 64\. Received"):
        queue.slots()


def test_a_run_is_queued_although_no_process_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*short: bool) -> None:
        raise OSError("no process can be started")

    monkeypatch.setattr(queue, "start_worker", refuse)
    assert queue.submit(RECIPE).status == "queued"
