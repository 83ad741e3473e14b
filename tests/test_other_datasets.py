"""Datasets that are not digits, on real images: training, runs, predictions, command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import devanagari
import numpy as np
import pytest

from digitcore import runs
from digitcore.datasets import load_dataset, registry
from digitcore.recipes import Recipe, RecipeError
from digitcore.runs.predictor import Predictor

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


def command(*arguments: str) -> dict[str, Any]:
    """The JSON object that the command prints last."""
    done = subprocess.run(
        [sys.executable, "-m", "digitcore", *arguments, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
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
