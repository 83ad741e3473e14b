"""How an image's probabilities moved from epoch to epoch: the job, what is said of it, and the dossier."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pages_of_runs import said, visit
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.analysis import history
from digitcore.figures.history import history_figure, shown
from digitcore.figures.style import BLUE, GREY, VERMILION
from digitcore.jobs import carry_out, epochs, kinds, networks
from digitcore.jobs.evaluate import dataset_of
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.runs import Run, RunBrokenError, RunError, RunUnsuitableError, kept_epochs

NAMES = [f"class {c}" for c in range(4)]


@pytest.fixture
def run(finished: str) -> Run:
    """A run with three kept epochs, the last of which has the weights of its network."""
    run = runs.load(finished)
    own = kept_epochs.read(run, 1)
    exact = [array.astype(np.float16) for array in networks.load(run).get_weights()]
    for epoch, factor in ((1, 0.0), (2, 0.5), (3, 1.0)):
        weights = [factor * array for array in exact]
        kept_epochs.write(run, epoch, replace(own, weights=weights), 10_000_000)
    Job(run, "epochs").path.mkdir(parents=True)
    return run


def carried_out(run: Run, reporter: Reporter | None = None) -> dict[str, object]:
    reporter = reporter or Reporter(Job(run, "epochs"), lambda line: None)
    result = dict(kinds.carry_out("epochs", run, reporter) or {})
    Job(run, "epochs").write_result(result)
    return result


def test_the_table_has_what_the_network_of_each_epoch_says_of_each_image(run: Run) -> None:
    assert epochs.read(run) is None
    assert carried_out(run)["epochs"] == [1, 2, 3]
    known = epochs.read(run)
    assert known is not None
    dataset = dataset_of(run.recipe, lambda done, total: None)
    assert (known.validation_images, known.test_images) == (
        len(dataset.validation),
        len(dataset.test),
    )
    last = run.probabilities()
    for split in ("validation", "test"):
        for index in (0, 7, len(last[split]) - 1):
            table = epochs.history(run, known, split, index)
            assert (table.shape, table.dtype) == ((3, 10), np.float32)
            np.testing.assert_allclose(table[0], 0.1, atol=1e-3)
            np.testing.assert_allclose(table[2], last[split][index], atol=2e-2)
        with pytest.raises(IndexError, match="Received: -1"):
            epochs.history(run, known, split, -1)
        with pytest.raises(IndexError, match=f"Received: {len(last[split])}"):
            epochs.history(run, known, split, len(last[split]))


def test_of_many_classes_as_many_epochs_are_predicted_as_fit(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epochs, "_MOST_BYTES", 1)
    assert carried_out(run)["epochs"] == [1, 3]


def test_it_is_stopped_between_two_hundreds_of_images(run: Run) -> None:
    reporter = Reporter(Job(run, "epochs"), lambda line: None)
    reporter.stops = lambda: True  # type: ignore[method-assign]
    with pytest.raises(StoppedError):
        carried_out(run, reporter)
    assert not epochs.path_of(run).exists()


def test_of_another_network_it_counts_for_nothing(run: Run) -> None:
    carried_out(run)
    metrics = run.metrics
    assert metrics
    for change in ({"network_checksum": "0" * 64}, {"data_checksum": "0" * 64}):
        runs.write_metrics(run.path / "metrics.json", replace(metrics, **change))
        assert epochs.read(run) is None
    runs.write_metrics(run.path / "metrics.json", metrics)
    assert epochs.read(run) is not None


def test_what_is_damaged_is_an_error(run: Run) -> None:
    carried_out(run)
    known = epochs.read(run)
    assert known is not None
    path = epochs.path_of(run)
    table = np.load(path)
    for wrong in (table[1:], table.astype(np.float32), np.full_like(table, np.nan), -table):
        np.save(path, wrong)
        with pytest.raises(RunBrokenError, match="cannot be read"):
            epochs.history(run, known, "test", 0)
    for data in (b"", b"none", path.read_bytes()[:300]):
        path.write_bytes(data)
        with pytest.raises(RunBrokenError, match="cannot be read"):
            epochs.history(run, known, "test", 0)
    path.unlink()
    with pytest.raises(RunBrokenError, match="cannot be read"):
        epochs.history(run, known, "test", 0)
    result = json.loads((run.path / "epochs.json").read_text())
    (run.path / "epochs.json").write_text(json.dumps(result | {"epochs": []}))
    with pytest.raises(RunBrokenError, match="epochs"):
        epochs.read(run)


def test_a_run_that_kept_none_or_those_of_another_network_is_refused(run: Run) -> None:
    own = kept_epochs.read(run, 1)
    kept_epochs.write(run, 1, replace(own, weights=own.weights[1:]), 10_000_000)
    with pytest.raises(RunBrokenError, match=r"Epoch 1 of run .* is of another network"):
        carried_out(run)
    shutil.rmtree(run.path / "epochs")
    with pytest.raises(RunUnsuitableError, match="kept no epochs"):
        carried_out(run)
    (run.path / "metrics.json").unlink()
    with pytest.raises(RunError, match="Only a run that was tested"):
        carried_out(run)


def table_of(*tops: int) -> np.ndarray:
    table = np.full((len(tops), 4), 0.1)
    table[np.arange(len(tops)), tops] = 0.7
    return table


@pytest.mark.parametrize(
    ("tops", "words"),
    [
        ((2, 2, 2, 2), "Predicted as class 2 after each of 4 epochs."),
        ((2,), "Predicted as class 2 after epoch 1."),
        (
            (3, 3, 1, 1),
            "Predicted as class 3 up to epoch 3, as class 1 from epoch 5 on.",
        ),
        (
            (3, 1, 3, 2),
            "The prediction changed 3 times, the last time as class 3 up to epoch 5, "
            "as class 2 from epoch 6 on.",
        ),
    ],
)
def test_a_sentence_says_where_the_prediction_last_changed(
    tops: tuple[int, ...], words: str
) -> None:
    assert history.sentence([1, 3, 5, 6][: len(tops)], table_of(*tops), NAMES) == words


def test_the_lines_are_those_of_the_true_the_predicted_and_what_came_before() -> None:
    table = table_of(3, 3, 0, 2)
    assert shown(table, 1, 2) == [1, 2, 0, 3]
    figure = history_figure([1, 3, 5, 6], table, 1, 2, NAMES, kept=5)
    assert [line.name for line in figure.data] == [
        "class 1 (true)",
        "class 2 (predicted)",
        "class 0",
        "class 3",
    ]
    assert [line.line.color for line in figure.data] == [BLUE, VERMILION, GREY, GREY]
    assert list(figure.data[1].y) == [10, 10, 10, 70]
    assert [shape.x0 for shape in figure.layout.shapes] == [5]
    alone = history_figure([1, 2], table_of(1, 1), 1, 1, NAMES, kept=3)
    assert [line.line.color for line in alone.data] == [BLUE]
    assert not alone.layout.shapes


def test_the_dossier_computes_it_once_and_then_shows_it_for_each_image(
    run: Run, fresh_pages: None
) -> None:
    def opened(image: int, **query: str) -> AppTest:
        app = visit(
            "explore", run=run.id, errors="false", sort="In order", image=str(image), **query
        )
        assert not app.exception
        return app

    app = opened(7)
    assert "the weights of 3 epochs, once for the run" in said(app)
    labels = [button.label for button in app.button]
    app.button[labels.index("Show it epoch by epoch")].click().run()
    assert not app.exception
    job = Job(run, "epochs")
    assert job.status == "queued"
    assert carry_out.carry_out(job)
    known = epochs.read(run)
    assert known is not None
    names = run.recipe.info.classes
    for split, image in (("test", 7), ("validation", 3)):
        table = epochs.history(run, known, split, image)
        assert history.sentence(known.epochs, table, names) in said(opened(image, split=split))
    epochs.path_of(run).write_bytes(b"none")
    assert "cannot be read" in said(opened(7))
    (run.path / "epochs.json").unlink()
    shutil.rmtree(run.path / "epochs")
    assert "this run kept no weights of its epochs" in said(opened(7))
