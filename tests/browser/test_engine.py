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
from digitcore.runs import Run, folded, keras_file
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
    files = {"reader": packed(shipped.recipe, keras_file.weights(shipped))}
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


def test_each_switch_breaks_its_step_of_the_preprocessing_and_no_other(blank: Page) -> None:
    bar = [[np.array([[40.0, 20.0], [40.0, 100.0]])]]  # in the upper left of a canvas of 320 pixels
    serve_files(blank, {})

    def made(**broken: bool) -> np.ndarray:
        return images_in_page(blank, bar, asdict(AS_MNIST), side=320, **broken)[0].astype(float)

    def ink(image: np.ndarray) -> tuple[float, float, int]:
        """Centre of mass, x and y, and height."""
        y, x = np.average(np.indices(image.shape), axis=(1, 2), weights=[image, image])
        return float(x), float(y), int((image.max(axis=1) > 99).sum())

    sound = drawing.from_strokes(bar[0]).astype(float)
    assert np.abs(made() - sound).max() <= 1
    np.testing.assert_array_equal(made(inverted=True), 255 - made())
    assert 1.7 < made(thick=True).sum() / sound.sum() < 2.2
    x, y, height = ink(made(unscaled=True))
    assert (x, y) == pytest.approx((14, 14), abs=0.1)
    assert height == pytest.approx(80 * 28 / 320 + AS_MNIST.pen_width, abs=1)
    x, y, height = ink(made(uncentred=True))
    assert x == pytest.approx(40 * 28 / 320 - 0.5, abs=0.1)
    assert (y, height) == (pytest.approx(9.5, abs=0.1), 20)  # at the edge, and whole
    x, y, height = ink(made(uncentred=True, unscaled=True))
    assert (x, y) == pytest.approx((40 * 28 / 320 - 0.5, 60 * 28 / 320 - 0.5), abs=0.1)
    assert height < 11
