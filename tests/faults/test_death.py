"""Truth after death: however a process ends, pages and shells soon know, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest
from browser.app import serve
from faults.conftest import LONG, SMALL, queued, run_again, worker, worker_hit
from playwright.sync_api import Browser
from studio import SECONDS, Studio, curves, ended, epochs, network, until

from digitcore import runs
from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run

SIGNALS = ("SIGKILL", "SIGTERM", "SIGSEGV")


# --- the worker -----------------------------------------------------------------


def test_a_worker_ended_by_a_signal_leaves_a_failed_run_that_goes_on_to_the_same_end(
    studio: Studio, alone: Callable[[Recipe], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    left_alone = alone(LONG)
    dying = [queued(studio, LONG, monkeypatch) for _ in SIGNALS]
    slots = {queue.VARIABLE: str(len(dying))}
    # In the fourth of the epochs, of which the third has left a checkpoint.
    when = 'kind == "batch" and step >= 300'
    workers = {worker_hit(studio, name, when, env=slots): name for name in SIGNALS}
    for process, name in workers.items():
        assert process.wait(timeout=SECONDS) == -getattr(signal, name)
    for run in dying:
        until(lambda: not run.active)  # noqa: B023
        assert run.status == "failed"
        assert "Resume goes on from the last checkpoint" in run.state.message
        assert "TensorFlow" in run.log_tail()
        assert run.metrics is None
    assert {run.state.pid for run in dying} == {process.pid for process in workers}
    for run in dying:
        run_again(run)
    assert worker(studio).wait(timeout=SECONDS) == 0
    for run in dying:
        assert run.status == "finished"
        assert network(run) == network(left_alone)
        assert curves(run, "batch", "epoch") == curves(left_alone, "batch", "epoch")


def test_a_worker_without_memory_fails_in_a_sentence_and_its_run_can_go_on(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Weights of 150 MB, and as much for each of Adam's moments and the gradient.
    layers = [{"kind": "flatten"}, *[{"kind": "dense", "units": 4096}] * 3]
    run = queued(studio, Recipe(name="large", layers=layers, epochs=2), monkeypatch)
    less = """
import psutil, resource
most = psutil.Process().memory_info().vms + 300_000_000
resource.setrlimit(resource.RLIMIT_AS, (most, most))
"""
    process = worker_hit(studio, less, 'kind == "stage" and stage == "data"')
    process.wait(timeout=SECONDS)
    until(lambda: not run.active)
    assert run.status == "failed"
    assert "memory" in run.state.message
    assert "esum" in run.state.message
    assert run.log_tail()
    run_again(run)
    assert run.status == "queued"
    run.stop()


def test_a_run_whose_worker_is_frozen_still_trains(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued(studio, LONG.changed(batch_size=1, epochs=200), monkeypatch)
    process = worker(studio)
    until(lambda: curves(run, "batch"))
    process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(1)
        assert run.status == "running"
    finally:
        process.send_signal(signal.SIGCONT)
    run.stop()
    assert process.wait(timeout=SECONDS) == 0
    assert run.status == "stopped"


def test_a_state_that_names_another_living_process_does_not_make_a_run_train(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued(studio, SMALL, monkeypatch)
    started = psutil.Process().create_time()
    run.update(status="running", pid=os.getpid(), started=started)
    assert run.status == "failed"
    (row,) = studio.call("runs")["runs"]
    assert row["status"] == "failed"


# --- the worker that stays ------------------------------------------------------


def test_a_worker_that_stays_is_woken_by_each_run(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    studio.enter(monkeypatch)
    # It looks for runs when it is woken, and never of itself.
    program = "from digitcore.jobs import worker; worker._LOOK_ANYWAY_SECONDS = 1e9; worker.main()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with studio.python("-c", program, "--idle", "900", **pipes) as process:
        assert process.stdout.readline().startswith("Ready")
        for _ in range(3):
            run = queue.submit(SMALL.changed(epochs=1))
            until(lambda: not run.active)  # noqa: B023
            assert run.status == "finished"
            assert run.state.pid == process.pid
        process.stdin.close()


def test_a_worker_that_stays_ends_with_whoever_started_it(studio: Studio) -> None:
    process = worker(studio, "--idle", "900", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout.readline().startswith("Ready")
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=SECONDS) == 0


def test_a_worker_that_stays_ends_after_its_time_without_work(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued(studio, SMALL, monkeypatch)
    with worker(studio, "--idle", "2", stdin=subprocess.PIPE) as process:
        until(lambda: run.status == "finished")
        finished = (run.path / "state.json").stat().st_mtime
        assert process.wait(timeout=SECONDS) == 0
    assert time.time() - finished > 1.9


# --- the server -----------------------------------------------------------------


def test_a_training_outlives_its_server_and_the_next_server_goes_on_with_the_queue(
    studio: Studio, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.models.mkdir()
    for name, value in studio.environment.items():
        monkeypatch.setenv(name, value)
    with serve(studio.models) as server:
        page = browser.new_page()
        page.goto(f"{server.url}/?recipe=two-conv&batch_size=32&epochs=200")
        page.get_by_role("button", name="Start", exact=True).click()
        until(studio.runs)
        run = studio.only_run()
        until(lambda: curves(run, "batch"))
        next_one = runs.create(SMALL)
        server.process.kill()
        server.process.wait()
        page.close()
        before = len(epochs(run))
        until(lambda: len(epochs(run)) > before)
        run.stop()
        until(lambda: not run.active)
        until(lambda: not next_one.active)
        assert (run.status, next_one.status) == ("stopped", "finished")
        assert next_one.state.pid == run.state.pid
        assert ended(studio.workers) == []
    left = runs.create(SMALL)
    with serve(studio.models):  # nobody visits it
        until(lambda: left.status == "finished")
