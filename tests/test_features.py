"""The job that computes features of a run's images, in this process, and the file that it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from digitcore import runs
from digitcore.analysis.projection import principal_components
from digitcore.jobs import features, kinds
from digitcore.jobs.evaluate import dataset_of
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.runs import Run, RunBrokenError, RunError, RunUnsuitableError
from digitcore.runs.features import Features


@pytest.fixture
def run(finished: str) -> Run:
    run = runs.load(finished)
    Job(run, "features").path.mkdir(parents=True)
    return run


def carried_out(run: Run, after: Callable[[bytes], None] = lambda line: None) -> dict[str, object]:
    return dict(kinds.carry_out("features", run, Reporter(Job(run, "features"), after)) or {})


def test_they_are_the_principal_components_of_the_networks_features(run: Run) -> None:
    told = carried_out(run)
    found = features.read(run)
    assert found is not None
    dataset = dataset_of(run.recipe, lambda done, total: None)
    network = Features(run)
    axes = principal_components(network.of(dataset.train.images), features.COMPONENTS)
    for name, split in (
        ("test", dataset.test),
        ("validation", dataset.validation),
        ("training", dataset.train),
    ):
        table = getattr(found, name)
        assert table.shape == (len(split), features.COMPONENTS)
        wanted = axes(network.of(split.images))
        # Later axes may turn within their plane; lengths stay.
        np.testing.assert_allclose(table[:, :3], wanted[:, :3], atol=1e-3)
        np.testing.assert_allclose((table**2).sum(axis=1), (wanted**2).sum(axis=1), rtol=1e-3)
    np.testing.assert_array_equal(found.training_indices, np.arange(len(dataset.train)))
    np.testing.assert_allclose(found.explained, axes.explained)
    assert told["features"] == network.dimension
    assert told["network_checksum"] == found.network_checksum == network.checksum
    json.dumps(told)


def test_a_map_is_there_before_the_training_images_are(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_AT_ONCE", 5)
    dataset, lines = dataset_of(run.recipe, lambda done, total: None), [0]

    def stop_near_the_end(line: bytes) -> None:
        event = json.loads(line)
        lines[0] += 1
        if event["kind"] == "progress" and event["done"] > event["total"] - len(dataset.train):
            raise StoppedError

    monkeypatch.setattr("digitcore.jobs.reporter._PROGRESS_SECONDS", 0)
    with pytest.raises(StoppedError):
        carried_out(run, stop_near_the_end)
    found = features.read(run)
    assert found is not None
    assert lines[0] > 10
    assert len(found.test) == len(dataset.test)
    assert len(found.training) == len(found.training_indices) == 0


def test_those_of_another_network_or_of_other_images_count_for_nothing(run: Run) -> None:
    assert features.read(run) is None
    carried_out(run)
    metrics = run.metrics
    assert metrics
    for change in ({"network_checksum": "0" * 64}, {"data_checksum": "0" * 64}):
        runs.write_metrics(run.path / "metrics.json", replace(metrics, **change))
        assert features.read(run) is None
    runs.write_metrics(run.path / "metrics.json", metrics)
    assert features.read(run) is not None


def test_of_many_training_images_some_are_taken_evenly(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "MOST_TRAINING", 10)
    carried_out(run)
    found = features.read(run)
    assert found is not None
    dataset = dataset_of(run.recipe, lambda done, total: None)
    indices = found.training_indices
    assert len(found.training) == 10
    assert (indices[0], indices[-1]) == (0, len(dataset.train) - 1)
    assert np.ptp(np.diff(indices)) <= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("test", np.zeros((40, 3), np.float32)),
        ("validation", np.full((20, features.COMPONENTS), np.nan, np.float32)),
        ("training_indices", np.arange(3)),
        ("explained", np.zeros(3)),
        ("training", None),
    ],
)
def test_a_file_that_holds_something_else_is_an_error(
    run: Run, name: str, value: np.ndarray | None
) -> None:
    carried_out(run)
    path = features.path_of(run)
    with np.load(path) as file:
        arrays = {**file, name: value}
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    with pytest.raises(
        RunBrokenError, match=f"features.npz of run {run.id} cannot be used: .*{name}"
    ):
        features.read(run)
    path.write_bytes(b"none")
    with pytest.raises(RunBrokenError, match="cannot be read"):
        features.read(run)


def test_a_run_without_a_network_or_with_very_many_features_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_MOST_DIMENSION", 3)
    with pytest.raises(RunUnsuitableError, match="at most 3 features before its last layer"):
        carried_out(run)
    (run.path / "model.tflite").unlink()
    with pytest.raises(RunError, match="no network to predict with yet"):
        carried_out(run)
    assert not features.path_of(run).exists()


def test_the_file_is_none_of_those_that_are_given_to_others(run: Run) -> None:
    carried_out(run)
    with open(run.path.parent / "runs.zip", "wb") as file:
        runs.write_zip([run], file)
    assert b"features.npz" not in (run.path.parent / "runs.zip").read_bytes()


def test_few_of_many_are_evenly_spaced() -> None:
    assert len(features.spread(60_000, 2_000)) == 2_000
    assert list(features.spread(3, 10)) == [0, 1, 2]
