"""What a run leaves: put in its place whole, and last of all what says that it is there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import made_up
import pytest
from made_up import PLAIN

from digitcore import runs
from digitcore.jobs import results
from digitcore.runs import Run

TRAINED: Any = SimpleNamespace(
    model=SimpleNamespace(
        save=lambda path: path.write_bytes(b"new"),
        export=lambda path, **options: path.write_bytes(b"new"),
    ),
    best_epoch=1,
    epochs=2,
    precision="float32",
    xla=True,
    gpu="NVIDIA T4",
    fit_seconds=3.0,
    compilation_seconds=1.0,
    images_per_second=100.0,
)
DATA: Any = SimpleNamespace(checksum="abc", source="nowhere", notice=None)


@pytest.fixture
def stopped() -> Run:
    """A run that was resumed, and has the results of before."""
    run = runs.create(PLAIN)
    for name in ("model.tflite", "probabilities.npz", "metrics.json"):
        (run.path / name).write_bytes(b"old")
    (run.path / "events.jsonl").touch()
    return run


def contents(run: Run) -> dict[str, bytes]:
    names = ("model.tflite", "probabilities.npz", "metrics.json")
    return {name: (run.path / name).read_bytes() for name in names}


def test_while_the_network_is_tested_the_earlier_results_stand(
    stopped: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def measured(run: Run, path: Path, dataset: object) -> dict[str, Any]:
        assert (path.suffix, path.read_bytes()) == (".tflite", b"new")
        seen.update(contents(run))
        return made_up.metrics(test_accuracy=0.9, parameters=12_730)

    monkeypatch.setattr(results, "_measured", measured)
    order: list[str] = []
    put = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append(Path(b).name), put(a, b)))
    results.write(stopped, TRAINED, DATA)
    assert set(seen.values()) == {b"old"}
    assert order == ["model.keras", "model.tflite", "metrics.json"]
    assert (stopped.path / "model.tflite").read_bytes() == b"new"
    told = json.loads((stopped.path / "metrics.json").read_text())
    assert (told["test_accuracy"], told["best_epoch"], told["parameters"]) == (0.9, 1, 12_730)
    assert told["xla"]
    assert told["machine"].endswith(", NVIDIA T4")


def test_a_test_that_fails_leaves_the_earlier_results_and_nothing_else(
    stopped: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(run: Run, path: Path, dataset: object) -> dict[str, Any]:
        raise MemoryError

    monkeypatch.setattr(results, "_measured", fail)
    with pytest.raises(MemoryError):
        results.write(stopped, TRAINED, DATA)
    assert set(contents(stopped).values()) == {b"old"}
    assert not list(stopped.path.glob(".tmp-*"))
