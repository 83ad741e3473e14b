"""Real people's strokes, moved over the canvas with the mouse, are read as the module reads them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import pytest
from browser.app import App, draw
from playwright.sync_api import Page

from digitcore import drawing
from digitcore.runs import Run
from digitcore.runs.predictor import Predictor

VARIABLE = "DIGITCORE_STROKES"
COUNT = 100


@pytest.fixture
def samples(skip_or_fail: Callable[[str], NoReturn]) -> list[list[np.ndarray]]:
    """Strokes of a hundred digits, a few of each writer, at the size of the canvas."""
    path = os.environ.get(VARIABLE)
    if not path:
        skip_or_fail(f"{VARIABLE} is not set to a file with pen strokes (UCI pendigits as npz)")
    data = np.load(path)
    chosen = np.linspace(0, len(data["label"]) - 1, COUNT).astype(int)
    found = []
    for index in chosen:
        first, last = data["sample_ptr"][index : index + 2]
        strokes = [
            data["points"][slice(*data["stroke_ptr"][k : k + 2])] for k in range(first, last)
        ]
        found.append([fitted(stroke, strokes) for stroke in strokes if len(stroke)])
    return found


def fitted(stroke: np.ndarray, strokes: list[np.ndarray]) -> np.ndarray:
    """The stroke as it lies in a square of 220 pixels in the middle of the canvas."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    return np.round((stroke - (low + high) / 2) * 220 / max((high - low).max(), 1) + 160).astype(
        int
    )


def test_a_hundred_digits_are_read_in_the_page_as_by_the_module(
    page: Page, app: App, reader: str, samples: list[list[np.ndarray]]
) -> None:
    page.goto(f"{app.url}/draw?run={reader}")
    page.wait_for_selector('.answer[data-strokes="0"]')
    ask = Predictor(Run(app.models / reader)).probabilities
    agreed = []
    for strokes in samples:
        draw(page, *[[(int(x), int(y)) for x, y in stroke] for stroke in strokes], steps=1)
        page.wait_for_selector(f'.answer[data-strokes="{len(strokes)}"]')
        shown = int(page.locator(".answer .digit").inner_text())
        agreed.append(shown == ask(drawing.from_strokes(strokes)[None])[0].argmax())
        page.locator(".stButton button", has_text="Clear").click()
        page.wait_for_selector('.answer[data-strokes="0"]')
    assert sum(agreed) >= 99
