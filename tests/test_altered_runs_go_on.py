"""Altered runs are resumed, fine-tuned, examined and watched: each ends in a result or in a sentence."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as draw
from made_up import made_up_digits
from test_altered_runs import (
    Alteration,
    command,
    merged,
    numbering,
    odd_arrays,
    odd_bytes,
    odd_event,
    odd_json,
    odd_setting,
)
from test_dataset_files import write_exam
from test_samples import written

from digitcore import runs
from digitcore.datasets import registry
from digitcore.jobs import carry_out, queue
from digitcore.runs import Run

KEPT = Path(__file__).parent / "data" / "last_version"
RARELY = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SECONDS = 60  # far more than any of these takes


def too_long(*_: Any) -> NoReturn:
    raise TimeoutError("the command did not end")


@pytest.fixture
def samples(small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of handwriting samples, beside which this process carries out what is queued."""

    def work_here(short: bool = False) -> None:
        for job in queue.waiting(short):
            carry_out.carry_out(job)

    monkeypatch.setattr(queue, "start_worker", work_here)
    known = replace(registry.get("qmnist"), exam_begins=40)
    monkeypatch.setitem(registry._registered, "qmnist", known)
    *_, images, labels = made_up_digits(test=80)
    write_exam(small_data / "qmnist", images, labels)
    path = tmp_path / "samples.json"
    written(*range(10)).save(path)
    monkeypatch.setattr(queue, "_SECONDS_BETWEEN_STARTS", 0.0)
    before = signal.signal(signal.SIGALRM, too_long)
    yield path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def tried(
    folder: str,
    alter: Alteration,
    data: Path,
    capfd: pytest.CaptureFixture[str],
    *words: str,
) -> tuple[int, dict[str, Any]]:
    """What a command says of a copy of that run, altered; and it ends."""
    run = Run(runs.models_dir() / f"altered-{next(numbering)}")
    shutil.copytree(KEPT / folder, run.path)
    merged("state.json", data_folder=str(data))(run.path)
    os.environ["DIGITCORE_DATA_DIR"] = str(data)  # a worker sets it to what the run says
    alter(run.path)
    signal.alarm(SECONDS)
    try:
        return command(capfd, *(word.replace("RUN", run.id) for word in words))
    finally:
        signal.alarm(0)
        for path in runs.models_dir().glob("[!.]*"):
            shutil.rmtree(path, ignore_errors=True)


def nothing(run: Path) -> None:
    pass


def test_what_is_not_altered_is_done(
    samples: Path, small_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def done(folder: str, *words: str) -> dict[str, Any]:
        status, told = tried(folder, nothing, small_data, capfd, *words)
        assert status == 0, told
        return told

    assert done("stopped", "resume", "RUN")["epochs"] == 3
    assert done("fine-tuned", "fine-tune", "RUN", str(samples))["fine_tuning"]["samples"]
    assert done("fine-tuned", "exam", "RUN")["images"] == 40
    assert done("fine-tuned", "watch", "RUN")["status"] == "finished"


@settings(RARELY, max_examples=6)
@given(alter=odd_bytes(KEPT / "stopped", ("checkpoint/last.npz", "recipe.toml", "events.jsonl")))
def test_an_altered_run_is_resumed_or_says_why_not(
    alter: Alteration, samples: Path, small_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tried("stopped", alter, small_data, capfd, "resume", "RUN")


@settings(RARELY, max_examples=6)
@given(
    alter=odd_bytes(names=("model.keras", "model.tflite", "metrics.json", "recipe.toml"))
    | odd_setting()
)
def test_an_altered_run_is_fine_tuned_or_says_why_not(
    alter: Alteration, samples: Path, small_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tried("fine-tuned", alter, small_data, capfd, "fine-tune", "RUN", str(samples))


@settings(RARELY, max_examples=40)
@given(alter=draw.one_of(odd_json("metrics.json"), odd_json("state.json"), odd_setting()))
def test_an_altered_run_is_examined_or_says_why_not(
    alter: Alteration, samples: Path, small_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tried("fine-tuned", alter, small_data, capfd, "exam", "RUN")


@settings(RARELY, max_examples=60)
@given(
    alter=draw.one_of(odd_json("metrics.json"), odd_json("state.json"), odd_event(), odd_arrays())
)
def test_an_altered_run_is_watched_or_says_why_not(
    alter: Alteration, samples: Path, small_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tried("fine-tuned", alter, small_data, capfd, "watch", "RUN")
