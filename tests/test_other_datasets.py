"""Datasets that are not digits, on real images: training, runs, pages, command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import devanagari
import numpy as np
import pytest
from pages_of_runs import drawn_on, explored, said, visit
from reported import tables
from reported import told as reported
from test_samples import written

from digitcore import runs
from digitcore.datasets import catalogue, load_dataset, registry
from digitcore.datasets.info import RemoteFile
from digitcore.drawing.samples import SamplesError
from digitcore.jobs import fine_tuning, queue
from digitcore.recipes import Recipe, RecipeError
from digitcore.runs.predictor import Predictor
from ui import caching

ROOT = Path(__file__).parents[1]
REAL = os.environ.get("DIGITCORE_DATA_DIR", "")
SMALL = {
    "layers": [
        {"kind": "conv", "filters": 8, "stride": 2},
        {"kind": "flatten"},
    ],
    "batch_size": 50,
    "rotation": 5.0,
    "elastic": 0.5,
}


def real(path: str) -> Path:
    """Real images beside MNIST's folder or in the folder of all datasets."""
    for root in (Path(REAL), Path(REAL).parent):
        if REAL and (root / path).exists():
            return root / path
    pytest.skip(f"DIGITCORE_DATA_DIR has no {path} in it or beside it")


@pytest.fixture
def registered() -> Iterator[None]:
    devanagari.register()
    yield
    registry.unregister(devanagari.NAME)


@pytest.fixture(params=["fashion-mnist", devanagari.NAME])
def dataset(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    registered: None,
) -> str:
    """The name of a dataset that DIGITCORE_DATA_DIR now has, also for other processes."""
    name = str(request.param)
    if name == devanagari.NAME:
        folder = tmp_path / "all"
        arrays = np.load(real("devanagari/dhcd_test_all46.npz"))
        devanagari.write(arrays["images"], arrays["labels"], folder)
        hook = tmp_path / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text("import devanagari\ndevanagari.register()\n")
        paths = [hook, ROOT / "tests", ROOT]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
    else:
        folder = real(name).parent
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(folder))
    return name


def command(*arguments: str, fails: bool = False) -> Any:
    """The JSON object that the command prints last, or where it fails all that it says."""
    done = subprocess.run(
        [sys.executable, "-m", "digitcore", *arguments, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if fails:
        assert done.returncode != 0
        return done.stdout + done.stderr
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def recipe_file(tmp_path: Path, dataset: str) -> Path:
    file = tmp_path / "recipe.toml"
    file.write_text(Recipe(name="small", dataset=dataset, **SMALL).to_toml())
    return file


def test_the_network_follows_the_dataset(dataset: str) -> None:
    info = registry.get(dataset)
    recipe = Recipe.load("fast").changed(dataset=dataset)
    assert recipe.info is info
    assert recipe.input_shape == (*info.image_shape, 1)
    assert recipe.summary()[-1].shape == (info.class_count,)


def test_train_predict_and_evaluate(dataset: str, tmp_path: Path) -> None:
    info = registry.get(dataset)
    told = command(
        *("train", "--recipe", str(recipe_file(tmp_path, dataset))),
        *("--epochs", "3", "--training-images", "1500"),
    )
    assert told["status"] == "finished"
    # Five times chance or more: it has learned these classes.
    assert told["test_accuracy"] > 5 / info.class_count
    run = runs.load(told["run"])
    assert run.recipe.dataset == dataset
    images = load_dataset(dataset).test.images
    predictor = Predictor(run)
    assert (predictor.image_shape, predictor.classes) == (info.image_shape, info.class_count)
    table = predictor.probabilities(images[:60])
    np.testing.assert_allclose(table, run.probabilities()["test"][:60], atol=1e-5)
    assert command("evaluate", told["run"])["test_accuracy"] == told["test_accuracy"]
    (row,) = command("runs")["runs"]
    assert (row["run"], row["dataset"]) == (told["run"], dataset)
    explored(told["run"], info)
    # A matrix of many classes has no figures in its cells: a table has those that matter.
    confusions = tables(reported(run)).get("confusions")
    assert (confusions is not None) == (info.class_count > 16)
    if confusions:
        counts = [row[2] for row in confusions.rows]
        assert counts == sorted(counts, reverse=True)
        assert {name for row in confusions.rows for name in row[:2]} <= set(info.classes)
    drawn_on(told["run"], info)
    with pytest.raises(SamplesError, match=f"Handwriting samples are digits.*{info.title}"):
        fine_tuning.fine_tune(run, written(1, 2, 3))
    written(1).save(tmp_path / "mine.json")
    refused = command(
        *("evaluate", told["run"], "--handwriting", str(tmp_path / "mine.json")), fails=True
    )
    assert "Handwriting samples are digits" in refused
    app = visit("runs", run=told["run"])
    assert not app.exception


def test_the_nearest_images_are_those_of_the_dataset(dataset: str) -> None:
    """Of the run's own dataset, and of another one for a run of another."""
    for name in (dataset, "digits", dataset):
        run = runs.create(Recipe(name="small", dataset=name, **SMALL))
        images = load_dataset(name).train.images
        found = caching.nearest(run)
        assert found is not None
        split, nearest = found
        assert split.images is images or np.array_equal(split.images, images)
        assert nearest(images[7])[0] == 7


@pytest.mark.usefixtures("no_worker")
def test_the_sidebar_begins_with_the_dataset(dataset: str) -> None:
    info = registry.get(dataset)
    app = visit("train")
    first = app.sidebar.selectbox[0]
    assert (first.label, first.value) == ("Dataset", "mnist")
    assert first.options == [registry.get(name).title for name in registry.names()]
    app.sidebar.selectbox(key="recipe").select("reader").run()
    assert "synthetic_digits" in {widget.key for widget in app.sidebar.get("select_slider")}
    app.sidebar.selectbox(key="dataset").select(dataset).run()
    assert not app.exception
    assert not app.error
    # What has no use there is not offered, and the recipe is as it was but for that.
    assert "synthetic_digits" not in {widget.key for widget in app.sidebar.get("select_slider")}
    assert "As in the recipe" in said(app)
    assert f"{info.class_count} classes" in said(app)
    assert visit("train", dataset=dataset).sidebar.selectbox(key="dataset").value == dataset
    app.button[0].click().run()
    (run,) = runs.list_runs()
    assert run.recipe == Recipe.load("reader").for_dataset(dataset)


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)


@pytest.mark.usefixtures("no_worker")
def test_without_mnist_train_says_what_start_works_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGITCORE_DATA_DIR", raising=False)
    nowhere = RemoteFile("mnist.npz", 11_490_434, "sha256:0", ("http://127.0.0.1:9/mnist.npz",))
    known = replace(catalogue.MNIST, sources=((nowhere,),))
    monkeypatch.setitem(registry._registered, "mnist", known)
    app = visit("train")
    assert "MNIST is not on this machine, and no server that has it" in said(app)
    assert "Start works all the same: it trains on scikit-learn's digits" in said(app)
    app.sidebar.selectbox(key="dataset").select("digits").run()
    assert "not on this machine" not in said(app)
    assert "88 ± 3 % with `fast` and 97.2 ± 0.4 % with `small-digits`" in said(app)


def test_data_describes_it(dataset: str) -> None:
    told = command("data", "--dataset", dataset)
    info = registry.get(dataset)
    assert told["classes"] == list(info.classes)
    assert told["image_shape"] == list(info.image_shape)
    assert len(told["splits"]["test"]["per_class"]) == info.class_count


# --- recipes ------------------------------------------------------------------


def test_what_does_not_apply_is_refused_or_left_out() -> None:
    reader, micro = Recipe.load("reader"), Recipe.load("micro")
    with pytest.raises(RecipeError, match=r"synthetic_digits is 0 for Fashion-MNIST, which is not"):
        reader.changed(dataset="fashion-mnist")
    with pytest.raises(RecipeError, match=r"distillation is 0 for Kuzushiji-MNIST, which the te"):
        micro.changed(dataset="kmnist")
    for recipe in (reader, micro):
        other = recipe.for_dataset("fashion-mnist")
        assert other.dataset == "fashion-mnist"
        assert (other.synthetic_digits, other.synthetic_outliers, other.distillation) == (0, 0, 0)
        assert recipe.for_dataset("mnist") == recipe
    with pytest.raises(RecipeError, match="A dataset is one of"):
        reader.for_dataset("cats")


def test_layers_that_leave_nothing_of_a_smaller_image(registered: None) -> None:
    with pytest.raises(ValueError, match="only 28×28×1 values are left"):
        Recipe(name="deep", dataset="mnist", layers=[{"kind": "pool", "size": 29}])
    Recipe(
        name="deep",
        dataset=devanagari.NAME,
        layers=[{"kind": "pool", "size": 29}, {"kind": "flatten"}],
    )
