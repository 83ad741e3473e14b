"""A clock that jumps: order, listing and liveness do not ask it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from faults.conftest import SMALL, standing, worker_hit
from studio import Studio, ended, epochs, stages, until

from digitcore.runs import Run

DAY = 86_400
# Python runs a module of this name as it starts. The clock may jump while it runs.
SITECUSTOMIZE = """
import os, time
real = time.time
def jumping():
    with open(os.environ["JUMP"]) as file:
        return real() + float(file.read() or 0)
time.time = jumping
"""
SUBMIT = "import sys; from digitcore import runs, Recipe; print(runs.create(Recipe.load(sys.argv[1])).id)"


class Clock:
    """The clock of a studio's processes, in another time than ours."""

    def __init__(self, studio: Studio, folder: Path) -> None:
        self._jump = folder / "jump"
        (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
        studio.environment |= {"PYTHONPATH": str(folder), "JUMP": str(self._jump)}

    def set(self, days: float) -> None:
        new = self._jump.with_suffix(".new")
        new.write_text(str(days * DAY))
        new.replace(self._jump)


@pytest.fixture
def clock(studio: Studio, tmp_path: Path) -> Clock:
    return Clock(studio, tmp_path)


def test_a_clock_that_jumps_changes_neither_order_nor_what_is_true(
    studio: Studio, clock: Clock
) -> None:
    recipe = SMALL.changed(epochs=6, batch_size=16)
    file = studio.recipe(recipe)
    waiting = []
    for days in (3, -400, 0):
        clock.set(days)
        waiting.append(studio.python("-c", SUBMIT, file).communicate()[0].strip())
    first, second, third = (Run(studio.models / name) for name in waiting)
    assert first.state.created > third.state.created > second.state.created
    with worker_hit(studio, "SIGSTOP", 'kind == "epoch" and epoch == 3') as process:
        for run, days in ((first, -800), (second, 4000), (third, -3)):
            with standing(process):
                clock.set(days)
                for path in (run.path / "state.json", run.path / "events.jsonl"):
                    os.utime(path, (0, 0) if days < 0 else (4e9, 4e9))
                assert run.status == "running"
            until(lambda: not run.active)  # noqa: B023
            assert run.status == "finished"
    runs = [first, second, third]
    assert studio.runs() == runs
    assert [row["run"] for row in studio.call("runs")["runs"]] == [run.id for run in runs[::-1]]
    for run in runs:
        assert [event["kind"] for event in run.events()[0]].count("start") == 1
        assert epochs(run) == epochs(first)
        assert len(epochs(run)) == 6
    assert ended(studio.workers) == []


def test_a_training_is_stopped_after_the_clock_has_jumped(studio: Studio, clock: Clock) -> None:
    clock.set(0)
    file = studio.recipe(SMALL.changed(epochs=200, batch_size=8))
    run = Run(studio.models / studio.python("-c", SUBMIT, file).communicate()[0].strip())
    with studio.python("-m", "digitcore.jobs.worker", stdout=subprocess.DEVNULL):
        until(lambda: "training" in stages(run))
        clock.set(-1000)
        assert studio.call("stop", run.id)["status"] == "stopped"
