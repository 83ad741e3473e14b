"""The run that comes with the project: it is whole, small, and reads as well as it says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from digitcore import drawing, runs
from digitcore.analysis import classification
from digitcore.datasets import Dataset
from digitcore.drawing import synthetic
from digitcore.recipes import Recipe
from digitcore.runs import Run
from digitcore.runs.predictor import Predictor

MODELS = Path(__file__).parents[1] / "models"


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DIGITCORE_MODELS_DIR", str(MODELS))
    return runs.load("reader")


def test_it_is_of_the_recipe_of_its_name_and_small(reader: Run) -> None:
    assert reader.status == "finished"
    assert reader.recipe == Recipe.load("reader")
    assert sum(path.stat().st_size for path in reader.path.iterdir()) < 2_000_000


def test_it_says_nothing_of_where_it_was_trained(reader: Run) -> None:
    state = json.loads((reader.path / "state.json").read_text())
    assert (state["pid"], state["data_folder"], state["turn"]) == (None, None, 0)
    metrics = reader.metrics
    assert metrics
    assert metrics.data_source == "MNIST"
    assert metrics.data_notice is None
    assert not (reader.path / "worker.log").exists()


def test_it_reads_mnist_as_well_as_it_says(reader: Run, mnist: Dataset) -> None:
    metrics = reader.metrics
    assert metrics
    table = Predictor(reader).probabilities(mnist.test.images)
    assert classification.accuracy(table, mnist.test.labels) == metrics.test_accuracy
    np.testing.assert_allclose(table, reader.probabilities()["test"], atol=1e-4)


def test_mnist_enlarged_to_a_canvas_loses_at_most_a_tenth_of_a_point(
    reader: Run, mnist: Dataset
) -> None:
    ask = Predictor(reader).probabilities
    images, labels = mnist.test.images[:2000], mnist.test.labels[:2000]
    on_canvas = [np.kron(image, np.ones((10, 10), np.uint8)) for image in images]
    again = ask(np.array([drawing.from_image(image) for image in on_canvas]))
    direct = classification.accuracy(ask(images), labels)
    assert classification.accuracy(again, labels) >= direct - 0.001


def test_it_predicts_what_people_write_and_rejects_what_is_no_digit(reader: Run) -> None:
    ask, random = Predictor(reader).probabilities, np.random.default_rng(12345)
    threshold = classification.rejection_threshold(reader.probabilities()["validation"])
    labels = np.arange(500) % 10
    digits = ask(np.array([drawing.from_strokes(synthetic.write(int(d), random)) for d in labels]))
    others = ask(np.array([drawing.from_strokes(synthetic.scribble(random)) for _ in range(300)]))
    assert classification.accuracy(digits, labels) > 0.97
    assert (digits.max(axis=1) < threshold).mean() < 0.06
    assert (others.max(axis=1) < threshold).mean() > 0.8
