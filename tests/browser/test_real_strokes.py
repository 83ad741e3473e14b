"""Real people's strokes, moved over the canvas with the mouse, get the module's own answers.

The images are compared, which tells more than the answers: a canvas that loses every second point, or
joins the strokes, changes 1 answer in 250, or in 26, but 1 image in 5. Of 16 digits one image
may differ, so what changes a quarter of all images (strokes joined, or all but the first lost) fails with
a chance of 94 %; what changes most of them (a stroke's last tenth lost, a side 5 % longer, a grid of
4 pixels) fails surely. Measured on 1,000 digits of the same file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import pytest
from browser.app import App, draw, script_ended
from playwright.sync_api import Page

from digitcore import drawing
from digitcore.runs import Run
from digitcore.runs.predictor import Predictor

VARIABLE = "DIGITCORE_STROKES"
COUNT = 16
NEAR = 2.0  # grey levels between two images, on average


@pytest.fixture
def samples(skip_or_fail: Callable[[str], NoReturn]) -> list[list[np.ndarray]]:
    """Strokes of some digits of as many writers, at the size of the canvas."""
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


def seen(page: Page) -> np.ndarray:
    """What the page says that the network sees: uint8 (28, 28)."""
    pixels = page.locator("canvas.seen").evaluate(
        "it => [...it.getContext('2d').getImageData(0, 0, it.width, it.height).data]"
    )
    return np.array(pixels, np.uint8).reshape(28, 28, 4)[..., 0]


def test_digits_are_seen_and_read_in_the_page_as_by_the_module(
    page: Page, app: App, reader: str, samples: list[list[np.ndarray]]
) -> None:
    page.goto(f"{app.url}/draw?run={reader}")
    page.wait_for_selector('.answer[data-strokes="0"]')
    predict = Predictor(Run(app.models / reader)).probabilities
    differences, agreed = [], []
    for strokes in samples:
        draw(page, *[[(int(x), int(y)) for x, y in stroke] for stroke in strokes], steps=1)
        page.wait_for_selector(f'.answer[data-strokes="{len(strokes)}"]')
        script_ended(page)
        image = drawing.from_strokes(strokes)
        differences.append(np.abs(seen(page).astype(int) - image).mean())
        shown = int(page.locator(".answer .class").inner_text())
        agreed.append(shown == predict(image[None])[0].argmax())
        page.locator(".stButton button", has_text="Clear").click()
        page.wait_for_selector('.answer[data-strokes="0"]')
    assert np.sum(np.array(differences) > NEAR) <= 1, np.round(differences, 1)
    assert sum(agreed) >= COUNT - 1
