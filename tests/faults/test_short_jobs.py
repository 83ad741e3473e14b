"""What can go wrong with a short job: real processes are killed, frozen, and run out of disk."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from faults.conftest import LONG, STOP, copy_reader, queued, standing, worker, worker_hit
from faults.test_full_disk import Disk, disk
from studio import Studio, curves, ended, until
from test_dataset_files import write_exam

from digitcore import runs
from digitcore.jobs import evaluate, exam, queue
from digitcore.jobs.job import Job
from digitcore.jobs.kinds import SHORT
from digitcore.runs import Run

__all__ = ["disk"]
# "umap" begins as "features" does; the rest of it takes long, and is tried in `tests/test_umap.py`.
KINDS = [kind for kind in SHORT if kind != "umap"]

TESTING = 'kind == "stage" and stage == "testing"'
KILL = "import os; os.kill(os.getpid(), 9)"
EXAM_IMAGES = 600


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    """The digits of other tests, and 600 images in place of QMNIST's exam."""
    folder = tmp_path_factory.mktemp("with exam")
    shutil.copy(digits / "mnist.npz", folder)
    with np.load(digits / "mnist.npz") as file:
        images, labels = file["x_train"][:EXAM_IMAGES], file["y_train"][:EXAM_IMAGES]
    # Before the exam stand MNIST's own 10,000.
    images = np.concatenate([np.zeros((10_000, 28, 28), np.uint8), images])
    write_exam(folder / "qmnist", images, np.concatenate([np.zeros(10_000, np.uint8), labels]))
    return folder


def reader_in(studio: Studio, data: Path, patch: pytest.MonkeyPatch) -> Run:
    """A run that has ended, in the studio; no worker is started for its jobs but by the test."""
    studio.environment["DIGITCORE_DATA_DIR"] = str(data)
    studio.enter(patch)
    patch.setattr(queue, "start_worker", lambda *short: None)
    run = Run(studio.models / "reader")
    copy_reader(run)
    return run


@pytest.fixture
def reader(studio: Studio, data: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return reader_in(studio, data, monkeypatch)


def carried_out(studio: Studio) -> None:
    """Carries out what is queued by a worker that nobody harms."""
    with worker(studio, "--short") as process:
        assert process.wait(timeout=60) == 0


def stages(job: Job) -> list[str]:
    return [event["stage"] for event in job.events()[0] if event["kind"] == "stage"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_job_whose_worker_is_killed_has_failed_and_is_started_again(
    kind: str, studio: Studio, reader: Run
) -> None:
    job = queue.submit_job(reader, kind)
    worker_hit(studio, KILL, TESTING, "--short").wait()
    until(lambda: job.status == "failed", seconds=5)
    assert job.state
    assert job.state.message.startswith("Its process was killed")
    assert not job.result_path.exists()
    assert reader.status == "finished"
    queue.submit_job(reader, kind)
    carried_out(studio)
    assert job.status == "finished"
    assert stages(job) == ["data", "testing"]
    assert job.result_path.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_job_is_stopped_while_it_waits_and_while_it_runs(
    kind: str, studio: Studio, reader: Run
) -> None:
    job = queue.submit_job(reader, kind)
    job.stop()
    assert job.status == "stopped"
    queue.submit_job(reader, kind)
    assert worker_hit(studio, STOP, TESTING, "--short").wait() == 0
    assert job.status == "stopped"
    assert not job.result_path.exists()
    assert stages(job) == ["data", "testing"]
    queue.submit_job(reader, kind)
    carried_out(studio)
    assert job.status == "finished"
    job.stop()
    assert job.status == "finished"


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_job_that_many_ask_for_at_once_is_done_once(
    kind: str, studio: Studio, reader: Run
) -> None:
    ask = (
        "import sys; from digitcore import runs; from digitcore.jobs import queue; "
        "queue.start_worker = lambda *short: None; queue.submit_job(runs.load('reader'), sys.argv[1])"
    )
    for process in [studio.python("-c", ask, kind) for _ in range(4)]:
        assert process.communicate()[1] == ""
    job = Job(reader, kind)
    assert queue.queued_jobs() == [job]
    for process in [worker(studio, "--short") for _ in range(4)]:
        process.wait()
    assert ended(studio.workers) == []
    assert job.status == "finished"
    assert stages(job) == ["data", "testing"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_job_on_a_full_disk_says_so_and_is_started_again(
    kind: str, studio: Studio, disk: Disk, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.environment["DIGITCORE_DATA_DIR"] = str(data)
    reader = Run(studio.models / "reader")
    copy_reader(reader)
    studio.enter(monkeypatch)
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    job = queue.submit_job(reader, kind)
    with worker_hit(studio, "SIGSTOP", TESTING, "--short") as process:
        with standing(process):
            disk.fill()
        until(lambda: not job.active)
    assert job.state
    assert (job.state.status, job.state.message) == (
        "failed",
        "The disk is full. Make room, and start it again.",
    )
    assert not job.result_path.exists()
    disk.clear()
    queue.submit_job(reader, kind)
    carried_out(studio)
    assert job.status == "finished"
    assert not list(reader.path.rglob(".*"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_deleted_meanwhile_does_not_come_back(
    kind: str, studio: Studio, reader: Run
) -> None:
    queue.submit_job(reader, kind)
    delete = "import digitcore.runs as r; r.load('reader').delete()"
    worker_hit(studio, delete, TESTING, "--short").wait()
    assert not reader.path.exists()
    assert queue.queued_jobs() == []
    with pytest.raises(runs.RunError):
        queue.submit_job(reader, kind)
    assert not reader.path.exists()
    worker(studio, "--short").wait()
    assert not list((studio.models / ".locks").glob("*@*"))


def test_a_short_job_does_not_wait_behind_a_training_which_goes_on(
    studio: Studio, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = reader_in(studio, data, monkeypatch)
    training = queued(studio, LONG.changed(batch_size=1, epochs=200), monkeypatch)
    with worker(studio) as process:
        until(lambda: curves(training, "batch"))
        begun = time.monotonic()
        jobs = [queue.submit_job(reader, kind) for kind in KINDS]
        carried_out(studio)
        assert time.monotonic() - begun < 30
        assert [job.status for job in jobs] == ["finished"] * len(KINDS)
        before = len(curves(training, "batch"))
        until(lambda: len(curves(training, "batch")) > before)
        assert training.state.pid == process.pid
        training.stop()
        until(lambda: not training.active)
    assert training.status == "stopped"


def test_a_short_worker_takes_no_training_and_imports_no_tensorflow(
    studio: Studio, reader: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = queued(studio, LONG, monkeypatch)
    job = queue.submit_job(reader, "evaluate")
    program = (
        "import sys; from digitcore.jobs import worker; worker.main(); "
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    with studio.python("-c", program, "--short") as process:
        assert process.communicate()[0].splitlines()[-1] == "[]"
    assert (job.status, training.status) == ("finished", "queued")


def test_a_frozen_short_job_still_runs_and_goes_on_when_it_is_woken(
    studio: Studio, reader: Run
) -> None:
    job = queue.submit_job(reader, "evaluate")
    with worker_hit(studio, "SIGSTOP", TESTING, "--short") as process:
        with standing(process):
            time.sleep(0.5)
            assert job.status == "running"
        assert process.wait(timeout=60) == 0
    assert job.status == "finished"


def test_a_state_that_names_a_living_process_does_not_make_a_job_run(reader: Run) -> None:
    job = queue.submit_job(reader, "evaluate")
    job.update(status="running", pid=os.getpid())
    assert job.status == "failed"


def test_memory_that_runs_out_is_a_sentence(studio: Studio, reader: Run) -> None:
    job = queue.submit_job(reader, "evaluate")
    worker_hit(studio, "raise MemoryError", TESTING, "--short").wait()
    assert job.state
    assert job.status == "failed"
    assert job.state.message == (
        "There was too little memory. End other programs and start it again."
    )


def test_the_clock_changes_no_order(reader: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for kind, now in (("exam", 2e9), ("evaluate", 1e9)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        asked.append(queue.submit_job(reader, kind))
    assert queue.queued_jobs() == asked


def test_a_damaged_state_is_told_and_the_job_can_be_asked_for_again(
    studio: Studio, reader: Run
) -> None:
    job = queue.submit_job(reader, "evaluate")
    (job.path / "state.json").write_text('{"status": 7')
    assert job.state
    assert job.status == "broken"
    assert "cannot be read" in job.state.message
    assert reader.status == "finished"
    queue.submit_job(reader, "evaluate")
    carried_out(studio)
    assert job.status == "finished"
    found = evaluate.read(reader)
    assert found
    assert found.test_images == 400
    values = json.loads(job.result_path.read_text())
    for name, odd in (("test_accuracy", "most"), ("time", 1e300), ("test_interval", [0.5])):
        job.result_path.write_text(json.dumps(values | {name: odd}))
        with pytest.raises(runs.RunError, match=name):
            evaluate.read(reader)


def test_an_exam_is_done_once_and_recorded(studio: Studio, reader: Run) -> None:
    first = studio.call("exam", "reader")
    assert (first["status"], first["images"], first["first"]) == ("finished", EXAM_IMAGES, True)
    assert first["accuracy"] == first["correct"] / EXAM_IMAGES > 0.5
    low, high = first["interval"]
    assert low < first["accuracy"] < high
    assert first["test_accuracy"] == 0.5
    assert first["difference"] == pytest.approx(first["accuracy"] - 0.5)
    written = (reader.path / "exam.json").read_bytes()
    again = studio.call("exam", "reader")
    assert again == first | {"first": False}
    queue.submit_job(reader, "exam")
    carried_out(studio)
    assert json.loads((reader.path / "exam.json").read_bytes()) == json.loads(written)
    known = exam.read(reader)
    assert known
    assert known.time == first["time"]


def test_an_exam_without_its_images_is_a_sentence_and_can_be_taken_later(
    studio: Studio, reader: Run, digits: Path, data: Path
) -> None:
    # None is downloaded: the names of the servers lead nowhere.
    proxy = {"https_proxy": "http://127.0.0.1:9"}
    found = studio.call("exam", "reader", status=1, DIGITCORE_DATA_DIR=str(digits), **proxy)
    assert found["status"] == "failed"
    assert "qmnist" in found["message"]
    assert studio.call("exam", "reader", DIGITCORE_DATA_DIR=str(data))["status"] == "finished"
