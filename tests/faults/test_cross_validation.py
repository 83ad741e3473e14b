"""A cross-validation that is killed or stopped goes on to what an undisturbed one finds."""

from __future__ import annotations

import numpy as np
import pytest
from faults.conftest import SMALL, STOP, worker, worker_hit
from studio import SECONDS, Studio, until

from digitcore.jobs import cross_validation, out_of_sample, queue
from digitcore.jobs.out_of_sample import OutOfSample
from digitcore.runs import Run

FOLDS = 3
RECIPE = SMALL.changed(batch_size=16)
KILL = "import os; os.kill(os.getpid(), 9)"
# What befalls it, at which event, and how many folds are kept by then.
FAULTS = (
    (KILL, 'kind == "batch" and epoch == 4', 1),
    (KILL, 'kind == "stage" and stage == "testing"', 1),  # the fold is trained and not yet kept
    (STOP, 'kind == "batch" and epoch >= 5', 2),
    (KILL, 'kind == "stage" and stage == "ranking"', 2),
)


def kept(run: Run) -> OutOfSample:
    found = out_of_sample.read(run)
    assert found is not None
    return found


def test_it_goes_on_after_death_and_after_a_stop_to_the_same_end(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.enter(monkeypatch)
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    run = cross_validation.cross_validate(RECIPE, FOLDS)
    for what, when, done in FAULTS:
        assert cross_validation.under_way("mnist") == run
        worker_hit(studio, what, when).wait(timeout=SECONDS)
        until(lambda: not run.active, seconds=5)
        assert run.status == ("stopped" if what == STOP else "failed")
        assert cross_validation.under_way("mnist") is None
        assert kept(run).done == done, when
        assert out_of_sample.newest("mnist", kept(run).data_checksum) is None
        queue.resume(run)
    alone = cross_validation.cross_validate(RECIPE, FOLDS)
    assert worker(studio).wait(timeout=SECONDS) == 0
    assert (run.status, alone.status) == ("finished", "finished")
    for field, value in vars(kept(alone)).items():
        np.testing.assert_array_equal(getattr(kept(run), field), value, err_msg=field)
    found = out_of_sample.newest("mnist", kept(run).data_checksum)
    assert found is not None
    assert found.run == alone
    assert not list(run.path.rglob(".*"))


def test_other_images_than_it_began_with_are_refused(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.enter(monkeypatch)
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    run = cross_validation.cross_validate(RECIPE, FOLDS)
    worker_hit(studio, STOP, 'kind == "batch" and epoch == 3').wait(timeout=SECONDS)
    assert run.status == "stopped"
    found = kept(run)
    assert found.done == 1
    out_of_sample.write(run, OutOfSample(**(vars(found) | {"data_checksum": "0" * 64})))
    queue.resume(run)
    worker(studio).wait(timeout=SECONDS)
    assert run.status == "failed"
    assert "are not those on this machine" in run.state.message
