"""Run folders: what survives readers and writers that come and die at any moment."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from digitcore import files, runs
from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError

ROOT = Path(__file__).parents[1]
RECIPE = Recipe(name="small", layers=[{"kind": "flatten"}], epochs=3)


@pytest.fixture
def run() -> Run:
    return runs.create(RECIPE)


def set_state(run: Run, **values: Any) -> None:
    path = run.path / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


# --- create, find, name, delete ----------------------------------------------


def test_a_new_run_is_queued_and_holds_its_recipe(run: Run) -> None:
    assert run.path.parent == runs.models_dir()
    assert run.id.endswith(run.recipe.name + run.id[-5:])
    assert run.recipe == RECIPE
    assert (run.status, run.active, run.name) == ("queued", True, "small")
    assert (run.metrics, run.events(), run.log_tail()) == (None, ([], 0), "")
    assert sorted(path.name for path in run.path.iterdir()) == ["recipe.toml", "state.json"]


def test_a_run_is_found_by_its_id(run: Run) -> None:
    assert runs.load(run.id) == run
    assert len({run, runs.load(run.id)}) == 1


def test_no_folder_is_no_runs() -> None:
    assert not runs.models_dir().exists()
    assert runs.list_runs() == []


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", "../outside", ".hidden", "a/b", "nowhere", "x\0"]
)
def test_an_id_is_a_folders_name_and_never_a_path(run_id: str, run: Run, tmp_path: Path) -> None:
    for name in ("outside", "models/.hidden", "models/a/b"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(RunError, match=r"no run of that name\..* Received: "):
        runs.load(run_id)
    with pytest.raises(RunError, match="no run of that name"):
        runs.load(str(run.path))


def test_a_title_goes_before_the_recipes_name(run: Run) -> None:
    run.rename("  My \n first\trun " + "x" * 100)
    assert run.name == ("My first run " + "x" * 100)[:80]
    run.rename("  ")
    assert run.name == "small"
    assert run.status == "queued"


def test_a_deleted_run_is_gone_and_the_others_stay(run: Run) -> None:
    other = runs.create(RECIPE)
    (run.path / "checkpoint").mkdir()
    (run.path / "checkpoint" / "last.npz").write_bytes(b"x")
    run.delete()
    assert runs.list_runs() == [other]
    left = {path.name for path in runs.models_dir().iterdir()}
    assert left == {other.id, runs.LOCKS}


@pytest.mark.parametrize("status", ["running", "stopping"])
def test_a_training_run_is_not_deleted(status: str, run: Run) -> None:
    set_state(run, status=status)
    with files.lock(run.lock_path), pytest.raises(RunError, match="is training; stop it first"):
        run.delete()
    assert runs.list_runs() == [run]


def test_a_zip_holds_the_folder_without_its_checkpoint(run: Run) -> None:
    (run.path / "checkpoint").mkdir()
    (run.path / "checkpoint" / "last.npz").write_bytes(b"x")
    (run.path / ".tmp-model.keras").write_bytes(b"half")
    (run.path / "model.tflite").write_bytes(b"a network")
    file = io.BytesIO()
    runs.write_zip([run], file)
    with zipfile.ZipFile(file) as archive:
        names = ["model.tflite", "recipe.toml", "state.json"]
        assert archive.namelist() == [f"{run.id}/{name}" for name in names]
        assert archive.read(f"{run.id}/model.tflite") == b"a network"


@pytest.mark.parametrize("crash", [OSError("disk full"), KeyboardInterrupt()])
def test_a_crash_while_a_run_is_made_leaves_nothing(
    crash: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(recipe: Recipe) -> str:
        assert runs.list_runs() == []  # nor is half a run seen meanwhile
        raise crash

    monkeypatch.setattr(Recipe, "to_toml", broken)
    with pytest.raises(type(crash)):
        runs.create(RECIPE)
    assert list(runs.models_dir().iterdir()) == []


# --- state -------------------------------------------------------------------


@pytest.mark.parametrize("status", ["running", "stopping"])
def test_a_run_trains_as_long_as_its_lock_is_held(status: str, run: Run) -> None:
    set_state(run, status=status)
    with files.lock(run.lock_path):
        assert (run.status, run.active) == (status, True)
    time.sleep(0.35)  # a "yes" is believed for a moment
    assert (run.status, run.active) == ("failed", False)
    assert "was killed" in run.state.message


def test_a_lock_ends_with_its_process_and_no_clock_or_process_number_matters(run: Run) -> None:
    set_state(run, status="running", pid=os.getpid(), started=1e10)
    program = "import sys, filelock\nlock = filelock.FileLock(sys.argv[1])\nlock.acquire()\nprint(flush=True)\ninput()"
    command = [sys.executable, "-c", program, str(run.lock_path)]
    run.lock_path.parent.mkdir(exist_ok=True)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        process.stdout.readline()
        assert run.status == "running"
        process.kill()
        process.wait()
        time.sleep(0.35)
        assert run.status == "failed"


def test_a_run_that_ends_while_somebody_looks_has_not_failed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_state(run, status="running")

    def ends_meanwhile(path: Path, **options: Any) -> bool:
        set_state(run, status="finished")
        return False

    monkeypatch.setattr(files, "held", ends_meanwhile)
    assert run.status == "finished"


def test_a_queued_run_stops_at_once(run: Run) -> None:
    run.stop()
    assert run.status == "stopped"
    assert queue.queued() == []


def test_a_training_run_is_asked_to_stop_and_may_be_asked_again(run: Run) -> None:
    set_state(run, status="running")
    with files.lock(run.lock_path):
        run.stop()
        assert run.status == "stopping"
        run.stop()
        assert run.status == "stopping"


@pytest.mark.parametrize("status", ["finished", "stopped", "failed"])
def test_an_ended_run_cannot_stop(status: str, run: Run) -> None:
    set_state(run, status=status)
    with pytest.raises(RunError, match=f"Only a run that trains can stop. .* is {status}"):
        run.stop()
    assert run.status == status


def test_a_claimed_run_is_this_process_and_is_claimed_once(run: Run) -> None:
    with run.claim():
        assert (run.status, run.state.pid) == ("running", os.getpid())
        with pytest.raises(RunError, match="Another process carries out the run"), run.claim():
            pass
    with pytest.raises(RunError, match="is running, not queued"), run.claim():
        pass


def test_of_many_processes_one_claims_a_run(tmp_path: Path) -> None:
    made = [runs.create(RECIPE) for _ in range(8)]
    program = """
import sys, time, pathlib
from digitcore import files, queue, runs
print("ready", flush=True)
sys.stdin.readline()
for run in runs.list_runs():
    try:
        with run.claim():
            print(run.id)
    except runs.RunError:
        pass
"""
    command = [sys.executable, "-c", program]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    claimed = [line for process in processes for line in process.communicate()[0].splitlines()]
    assert sorted(claimed) == sorted(each.id for each in made)
