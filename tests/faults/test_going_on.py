"""Resume and extend: whatever interrupts a training, it goes on to the end it would have had."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable

import numpy as np
import pytest
from faults.conftest import LONG, SMALL, STOP, Warm, queued, run_again, worker, worker_hit
from studio import SECONDS, Studio, curves, epochs, network, until

from digitcore.jobs import queue
from digitcore.recipes import Recipe, RecipeError
from digitcore.runs import Run, RunError

pytestmark = pytest.mark.usefixtures("warm")


def same_end(run: Run, other: Run) -> bool:
    """Whether two runs have the same network, curves and answers, to the last bit."""
    assert (run.status, other.status) == ("finished", "finished"), run.state.message
    assert network(run) == network(other)
    assert curves(run, "batch", "epoch") == curves(other, "batch", "epoch")
    tables = [each.probabilities() for each in (run, other)]
    return all(np.array_equal(tables[0][split], tables[1][split]) for split in tables[0])


def step(run: Run) -> int:
    return int(max((event["step"] for event in curves(run, "batch")), default=0))


def starts(run: Run) -> list[int]:
    return [event["step"] for event in run.events()[0] if event["kind"] == "start"]


def stopped_at(studio: Studio, steps: int, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that is stopped after so many steps; this process is in the studio, without a worker."""
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    run = queued(studio, LONG, monkeypatch)
    process = worker_hit(studio, STOP, f'kind == "batch" and step >= {steps}')
    assert process.wait(timeout=SECONDS) == 0
    assert (run.status, step(run)) == ("stopped", steps)
    return run


# --- killed, and resumed ------------------------------------------------------


def test_a_run_killed_at_random_moments_ends_as_one_left_alone(
    studio: Studio, alone: Callable[[Recipe], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    left_alone = alone(LONG)
    run = queued(studio, LONG, monkeypatch)
    chance = random.Random()
    # The first in the first half, so that there is something left for the second.
    whole = step(left_alone)
    steps = [chance.randrange(1, whole // 2), chance.randrange(whole // 2, whole - 100)]
    moments = [f'kind == "batch" and step >= {n}' for n in steps]
    for moment in (*moments, 'kind == "stage" and stage == "testing"'):
        assert worker_hit(studio, "SIGKILL", moment).wait(timeout=SECONDS) == -signal.SIGKILL, steps
        assert run.status == "failed"
        run_again(run)
    assert worker(studio).wait(timeout=SECONDS) == 0
    assert same_end(run, left_alone), steps
    assert files(run) == files(left_alone)


def files(run: Run) -> list[str]:
    return sorted(path.name for path in run.path.rglob("*"))


def test_a_run_stopped_within_an_epoch_ends_as_one_left_alone(
    studio: Studio, alone: Callable[[Recipe], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    left_alone = alone(LONG)
    run = stopped_at(studio, 100, monkeypatch)
    queue.resume(run)
    assert worker(studio).wait(timeout=SECONDS) == 0
    assert starts(run) == [0, 100]
    assert same_end(run, left_alone)


# --- extended -------------------------------------------------------------------


def test_an_extended_run_is_a_child_that_ends_as_one_asked_for_at_once(
    warm: Warm, alone: Callable[[Recipe], Run]
) -> None:
    parent, longer = alone(SMALL), alone(SMALL.changed(epochs=4))
    before = {path.name: path.stat().st_mtime_ns for path in parent.path.iterdir()}
    result = warm.call("resume", parent.id, "--epochs", "4")
    child = Run(warm.models / result["run"])
    assert (result["status"], result["parent"]) == ("finished", parent.id)
    assert (child.state.parent, child.recipe) == (parent.id, longer.recipe)
    assert epochs(child)[:2] == epochs(parent)
    assert starts(child) == [0, step(parent)]
    assert same_end(child, longer)
    assert {path.name: path.stat().st_mtime_ns for path in parent.path.iterdir()} == before


def test_a_child_outlives_its_parent(
    studio: Studio, alone: Callable[[Recipe], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = alone(LONG.changed(epochs=LONG.epochs + 1))
    parent = stopped_at(studio, 60, monkeypatch)
    child = queue.extend(parent, LONG.epochs + 1)
    parent.delete()
    assert child.status == "queued"
    assert worker(studio).wait(timeout=SECONDS) == 0
    assert (child.status, child.state.parent) == ("finished", parent.id)
    assert len(epochs(child)) == LONG.epochs + 1
    assert same_end(child, longer)


def test_what_cannot_be_extended_is_told_in_a_sentence(
    warm: Warm, alone: Callable[[Recipe], Run]
) -> None:
    parent = alone(SMALL)
    for wrong in (2, 1, 0, -3, 100_000):
        with pytest.raises((RunError, RecipeError), match=r"ask for more|epochs is a whole number"):
            queue.extend(parent, wrong)
    process = warm.start("resume", parent.id, "--epochs", "2", "--json")
    result, lines = warm.end(process, 1)
    assert lines == [f"Error: {result['error']}"]

    active = queue.submit(LONG.changed(batch_size=1, epochs=100))
    with pytest.raises(RunError, match="Only a run that has ended"):
        queue.extend(active, 101)
    active.stop()
    until(lambda: not active.active)
    (active.path / "checkpoint" / "last.npz").unlink(missing_ok=True)
    with pytest.raises(RunError, match="no checkpoint"):
        queue.extend(active, 101)


def test_a_killed_run_is_not_extended_to_fewer_epochs_than_it_has_done(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = stopped_at(studio, 300, monkeypatch)  # in its fourth epoch
    # As if it had been killed: it never told what came of it.
    (parent.path / "metrics.json").unlink()
    parent.update(status="failed")
    with pytest.raises(RunError, match=r"has done 3 epochs; ask for more. Received: 2"):
        queue.extend(parent, 2)
