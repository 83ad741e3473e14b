"""What a narrow window must not cut."""

from __future__ import annotations

import pytest
from browser.app import App, settled
from playwright.sync_api import Page

# Elements of a selector with more than fits into them, or beyond the window's edge.
CUT = """(selector) => [...document.querySelectorAll(selector)].filter(one =>
    one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth)
    .map(one => one.textContent)"""


def test_no_room_is_left_below_the_confusion_matrix(page: Page, app: App, reader: str) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(f"{app.url}/explore?run={reader}")
    page.wait_for_selector(".js-plotly-plot .xtitle")
    settled(page)
    ends, begins = page.evaluate(
        """() => [document.querySelector('.js-plotly-plot .xtitle').getBoundingClientRect().bottom,
            document.querySelector('.st-key-explore_gallery').getBoundingClientRect().top]"""
    )
    # The gallery's title, and the gap between what stands side by side in a wide window.
    assert 0 < begins - ends < 160


@pytest.mark.parametrize("width", [400, 1024, 1366])
def test_layers_and_options_are_whole(width: int, page: Page, app: App, reader: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for address, selector in (
        ("?recipe=record", ".network, .network figure"),
        ("runs?view=Leaderboard", "[role=radiogroup], [role=radiogroup] button"),
        (f"draw?run={reader}", "[role=radiogroup], [role=radiogroup] button"),
    ):
        page.goto(f"{app.url}/{address}")
        page.wait_for_selector(selector)
        settled(page)
        assert page.evaluate(CUT, selector) == [], address
