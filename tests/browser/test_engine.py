"""The engine in the page: networks answer as on LiteRT, strokes become the images that Python makes of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from browser.app import ROOT
from browser.engine import images_in_page, random_network, run_in_page, serve_files
from networks import RECIPES
from playwright.sync_api import Browser, Page

from digitcore import drawing
from digitcore.datasets import Dataset
from digitcore.drawing import AS_MNIST
from digitcore.recipes import Recipe
from digitcore.runs import Run, folded
from digitcore.runs.predictor import Predictor

FEW = 50  # images for each network with random weights


@pytest.fixture
def blank(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def packed(recipe: Recipe, weights: list[np.ndarray]) -> bytes:
    return folded.packed(folded.folded(recipe, weights), recipe.input_shape)


def test_networks_answer_in_the_page_as_on_litert(
    blank: Page, mnist: Dataset, tmp_path: Path
) -> None:
    shipped = Run(ROOT / "models" / "reader")
    files = {"reader": packed(shipped.recipe, folded.weights(shipped))}
    images = mnist.test.images[:1000]
    expected = {"reader": Predictor(shipped).probabilities(images)}
    for recipe in RECIPES:
        if recipe.input_shape != (28, 28, 1) or recipe.name == "reader":
            continue  # small images are run by the same code
        model = random_network(recipe, images[:FEW])
        model.export(tmp_path / "model.tflite", format="litert", verbose=False)
        files[recipe.name] = packed(recipe, model.get_weights())
        expected[recipe.name] = Predictor(tmp_path / "model.tflite").probabilities(images[:FEW])
    serve_files(blank, files | {"images": images.tobytes()})
    assert len(expected) > 12
    for name, table in expected.items():
        answer = run_in_page(blank, name, len(table))
        assert np.ptp(table, axis=0).max() > 0.1, f"{name} says the same of all images"
        np.testing.assert_allclose(answer["table"], table, atol=1e-4, err_msg=name)
        assert all(np.isfinite(answer["sums"])), name
        assert answer["sums"][-1] == pytest.approx(1, abs=1e-5), name


def real_drawings(skip_or_fail: Callable[[str], NoReturn], count: int) -> list[list[np.ndarray]]:
    path = os.environ.get("DIGITCORE_STROKES")
    if not path:
        skip_or_fail("DIGITCORE_STROKES is not set to a file with pen strokes (UCI pendigits)")
    data = np.load(path)
    drawings = []
    for index in np.linspace(0, len(data["label"]) - 1, count).astype(int):
        first, last = data["sample_ptr"][index : index + 2]
        pointers = [data["stroke_ptr"][k : k + 2] for k in range(first, last)]
        drawings.append([data["points"][slice(*ends)].astype(float) for ends in pointers])
    return drawings


def test_strokes_become_the_images_that_python_makes_within_one_grey_level(
    blank: Page, skip_or_fail: Callable[[str], NoReturn]
) -> None:
    random = np.random.default_rng(0)
    many_points = [np.cumsum(random.normal(0, 3, (400, 2)), axis=0) for _ in range(12)]
    odd = [
        many_points,
        [np.array([[3.0, 4.0]])],
        [np.array([[3.0, 4.0], [3.0, 90.0]]), np.zeros((0, 2))],
        [np.array([[0.0, 0.0], [60.0, 0.0]]), np.array([[50.0, 0.0], [60.0, 90.0]])],
    ]
    drawings = [*real_drawings(skip_or_fail, 1000), *odd]
    serve_files(blank, {})
    emnist = replace(AS_MNIST, box=24, centring="box", pen_width=3.0)
    for like, chosen in ((AS_MNIST, drawings), (emnist, drawings[::20])):
        made = images_in_page(blank, chosen, asdict(like))
        expected = np.array([drawing.from_strokes(strokes, like=like) for strokes in chosen])
        differences = np.abs(made.astype(int) - expected).max(axis=(1, 2))
        assert differences.max() <= 1, np.flatnonzero(differences > 1)
        assert expected.max(axis=(1, 2)).min() > 100
