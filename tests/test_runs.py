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

import numpy as np
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
    (run.path / "worker.log").write_text("hello")
    file = io.BytesIO()
    runs.write_zip([run], file)
    with zipfile.ZipFile(file) as archive:
        names = ["recipe.toml", "state.json", "worker.log"]
        assert archive.namelist() == [f"{run.id}/{name}" for name in names]
        assert archive.read(f"{run.id}/worker.log") == b"hello"


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
        with pytest.raises(RunError, match="Another process trains the run"), run.claim():
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


# --- broken folders ----------------------------------------------------------

BROKEN: dict[str, tuple[str, bytes | None, str]] = {
    "no recipe": ("recipe.toml", None, "recipe"),
    "garbage recipe": ("recipe.toml", b"\xff\x00", "cannot be read"),
    "unknown field": ("recipe.toml", b"colour = 1", "not valid"),
    "no state": ("state.json", None, "state.json"),
    "empty state": ("state.json", b"", "state.json cannot be read"),
    "garbage state": ("state.json", b"\xff\x00{", "state.json cannot be read"),
    "state is a list": ("state.json", b"[1]", "state.json cannot be read"),
    "state lacks a key": ("state.json", b'{"status": "queued"}', "created"),
    "unknown status": ("state.json", b'{"status": "dancing", "created": 1}', "dancing"),
    "time in words": ("state.json", b'{"status": "queued", "created": "noon"}', "created"),
    "process in words": (
        "state.json",
        b'{"status": "running", "created": 1, "pid": "init", "started": 1}',
        "pid",
    ),
}


@pytest.mark.parametrize(("name", "content", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_folder_says_why_and_harms_no_other(
    name: str, content: bytes | None, words: str, run: Run
) -> None:
    broken = runs.create(RECIPE)
    (broken.path / name).unlink()
    if content is not None:
        (broken.path / name).write_bytes(content)
    broken = runs.load(broken.id)
    assert (broken.status, broken.active) == ("broken", False)
    assert broken.id in broken.state.message
    assert words in broken.state.message
    assert "\n" not in broken.state.message
    assert broken.name
    assert set(runs.list_runs()) == {run, broken}
    assert queue.queued() == [run]


def test_a_broken_run_can_be_deleted_but_not_stopped(run: Run) -> None:
    (run.path / "state.json").unlink()
    with pytest.raises(RunError, match=r"Only a run that trains can stop. .* is broken"):
        runs.load(run.id).stop()
    runs.load(run.id).delete()
    assert runs.list_runs() == []


def test_files_and_hidden_folders_are_no_runs(run: Run) -> None:
    (runs.models_dir() / "notes.txt").write_text("hello")
    (runs.models_dir() / ".new-abc").mkdir()
    assert runs.list_runs() == [run]


def test_a_deleted_run_is_deleted_and_not_broken(run: Run) -> None:
    run.delete()
    assert (run.status, run.state.message) == ("deleted", f"The run {run.id} was deleted.")
    for ask in (lambda: run.recipe, lambda: runs.load(run.id), run.stop):
        with pytest.raises(runs.RunNotFoundError):
            ask()


def test_what_is_wrong_with_a_run_has_its_kind(run: Run) -> None:
    with pytest.raises(runs.RunStateError, match="no predictions yet"):
        run.probabilities()
    with pytest.raises(runs.RunStateError, match="is queued, not finished"):
        run.update(only_from=("finished",), message="")
    (run.path / "recipe.toml").write_text("epochs = -1")
    with pytest.raises(runs.RunBrokenError, match="is broken"):
        run.recipe  # noqa: B018


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_damaged_metrics_are_told_of(content: bytes, run: Run) -> None:
    (run.path / "metrics.json").write_bytes(content)
    with pytest.raises(RunError, match=rf"metrics\.json of run {run.id}"):
        run.metrics  # noqa: B018


# --- probabilities -----------------------------------------------------------


def table(count: int) -> np.ndarray:
    return np.full((count, 10), 0.1, np.float32)


def test_probabilities_are_read_back(run: Run) -> None:
    np.savez_compressed(run.path / "probabilities.npz", test=table(4), validation=table(2))
    found = run.probabilities()
    assert list(found) == ["test", "validation"]
    np.testing.assert_array_equal(found["test"], table(4))


def test_a_run_without_probabilities_says_so(run: Run) -> None:
    with pytest.raises(RunError, match="has no predictions yet"):
        run.probabilities()


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 cut short"])
def test_damaged_probabilities_are_told_of(content: bytes, run: Run) -> None:
    (run.path / "probabilities.npz").write_bytes(content)
    with pytest.raises(RunError, match=r"probabilities\.npz .* cannot be read"):
        run.probabilities()


def test_probabilities_with_flipped_bytes_are_told_of(run: Run) -> None:
    path = run.path / "probabilities.npz"
    np.savez_compressed(path, test=table(4000), validation=table(4000))
    content = bytearray(path.read_bytes())
    for place in range(60, 100):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"probabilities\.npz .* cannot be read"):
        run.probabilities()


def test_a_single_array_is_no_probabilities(run: Run) -> None:
    with open(run.path / "probabilities.npz", "wb") as file:
        np.save(file, table(4))
    with pytest.raises(RunError, match=r"probabilities\.npz .* cannot be read"):
        run.probabilities()


def test_pickles_are_not_opened(run: Run, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "sprung"),)

    trap = np.array([Trap()], dtype=object)
    np.savez(run.path / "probabilities.npz", test=trap, validation=trap)
    with pytest.raises(RunError, match=r"probabilities\.npz .* cannot be read"):
        run.probabilities()
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "arrays",
    [
        {"test": table(4)},
        {"test": table(4), "validation": table(4).ravel()},
        {"test": table(4)[:, :9], "validation": table(4)},
        {"test": table(4) > 0, "validation": table(4)},
        {"test": table(4), "validation": table(4).astype(np.complex64)},
        {"test": table(4).astype(np.float64), "validation": table(4)},
        {"test": table(4) * np.float32(np.nan), "validation": table(4)},
        {"test": table(4) * 2, "validation": table(4)},
        {"test": table(4) - 1, "validation": table(4)},
        {"test": table(0), "validation": table(4)},
    ],
    ids=[
        *("one is missing", "one is flat", "one has nine columns", "one is of booleans"),
        *("one is complex", "one is float64", "one is of no numbers", "rows sum to 2"),
        *("one is negative", "one is empty"),
    ],
)
def test_other_arrays_are_no_probabilities(arrays: dict[str, np.ndarray], run: Run) -> None:
    np.savez(run.path / "probabilities.npz", **arrays)
    with pytest.raises(RunError, match=r"probabilities\.npz of run"):
        run.probabilities()


# --- log and numbers ---------------------------------------------------------


def test_the_log_tail_is_the_last_lines_whatever_their_bytes(run: Run) -> None:
    lines = [f"line {number}" for number in range(5000)]
    (run.path / "worker.log").write_bytes("\n".join(lines).encode() + b"\n\xff end\n")
    assert run.log_tail(3) == "line 4998\nline 4999\n\ufffd end"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"test_accuracy": 0.9}', '{"test_accuracy": null}']
)
def test_metrics_that_lack_what_readers_count_on_are_named(text: str, run: Run) -> None:
    (run.path / "metrics.json").write_text(text)
    with pytest.raises(RunError, match=r"metrics\.json"):
        run.metrics  # noqa: B018


def test_a_number_that_is_none_is_no_event(run: Run) -> None:
    line = {"time": 0, "step": 1, "epoch": 1, "loss": None, "accuracy": 0.5}
    text = json.dumps({"kind": "batch", "images_per_second": 1.0, **line})
    (run.path / "events.jsonl").write_text(text + "\n")
    assert run.events()[0] == []
