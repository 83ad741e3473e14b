"""A map by UMAP: that it keeps who is near whom, the job that computes it, and what Explore does with it."""

from __future__ import annotations

import sys
from dataclasses import replace
from urllib.parse import urlencode

import numpy as np
import pytest
from pages_of_runs import said, visit
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness
from starlette.requests import Request

from digitcore import runs
from digitcore.analysis.projection import UmapMissingError, principal_components, umap_points
from digitcore.jobs import features, kinds
from digitcore.jobs import umap_points as job
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.runs import Run, RunBrokenError
from ui import map_answers


@pytest.fixture
def run(finished: str, fresh_pages: None) -> Run:
    run = runs.load(finished)
    Job(run, "umap").path.mkdir(parents=True)
    return run


def carried_out(run: Run) -> job.UmapPoints:
    told = kinds.carry_out("umap", run, Reporter(Job(run, "umap"), lambda line: None))
    found = job.read(run)
    assert told is not None
    assert found is not None
    assert told["images"] == len(found.test) + len(found.validation)
    return found


def test_it_keeps_near_what_is_near_and_is_the_same_again() -> None:
    digits = load_digits().data[:300].astype(np.float32)
    points = umap_points(digits)
    assert (points.shape, points.dtype) == ((300, 2), np.float32)
    flat = principal_components(digits)(digits)
    assert trustworthiness(digits, points, n_neighbors=10) > 0.96
    assert trustworthiness(digits, flat, n_neighbors=10) < 0.9
    np.testing.assert_array_equal(umap_points(digits), points)


def test_the_job_keeps_the_points_for_this_network_alone(run: Run) -> None:
    assert job.read(run) is None
    found = carried_out(run)
    known = features.read(run)
    assert known is not None
    together = umap_points(np.concatenate([known.test, known.validation]))
    np.testing.assert_array_equal(np.concatenate([found.test, found.validation]), together)
    metrics = run.metrics
    assert metrics
    runs.write_metrics(run.path / "metrics.json", replace(metrics, network_checksum="0" * 64))
    assert job.read(run) is None
    runs.write_metrics(run.path / "metrics.json", metrics)
    with np.load(job.path_of(run)) as file:
        arrays = {**file, "test": np.zeros((40, 3), np.float32)}
    np.savez(job.path_of(run), **arrays)
    with pytest.raises(RunBrokenError, match=r"umap.npz of run .* cannot be used: test must be"):
        job.read(run)


def test_a_job_that_is_stopped_while_it_arranges_keeps_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr(Reporter, "stops", lambda self: bool(stopped))
    arrange = umap_points

    def stop_then(points: np.ndarray) -> np.ndarray:
        stopped.append(True)
        return arrange(points)

    monkeypatch.setattr("digitcore.analysis.projection.umap_points", stop_then)
    with pytest.raises(StoppedError):
        carried_out(run)
    assert job.read(run) is None


def test_without_umap_the_file_to_install_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds.carry_out("features", run, Reporter(_begun(run, "features"), lambda line: None))
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UmapMissingError, match=r"pip install -r requirements-umap\.txt"):
        carried_out(run)
    app = visit("explore", run=run.id, explore_view="Map", map_by="UMAP")
    assert not app.exception
    assert "requirements-umap.txt" in said(app).replace("\\", "")
    assert "Compute it with UMAP" not in [button.label for button in app.button]


def test_the_map_is_offered_then_drawn_and_an_area_of_it_selects_in_every_view(run: Run) -> None:
    kinds.carry_out("features", run, Reporter(_begun(run, "features"), lambda line: None))
    app = visit("explore", run=run.id, explore_view="Map", map_by="UMAP")
    assert "Compute it with UMAP" in [button.label for button in app.button]
    found = carried_out(run)
    app = visit("explore", run=run.id, explore_view="Map", map_by="UMAP")
    assert not app.exception
    (shown,) = [one for one in app.get("bidi_component") if "colouring" in one.proto.json]
    assert "by=UMAP" in shown.proto.json
    query = urlencode({"run": run.id, "split": "test", "by": "UMAP"}).encode()
    request = Request({"type": "http", "query_string": query, "headers": [], "method": "GET"})
    content = bytes(map_answers.points(request).body)
    points = np.frombuffer(content[: 8 * len(found.test)], "<f4").reshape(-1, 2)
    np.testing.assert_array_equal(points, found.test)
    # Around the first image alone.
    (x, y), size = found.test[0].tolist(), 1e-4
    corners = [(x - size, y - size), (x + size, y - size), (x, y + size)]
    area = "UMAP:" + ";".join(f"{a},{b}" for a, b in corners)
    for view in ("Errors", "Map"):
        app = visit("explore", run=run.id, explore_view=view, area=area, errors="false")
        assert "in an area of the map** · 1 image" in said(app)


def _begun(run: Run, kind: str) -> Job:
    begun = Job(run, kind)
    begun.path.mkdir(parents=True, exist_ok=True)
    return begun
