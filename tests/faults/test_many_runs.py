"""The queue: who submits, who trains and who dies does not matter; each run has its turn, once."""

from __future__ import annotations

import os
import signal
import subprocess

from faults.conftest import LONG, SMALL
from studio import Studio, ended, stages, until

from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run

# So long that a second worker is there before the first has trained all.
SLOWER = LONG.changed(name="slower", epochs=24)
# What a notebook does, three times.
NOTEBOOK = """
import digitcore, sys
runs = [digitcore.submit(digitcore.Recipe.load(sys.argv[1])) for _ in range(3)]
print(*[run.id for run in runs], flush=True)
for run in runs:
    for event in digitcore.follow(run): pass
"""


def trained_once(run: Run) -> bool:
    kinds = [event["kind"] for event in run.events()[0]]
    return run.status == "finished" and kinds.count("start") == 1 and stages(run)[0] == "TensorFlow"


def span(run: Run) -> tuple[float, float]:
    times = [event["time"] for event in run.events()[0]]
    return min(times), max(times)


def at_once(runs: list[Run]) -> int:
    """The most runs that trained at any moment."""
    spans = [span(run) for run in runs]
    return max(sum(begin <= moment <= end for begin, end in spans) for moment, _ in spans)


def submit(studio: Studio, recipe: Recipe, count: int) -> list[str]:
    """Queues runs as a process does that ends at once, and starts no worker."""
    program = "import sys; from digitcore import runs, Recipe\n"
    program += f"for _ in range({count}): print(runs.create(Recipe.load(sys.argv[1])).id)"
    process = studio.python("-c", program, studio.recipe(recipe))
    return process.communicate()[0].split()


def test_runs_of_many_processes_train_once_each_in_the_order_they_came(studio: Studio) -> None:
    recipe = studio.recipe(SMALL)
    notebook = studio.python("-c", NOTEBOOK, recipe)
    shells = [studio.start("train", "--recipe", recipe, "--json") for _ in range(3)]
    theirs = [studio.end(shell, 0)[0]["run"] for shell in shells]
    out, err = notebook.communicate()
    assert (notebook.returncode, err) == (0, "")
    runs = studio.runs()
    assert sorted(run.id for run in runs) == sorted([*theirs, *out.split()])
    assert [run.state.turn for run in runs] == [1, 2, 3, 4, 5, 6]
    assert [run.id for run in runs if run.id in out] == out.split()
    assert all(map(trained_once, runs))
    assert [span(run) for run in runs] == sorted(span(run) for run in runs)
    assert at_once(runs) == 1
    assert ended(studio.workers) == []


def test_two_slots_are_both_used_and_no_run_is_trained_twice(studio: Studio) -> None:
    ids = submit(studio, SLOWER, 4)
    # As many servers would start them at the same moment.
    options = {"env": {queue.VARIABLE: "2"}, "stdout": subprocess.DEVNULL}
    crowd = [studio.python("-m", "digitcore.jobs.worker", **options) for _ in range(5)]
    for worker in crowd:
        assert worker.communicate()[1] == ""
    assert ended(studio.workers) == []
    runs = studio.runs()
    assert [run.id for run in runs] == ids
    assert all(map(trained_once, runs))
    assert at_once(runs) == 2
    assert len({run.state.pid for run in runs}) == 2


def test_a_queue_survives_its_worker_and_a_resumed_run_waits_behind_the_others(
    studio: Studio,
) -> None:
    first, second, third = (Run(studio.models / name) for name in submit(studio, SLOWER, 3))
    worker = studio.python("-m", "digitcore.jobs.worker", stdout=subprocess.DEVNULL)
    until(lambda: "training" in stages(first))
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    until(lambda: first.status == "failed", seconds=5)
    assert (second.status, third.status) == ("queued", "queued")
    # Whoever looks at one of them sees to it that they go on.
    follow = "import sys; from digitcore import runs; from digitcore.jobs import queue; list(queue.follow(runs.load(sys.argv[1])))"
    looking = studio.python("-c", follow, third.id)
    until(lambda: second.status == "running")
    resuming = studio.start("resume", first.id, "--json")
    assert studio.end(resuming, 0)[0]["status"] == "finished"
    assert looking.communicate()[1] == ""
    assert studio.runs() == [second, third, first]
    assert trained_once(second)
    assert trained_once(third)
    assert span(second)[1] <= span(third)[0] <= span(third)[1] <= span(first)[1]
    last_start = [event["time"] for event in first.events()[0] if event["kind"] == "start"][-1]
    assert span(third)[1] <= last_start


def test_a_queue_goes_on_after_a_run_that_fails_with_nobody_looking(studio: Studio) -> None:
    (first,) = submit(studio, SMALL, 1)
    first = Run(studio.models / first)
    first.update(data_folder="/nowhere")
    (second,) = submit(studio, SMALL, 1)
    second = Run(studio.models / second)
    worker = studio.python("-m", "digitcore.jobs.worker", stdout=subprocess.DEVNULL)
    assert worker.communicate()[1] == ""
    assert first.status == "failed"
    until(lambda: trained_once(second))


def test_a_run_stopped_and_resumed_while_it_waits_loses_its_turn(studio: Studio) -> None:
    first, second, third = (Run(studio.models / name) for name in submit(studio, SMALL, 3))
    worker = studio.python("-m", "digitcore.jobs.worker", stdout=subprocess.DEVNULL)
    until(lambda: first.status == "running")
    again = "import sys; from digitcore import runs; from digitcore.jobs import queue; r = runs.load(sys.argv[1]); r.stop(); queue.resume(r)"
    assert studio.python("-c", again, second.id).communicate()[1] == ""
    assert worker.communicate()[1] == ""
    assert studio.runs() == [first, third, second]
    assert all(map(trained_once, studio.runs()))
    assert span(third)[1] <= span(second)[0]
