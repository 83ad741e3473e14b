"""Two runs are selected, and the page says whether they differ, and in what."""

from __future__ import annotations

import re
import shutil

from browser.app import App, settled
from browser.test_accessibility import violations
from playwright.sync_api import Page, expect


def test_two_selected_runs_are_told_apart_and_their_images_open(
    page: Page, app: App, reader: str, trained: str
) -> None:
    # The filter finds these two by a word of their ids, whatever runs other tests have left.
    copies = [
        shutil.copytree(
            app.models / run, app.models / f"20990101-00000{number}-compared-{number:04x}"
        )
        for number, run in enumerate((trained, reader), start=1)
    ]
    try:
        page.goto(f"{app.url}/runs?selected=&filter=compared")
        expect(page.get_by_text("Select rows to open, compare")).to_be_visible()
        settled(page)
        table = page.get_by_test_id("stDataFrameResizable").bounding_box()
        assert table
        for row in (0, 1):
            page.mouse.click(table["x"] + 14, table["y"] + 35 + 35 * row + 17)
            expect(page).to_have_url(re.compile(r"selected=[^&]+" + "%2C[^&]+" * row))
            settled(page)
        verdict = page.get_by_text(
            re.compile(r"reader.* is \d\.\d\d points .* more accurate than fast")
        )
        expect(verdict).to_contain_text("on 10,000 test images (McNemar p < 0.001)")
        page.get_by_text("What differs").click()
        tiles = page.get_by_role("group", name="Images").get_by_role("button")
        expect(tiles).to_have_count(24)
        settled(page)
        tiles.nth(3).click()
        expect(tiles.nth(3)).to_have_attribute("aria-pressed", "true")
        expect(page).to_have_url(re.compile("compare_image="))
        bars = page.locator(".bars")
        expect(bars).to_have_count(2)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.reload()
        expect(verdict).to_be_visible()
    finally:
        for copy in copies:
            shutil.rmtree(copy)
