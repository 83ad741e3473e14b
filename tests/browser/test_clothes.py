"""Explore shows a run on clothes from the matrix to the report as it shows one on digits."""

from __future__ import annotations

import re
import zipfile

import pytest
from browser.app import CELL, HEATMAP, App, settled
from browser.test_select_on_map import ERRORS, MAP, TILES, around, line, ready
from playwright.sync_api import Page, expect
from test_other_datasets import real


@pytest.fixture(scope="module")
def clothes(app: App) -> str:
    """The id of a finished run of `fast` on a fifth of Fashion-MNIST."""
    real("fashion-mnist")
    few = ("--dataset", "fashion-mnist", "--training-images", "12000", "--epochs", "1")
    return str(app.digitcore("train", "--recipe", "fast", *few)["run"])


def test_a_cell_an_image_the_map_and_the_report_name_the_clothes(
    page: Page, app: App, clothes: str
) -> None:
    page.goto(f"{app.url}/explore?run={clothes}")
    page.wait_for_function(f"() => Boolean({HEATMAP})")
    settled(page)
    # Shirts are the class that is confused most, with T-shirts above all.
    page.mouse.click(*page.evaluate(CELL, [6, 0]))
    expect(page.get_by_text("Shirt predicted as T-shirt").first).to_be_visible()
    settled(page)
    caption = page.locator(f"{TILES} .caption b").first
    assert " ".join(caption.inner_text().split()) == "Shirt → T-shirt"
    # No name is broken at its hyphen.
    lines = "one => [...one.children].map(name => name.getClientRects().length)"
    assert caption.evaluate(lines) == [1, 1]
    page.locator(TILES).nth(1).click()
    expect(page).to_have_url(re.compile(r"[?&]image=\d+"))
    settled(page)
    expect(page.get_by_text("Nearest training images").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        (table,) = (name for name in archive.namelist() if name.endswith("tables/classes.tex"))
        assert "Ankle boot" in archive.read(table).decode()
    page.get_by_role("button", name="Clear selection").click()
    page.get_by_role("radio", name="Map").click()
    ready(page)
    around(page, *page.locator(MAP).evaluate(ERRORS))
    expect(page.get_by_text("in an area of the map").first).to_be_visible()
    settled(page)
    assert int(re.findall(r"([\d,]+) images", line(page))[0].replace(",", "")) > 0
