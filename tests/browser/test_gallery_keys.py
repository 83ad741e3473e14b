"""Keys in Explore's gallery: arrows go from image to image and from page to page, Enter opens the dossier of
one and Escape closes it, and Tab leaves."""

from __future__ import annotations

import re

from browser.app import HEATMAP, App, settled
from playwright.sync_api import Locator, Page, expect

GRID = ".st-key-explore_gallery"


def focused(page: Page) -> Locator:
    return page.locator(f"{GRID} button:focus")


def number(page: Page) -> int:
    """Of the image that has the focus."""
    return int((focused(page).get_attribute("aria-label") or "").split("image ")[1])


def test_keys_move_through_the_gallery_and_open_and_close_the_dossier(
    page: Page, app: App, trained: str
) -> None:
    page.goto(f"{app.url}/explore?run={trained}&sort=In+order")
    page.wait_for_function(f"() => Boolean({HEATMAP})")
    settled(page)
    tiles = page.locator(f"{GRID} button")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    second = number(page)
    page.keyboard.press("Enter")
    dossier = page.get_by_text(re.compile(rf"image {second:,} of test"))
    expect(dossier).to_be_visible()
    expect(page).to_have_url(re.compile(f"[?&]image={second}"))
    settled(page)
    assert number(page) == second, "the focus stays on the image"
    page.keyboard.press("Escape")
    expect(page.get_by_text("Enter or a click opens an image")).to_be_visible()
    expect(dossier).to_have_count(0)
    settled(page)
    expect(page.locator(f"{GRID} [aria-pressed=true]")).to_have_count(0)
    assert number(page) == second
    page.keyboard.press("End")
    last = number(page)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".stPagination [aria-current=page]")).to_have_text("2")
    settled(page)
    assert number(page) > last
    first = number(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".stPagination [aria-current=page]")).to_have_text("1")
    settled(page)
    assert number(page) == last, f"{last} is before {first}"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")
    expect(focused(page)).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    expect(focused(page)).to_have_count(1)


def test_a_click_brings_what_is_said_of_the_image_into_a_low_window(
    page: Page, app: App, reader: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 560})
    page.goto(f"{app.url}/explore?run={reader}")
    page.wait_for_selector(f"{GRID} button")
    settled(page)
    said = page.locator(".st-key-opened-image")
    expect(said).not_to_be_in_viewport()
    page.locator(f"{GRID} button").nth(1).click()
    expect(said).to_be_in_viewport(ratio=0.9)
