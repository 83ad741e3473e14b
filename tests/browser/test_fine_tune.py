"""A person corrects a prediction, draws what is asked for, and fine-tunes the network on it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from browser.app import App, draw, settled
from playwright.sync_api import Page, expect

from digitcore.drawing import synthetic
from digitcore.drawing.samples import HandwritingSamples
from digitcore.runs import Run

SEVEN = [(90, 80), (230, 80), (150, 250)]


def written(count: int) -> HandwritingSamples:
    random = np.random.default_rng(5)
    samples = HandwritingSamples()
    for number in range(count):
        strokes = synthetic.write(number % 10, random)
        samples = samples.added(number % 10, [stroke * 2 + 160 for stroke in strokes])
    return samples


def test_drawings_are_kept_corrected_imported_trained_on_and_deleted(
    page: Page, app: App, reader: str, tmp_path: Path
) -> None:
    page.goto(f"{app.url}/draw?run={reader}")
    page.wait_for_selector('.answer[data-strokes="0"]')
    settled(page)
    draw(page, SEVEN)
    expect(page.locator(".answer .class")).to_have_text("7")
    page.get_by_text("Wrong? It is a").wait_for()
    page.get_by_role("radio", name="1", exact=True).click()
    expect(page.get_by_text("Kept as a 1 in My handwriting")).to_be_visible()
    # Pressed by mistake: the drawing is the same one.
    page.get_by_role("radio", name="7", exact=True).click()
    expect(page.get_by_text("Kept as a 7 in My handwriting")).to_be_visible()

    page.get_by_text("My handwriting", exact=True).click()
    expect(page.get_by_text("1 of 1 drawing correct")).to_be_visible()
    expect(page.locator(".prompt b")).to_have_text("0")
    page.wait_for_selector(".st-key-samples-frame canvas")
    settled(page)
    draw(page, [(160, 60), (80, 160), (160, 260), (240, 160), (160, 60)])
    page.get_by_role("button", name="Keep as 0").click()
    expect(page.locator(".prompt b")).to_have_text("1")
    expect(page.get_by_text("of 2 drawings correct")).to_be_visible()
    expect(page.get_by_role("button", name="Keep as 1")).to_be_disabled()

    written(30).save(tmp_path / "samples.json")
    page.get_by_role("button", name="Import").click()
    page.locator("[data-testid=stFileUploader] input").set_input_files(tmp_path / "samples.json")
    expect(page.get_by_text("of 32 drawings correct")).to_be_visible(timeout=20_000)
    page.keyboard.press("Escape")

    # A reload, and a page in between, lose none of them.
    page.reload()
    page.get_by_text("My handwriting", exact=True).click()
    expect(page.get_by_text("of 32 drawings correct")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Fine-tune on my handwriting").click()
    expect(page.locator("table")).to_contain_text("drawings trained on", timeout=240_000)
    expect(page.locator("table")).to_contain_text("MNIST test")
    expect(page).not_to_have_url(re.compile(f"run={reader}"))
    child = page.url.split("run=")[1].split("&")[0]
    run = Run(app.models / child)
    assert run.state.parent == reader
    assert run.metrics
    told = run.metrics.fine_tuning
    assert told
    assert told.samples + told.held_out == 32
    # On real MNIST little is forgotten: far more than this would be a fault.
    assert run.metrics.test_accuracy > told.test_accuracy_before - 0.004

    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No drawings yet")).to_be_visible()
    assert list((app.models / ".hands").glob("*.json")) == []
