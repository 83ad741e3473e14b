"""The map of a run's images in a real browser: computed on the first look, selected with the mouse."""

from __future__ import annotations

import re

import pytest
from browser.app import App, settled
from playwright.sync_api import Page, expect

# Where the errors lie in the window: the left, top, right and bottom edge around their points.
ERRORS = """() => {
    const plot = document.querySelector('.js-plotly-plot'), {xaxis, yaxis} = plot._fullLayout;
    const box = plot.getBoundingClientRect(), [, wrong] = plot._fullData;
    const x = Array.from(wrong.x, v => box.left + xaxis._offset + xaxis.d2p(v));
    const y = Array.from(wrong.y, v => box.top + yaxis._offset + yaxis.d2p(v));
    return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
}"""
CHOSEN = """() => document.querySelector('.js-plotly-plot')._fullData
    .reduce((sum, trace) => sum + (trace.selectedpoints?.length ?? 0), 0)"""
TILES = ".st-key-explore_gallery button"


def test_a_box_drawn_on_the_map_shows_its_images(page: Page, app: App, trained: str) -> None:
    page.goto(f"{app.url}/explore?run={trained}&explore_view=Map")
    page.wait_for_selector(".js-plotly-plot .scatterlayer .trace:nth-child(2) path")
    expect(page.get_by_text(re.compile(r"^All errors"))).to_be_visible()
    settled(page)
    page.locator(".modebar-btn[data-title='Box Select']").click()
    left, top, right, bottom = page.evaluate(ERRORS)
    page.mouse.move(left - 4, top - 4)
    page.mouse.down()
    page.mouse.move((left + right) / 2, (top + bottom) / 2, steps=3)
    page.mouse.move(right + 4, bottom + 4, steps=3)
    page.mouse.up()
    told = page.get_by_text(re.compile(r"^Selected"))
    expect(told).to_be_visible()
    expect(page).to_have_url(re.compile("[?&]area="))
    settled(page)
    words = told.locator("..").inner_text()
    selected, wrong = (
        int(n.replace(",", "")) for n in re.findall(r"([\d,]+) (?:images|wrong)", words)
    )
    errors = page.get_by_text(re.compile(r"of 10,000 wrong")).inner_text()
    assert wrong == int(errors.split(" of ")[0].replace(",", ""))
    assert wrong < selected <= 10_000
    # Errors come first, and the first one is open.
    first = page.locator(TILES).first
    expect(first).to_have_attribute("aria-pressed", "true")
    expect(first).to_have_class("wrong")
    expect(
        page.get_by_text(re.compile("Nearest training images of the true class"))
    ).to_be_visible()
    page.locator(TILES).nth(2).click()
    settled(page)
    # The chart is as it was, with what it selected.
    points = page.evaluate(CHOSEN)
    assert wrong < points <= selected
    page.reload()
    page.wait_for_selector(".js-plotly-plot .selectionlayer path")
    settled(page)
    expect(page.locator(TILES).nth(2)).to_have_attribute("aria-pressed", "true")
    assert told.locator("..").inner_text() == words
    # It counts by whole pixels.
    assert page.evaluate(CHOSEN) == pytest.approx(points, abs=5)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text(re.compile(r"^All errors"))).to_be_visible()
    expect(page).not_to_have_url(re.compile("[?&]area="))
