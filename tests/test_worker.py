"""Real trainings in real processes, from the shell: what a run leaves, and what can kill it."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from studio import Json, Studio, ended, epochs, network, until, wait_for_epoch

from digitcore.datasets import load_dataset
from digitcore.jobs import worker
from digitcore.recipes import Recipe
from digitcore.runs import Run, kept_epochs
from digitcore.runs.predictor import Predictor

ENDLESS = ("--epochs", "200", "--batch-size", "8")
FAST = ("--epochs", "2")


class Finished:
    """A training from the shell that ran to its end, and what it said."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.result = studio.call("train", "--recipe", "fast", *FAST)
        self.run = Run(studio.models / self.result["run"])


@pytest.fixture(scope="module")
def finished(studios: Callable[[], Studio]) -> Finished:
    return Finished(studios())


class Queued:
    """Trainings asked for one after the other, and done by one worker.

    Attributes:
        runs: one as `finished`, one of another seed, and one of another validation split.
    """

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        processes = []
        for number, flags in enumerate(((), ("--seed", "1"), ("--validation-split", "0.3"))):
            until(lambda: len(list(studio.models.glob("2*"))) == number)  # noqa: B023
            processes.append(studio.start("train", "--recipe", "fast", *FAST, *flags, "--json"))
        results = [studio.end(process, 0)[0] for process in processes]
        self.runs = [Run(studio.models / result["run"]) for result in results]


@pytest.fixture(scope="module")
def queued(studios: Callable[[], Studio]) -> Queued:
    return Queued(studios())


# --- a training from the shell -----------------------------------------------


def test_train_gives_one_json_object_with_what_was_reached(finished: Finished) -> None:
    result = finished.result
    assert (result["run"], result["status"]) == (finished.run.id, "finished")
    assert result["parameters"] == Recipe.load("fast").parameters
    assert result["fit_seconds"] > 0
    assert result["images_per_second"] > 0
    assert 0 < result["compilation_seconds"] < result["fit_seconds"]
    assert result["seconds_to_99"] is None  # of made-up digits, which no epoch reads so well
    assert 0 < result["prediction_ms"] < 1000
    assert result["predictions_per_second"] > 100
    assert 0.5 < result["validation_accuracy"] <= 1
    assert 0.5 < result["test_accuracy"] <= 1


def test_a_finished_run_has_every_file_and_no_other(finished: Finished) -> None:
    assert sorted(path.name for path in finished.run.path.iterdir()) == [
        "checkpoint",
        "epochs",
        "events.jsonl",
        "metrics.json",
        "model.keras",
        "model.tflite",
        "probabilities.npz",
        "recipe.toml",
        "state.json",
        "worker.log",
    ]
    assert [path.name for path in finished.run.path.glob("checkpoint/*")] == ["last.npz"]
    assert kept_epochs.numbers(finished.run) == [1, 2]
    assert finished.run.status == "finished"
    assert finished.run.recipe == Recipe.load("fast").changed(epochs=2)


def test_metrics_are_what_evaluate_finds(finished: Finished) -> None:
    found = finished.studio.call("evaluate", finished.run.id)
    metrics = finished.run.metrics
    assert metrics is not None
    for key in ("accuracy", "interval", "loss"):
        for split in ("test", "validation"):
            assert (
                found[f"{split}_{key}"]
                == json.loads(json.dumps(metrics.as_dict()))[f"{split}_{key}"]
            )
    assert found["data_checksum"] == metrics.data_checksum


def test_several_runs_are_evaluated_as_the_mean_of_what_they_say(queued: Queued) -> None:
    studio = queued.studio
    one, other, unlike = (run.id for run in queued.runs)
    tables = [run.probabilities()["test"] for run in queued.runs[:2]]
    found = studio.call("evaluate", one, other)
    with pytest.MonkeyPatch.context() as patch:
        studio.enter(patch)
        labels = load_dataset().test.labels
    assert found["runs"] == [one, other]
    assert found["test_accuracy"] == (np.mean(tables, axis=0).argmax(axis=1) == labels).mean()
    losses = [run.metrics.test_loss for run in queued.runs[:2] if run.metrics]
    assert found["test_loss"] < max(losses)
    refused = studio.call("evaluate", one, unlike, status=1)
    assert refused["error"] == (
        "An ensemble needs runs that were validated on the same images. "
        f"Received: {one} (the last 5 % of 60,000), {unlike} (the last 30 % of 60,000)"
    )


def test_metrics_tell_how_the_run_came_about(finished: Finished) -> None:
    metrics = finished.run.metrics
    assert metrics is not None
    counts = [getattr(metrics, f"{split}_images") for split in ("train", "validation", "test")]
    assert counts == [1327, 70, 400]
    assert (metrics.epochs, metrics.seed) == (2, 0)
    assert metrics.best_epoch in (1, 2)
    assert set(metrics.versions or ()) == {"python", "tensorflow", "keras", "numpy"}
    low, high = metrics.test_interval
    assert low < metrics.test_accuracy < high
    assert metrics.validation_accuracy == pytest.approx(
        epochs(finished.run)[metrics.best_epoch - 1]["validation_accuracy"]
    )


def test_probabilities_are_the_predictors_and_the_keras_models(
    finished: Finished, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(digits))
    dataset = load_dataset(validation_split=finished.run.recipe.validation_split)
    predictor = Predictor(finished.run)
    tables = finished.run.probabilities()
    for split in ("test", "validation"):
        images = getattr(dataset, split).images
        np.testing.assert_allclose(predictor.probabilities(images), tables[split], atol=1e-6)
    model = keras.models.load_model(finished.run.path / "model.keras")
    np.testing.assert_allclose(model(dataset.test.images), tables["test"], atol=1e-5)


def test_events_tell_each_stage_and_epoch(finished: Finished) -> None:
    events, _ = finished.run.events()
    assert [event["stage"] for event in events if event["kind"] == "stage"] == [
        "TensorFlow",
        "data",
        "training",
        "testing",
    ]
    assert [event["epoch"] for event in epochs(finished.run)] == [1, 2]
    assert all("time" in event for event in events)


def test_runs_lists_a_finished_run(finished: Finished) -> None:
    (row,) = finished.studio.call("runs")["runs"]
    assert (row["run"], row["recipe"], row["status"]) == (finished.run.id, "fast", "finished")
    assert row["test_accuracy"] == finished.result["test_accuracy"]


def plain(run: Run) -> Json:
    assert run.metrics
    return run.metrics.as_dict()


# --- the same again, and one after the other ----------------------------------


def test_the_same_recipe_trained_again_gives_the_same_run(
    finished: Finished, queued: Queued
) -> None:
    again = queued.runs[0]
    assert network(again) == network(finished.run)
    assert epochs(again) == epochs(finished.run)
    clocks = {"fit_seconds", "compilation_seconds", "seconds_to_99", "images_per_second"}
    clocks |= {"prediction_ms", "predictions_per_second"}
    one, other = (
        {key: value for key, value in plain(run).items() if key not in clocks}
        for run in (finished.run, again)
    )
    assert one == other


def test_runs_train_one_after_the_other_in_order(queued: Queued) -> None:
    times = [[event["time"] for event in run.events()[0]] for run in queued.runs]
    for before, after in itertools.pairwise(times):
        assert max(before) <= min(after)
    assert [run.status for run in queued.runs] == ["finished"] * 3


# --- stopped, killed, resumed, failed -------------------------------------------


def test_stop_from_another_process_ends_the_training(studio: Studio) -> None:
    process = studio.start("train", "--recipe", "fast", *ENDLESS, "--json")
    run = wait_for_epoch(studio)
    stopped = studio.call("stop", run.id)
    assert (stopped["run"], stopped["status"]) == (run.id, "stopped")
    assert stopped["test_accuracy"] > 0
    assert studio.end(process, 130)[0]["status"] == "stopped"
    assert len(epochs(run)) < 200
    assert ended(studio.workers) == []


def test_a_killed_worker_is_a_failed_run_with_a_checkpoint(studio: Studio) -> None:
    process = studio.start("train", "--recipe", "fast", *ENDLESS, "--json")
    run = wait_for_epoch(studio)
    pid = run.state.pid
    assert pid  # 0 would be all processes of this group
    os.kill(pid, signal.SIGKILL)
    until(lambda: run.status == "failed")
    result, lines = studio.end(process, 1)
    assert result["status"] == "failed"
    assert "was killed" in lines[-1]
    assert 1 <= len(epochs(run)) < 200
    assert run.has_checkpoint
    assert not (run.path / "metrics.json").exists()


def test_a_training_whose_data_is_broken_fails_in_a_sentence_and_can_go_on_when_it_is_whole(
    studio: Studio, finished: Finished, tmp_path: Path
) -> None:
    broken = shutil.copytree(studio.environment["DIGITCORE_DATA_DIR"], tmp_path / "broken")
    for file in filter(Path.is_file, broken.rglob("*")):
        file.write_bytes(file.read_bytes()[:-100])
    process = studio.start(
        "train", "--recipe", "fast", *FAST, "--json", DIGITCORE_DATA_DIR=str(broken)
    )
    result, lines = studio.end(process, 1)
    assert result["status"] == "failed"
    errors = [line for line in lines if not line.startswith("Run ")]
    assert errors == [f"Error: {result['message']}"]
    assert "DIGITCORE_DATA_DIR" in result["message"]
    run = studio.only_run()
    assert run.state.message == result["message"]
    assert "Traceback" in run.log_tail(200)

    assert studio.call("resume", run.id)["status"] == "finished"
    assert run.state.message == ""
    assert network(run) == network(finished.run)


def test_what_killed_processes_left_in_the_models_folder_is_swept(tmp_path: Path) -> None:
    for name in (".deleted-1", ".new-old", ".new-young", "run"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / ".new-old", (0, 0))
    worker._sweep_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".new-young", "run"}
