"""Stop: soon, at any moment, and with the best network so far."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from faults.conftest import STOP, worker_hit
from made_up import write_npz
from studio import SECONDS, Studio, curves, epochs, stages, until

from digitcore import runs
from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError
from digitcore.runs.predictor import Predictor

LAYERS = [{"kind": "flatten"}, {"kind": "dense", "units": 16}]
# More than a thousand steps an epoch, and no end.
MANY_STEPS = Recipe(name="many-steps", layers=LAYERS, batch_size=1, epochs=200)
QUICK = Recipe(name="quick", layers=LAYERS, epochs=2)


def answers(run: Run) -> bool:
    return Predictor(run).probabilities(np.zeros((2, 28, 28), np.uint8)).shape == (2, 10)


@pytest.fixture(scope="session")
def many_digits(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small digits over and over: 42,000 to learn from."""
    folder = tmp_path_factory.mktemp("many digits")
    with np.load(digits / "mnist.npz") as file:
        train = [np.concatenate([file[name]] * 30) for name in ("x_train", "y_train")]
        write_npz(folder / "mnist.npz", [*train, file["x_test"], file["y_test"]])
    return folder


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("kind", ["batch", "epoch"])
def test_stop_does_not_wait_for_an_epochs_end_and_keeps_a_network_that_answers(
    kind: str, many_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "batch":  # 37,700 steps an epoch
        monkeypatch.setenv("DIGITCORE_DATA_DIR", str(many_digits))
    run = queue.submit(MANY_STEPS)
    until(lambda: curves(run, kind))
    run.stop()
    until(lambda: not run.active)
    assert run.status == "stopped", run.state.message
    metrics = run.metrics
    assert metrics is not None
    done = len(epochs(run))
    assert (metrics.best_epoch > 0) == (done > 0) == (kind == "epoch")
    assert done <= metrics.epochs <= done + 1
    assert run.log().last["stage"]["stage"] == "testing"
    assert answers(run)


def test_stop_does_not_wait_for_a_large_validation(
    studio: Studio, many_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.enter(monkeypatch)
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(many_digits))
    large = Recipe.load("dropout-3x3").changed(
        validation_split=0.5, batch_size=512, epoch_images=2_000
    )
    run = runs.create(large)
    process = worker_hit(studio, STOP, 'kind == "batch" and step == 4')  # the epoch's last
    assert process.wait(timeout=SECONDS) == 0
    assert run.status == "stopped", run.state.message
    assert len(curves(run, "batch")) == 4
    assert epochs(run) == []
    assert answers(run)


@pytest.mark.usefixtures("warm")
def test_stop_does_not_wait_until_all_digits_are_written() -> None:
    run = queue.submit(QUICK.changed(synthetic_digits=100_000))
    until(lambda: stages(run)[-1:] == ["writing"])
    run.stop()
    until(lambda: not run.active)  # writing them all would take more than a minute
    assert run.status == "stopped", run.state.message
    assert stages(run)[-1] == "writing"
    assert not run.has_checkpoint


@pytest.mark.usefixtures("warm")
def test_a_run_that_waits_is_stopped_at_once_and_one_that_trains_may_be_stopped_twice() -> None:
    training = queue.submit(MANY_STEPS)
    waiting = queue.submit(QUICK)
    until(lambda: training.status == "running")
    waiting.stop()
    assert waiting.status == "stopped"
    training.stop()
    training.stop()
    until(lambda: not training.active)
    assert training.status == "stopped"
    with pytest.raises(RunError, match="Only a run that trains can stop"):
        training.stop()
    # One more has its turn, and so would have had the one that was stopped.
    last = queue.submit(QUICK)
    until(lambda: not last.active)
    assert last.status == "finished"
    assert (waiting.status, waiting.events()[0]) == ("stopped", [])


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("moment", ["last epoch", "testing", "model.tflite", "metrics.json"])
def test_a_stop_at_the_very_end_harms_nothing(moment: str) -> None:
    run = queue.submit(QUICK)
    happened = {
        "last epoch": lambda: len(epochs(run)) == 2,
        "testing": lambda: "testing" in stages(run),
    }
    until(happened.get(moment, (run.path / moment).exists))
    try:
        run.stop()
    except RunError as error:
        assert "is finished" in str(error)  # noqa: PT017  it may have been too late
    until(lambda: not run.active)
    assert (run.status, run.state.message, len(epochs(run))) == ("finished", "", 2)
    assert run.metrics
    assert answers(run)
