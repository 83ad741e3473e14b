"""Runs as they are read: broken folders, probabilities, logs and numbers."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import made_up
import numpy as np
import pytest

from digitcore import runs
from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError

RECIPE = Recipe(name="small", layers=[{"kind": "flatten"}], epochs=3)


@pytest.fixture
def run() -> Run:
    return runs.create(RECIPE)


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


def test_nothing_raises_an_error_without_a_kind() -> None:
    root = Path(__file__).parents[1]
    for path in (
        path for room in ("digitcore", "ui", "pages") for path in (root / room).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and node.exc:
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                assert ast.unparse(raised).split(".")[-1] != "RunError", f"{path}:{node.lineno}"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_damaged_metrics_are_told_of(content: bytes, run: Run) -> None:
    (run.path / "metrics.json").write_bytes(content)
    with pytest.raises(RunError, match=rf"metrics\.json of run {run.id}"):
        run.metrics  # noqa: B018


@pytest.mark.parametrize("status", ["finished", "stopped"])
def test_an_ended_run_with_damaged_metrics_is_broken_and_keeps_all_else(
    status: str, run: Run
) -> None:
    run.update(status=status, title="Mine")
    (run.path / "metrics.json").write_text('{"test_loss": "low"}')
    assert (run.status, run.name, run.state.number) == ("broken", "Mine", 1)
    assert f"metrics.json of run {run.id} cannot be used" in run.state.message
    assert dict(runs.list_states())[run] == run.state
    assert run.judged().status == status
    (run.path / "metrics.json").write_text(json.dumps(made_up.metrics()))
    assert run.status == status


def test_a_stopped_run_with_damaged_metrics_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    run.update(status="stopped")
    (run.path / "metrics.json").write_text("{")
    queue.resume(run)
    assert run.status == "queued"


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
