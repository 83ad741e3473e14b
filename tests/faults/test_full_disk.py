"""A full disk, a real one of some megabytes: it is told, nothing is lost, and all goes on after."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import psutil
import pytest
from faults.conftest import LONG, SMALL, run_again, standing, worker, worker_hit
from studio import Studio, curves, ended, network, until

from digitcore import runs
from digitcore.recipes import Recipe
from digitcore.runs import Run

SENTENCE = "The disk is full. Make room, then Resume goes on from the last checkpoint."


class Disk:
    """What stands in the way of others on a small disk."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._filler = folder, folder / ".filler"

    def fill(self, leave: int = 0) -> None:
        """Leaves at most so many bytes."""
        with open(self._filler, "ab") as file:
            while (free := self._free() - leave) > 0:
                file.write(bytes(free))
                file.flush()

    def clear(self) -> None:
        self._filler.unlink()

    def _free(self) -> int:
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize


@pytest.fixture
def disk(
    studio: Studio, skip_or_fail: Callable[[str], NoReturn], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Disk]:
    """The studio's models folder on a disk of its own; this process is in the studio."""
    studio.models.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "small-disk", str(studio.models)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        skip_or_fail(f"a small disk cannot be mounted: {done.stderr.strip()}")
    studio.enter(monkeypatch)
    yield Disk(studio.models)
    left = ended(studio.workers)
    for process in left:
        process.kill()
        process.wait()
    subprocess.run(["umount", str(studio.models)], check=True)
    assert left == []


def filled_while_it_stands(process: subprocess.Popen[str], run: Run, disk: Disk) -> None:
    """Fills the disk when the run's worker has stopped itself, and waits for the end of the run."""
    with standing(process):
        disk.fill()
    until(lambda: not run.active)


def test_a_training_that_finds_the_disk_full_says_so_and_goes_on_when_there_is_room(
    studio: Studio, disk: Disk, alone: Callable[[Recipe], Run]
) -> None:
    left_alone = alone(LONG)
    first = runs.create(LONG)
    with worker_hit(studio, "SIGSTOP", 'kind == "batch" and step >= 300') as process:
        filled_while_it_stands(process, first, disk)
        assert (first.status, first.state.message) == ("failed", SENTENCE)
        with np.load(first.path / "checkpoint" / "last.npz") as file:
            assert all(file[name] is not None for name in file.files)
        assert "No space left" in first.log_tail(100)
    disk.clear()
    second = runs.create(LONG)
    with worker_hit(studio, "SIGSTOP", 'kind == "stage" and stage == "testing"') as process:
        filled_while_it_stands(process, second, disk)
    assert (second.status, second.state.message) == ("failed", SENTENCE)
    assert second.metrics is None
    disk.clear()
    assert ended(studio.workers) == []
    for run in (first, second):
        run_again(run)
    with worker(studio):
        until(lambda: not (first.active or second.active))
    for run in (first, second):
        assert run.status == "finished", run.state.message
        assert network(run) == network(left_alone)
        assert curves(run, "batch", "epoch") == curves(left_alone, "batch", "epoch")
        assert sorted(path.name for path in run.path.rglob("*")) == sorted(
            path.name for path in left_alone.path.rglob("*")
        )
    starts = [event["step"] for event in first.events()[0] if event["kind"] == "start"]
    assert 0 == starts[0] < starts[1]


def test_a_disk_that_is_full_at_the_first_write_is_told(studio: Studio, disk: Disk) -> None:
    run = runs.create(SMALL)
    disk.fill(leave=16_384)
    with worker(studio):
        until(lambda: not run.active)
    assert (run.status, run.state.message) == ("failed", SENTENCE)
    assert [path.name for path in run.path.iterdir() if path.name.startswith(".")] == []


def test_a_worker_that_cannot_even_begin_waits_for_room_and_costs_nothing(
    studio: Studio, disk: Disk
) -> None:
    run = runs.create(SMALL)
    disk.fill()
    with worker(studio) as process:
        watched = psutil.Process(process.pid)
        until((studio.models / ".locks" / ".worker-0").exists)
        time.sleep(2)
        before = sum(watched.cpu_times()[:2])
        time.sleep(2)
        assert sum(watched.cpu_times()[:2]) - before < 0.3
        assert run.status == "queued"
        disk.clear()
        run.stop()
    assert run.status == "stopped"


def test_what_a_full_disk_keeps_from_being_asked_is_told_in_one_line(
    studio: Studio, disk: Disk
) -> None:
    run = runs.create(SMALL)
    disk.fill()
    before = sorted(path.name for path in studio.models.iterdir())
    for arguments in (["train", "--epochs", "1"], ["stop", run.id]):
        result, lines = studio.end(studio.start(*arguments, "--json"), 1)
        assert lines == [f"Error: {result['error']}"]
        assert "No space left" in lines[0]
    assert sorted(path.name for path in studio.models.iterdir()) == before
    assert run.status == "queued"
    assert [row["status"] for row in studio.call("runs")["runs"]] == ["queued"]
