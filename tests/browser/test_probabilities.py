"""Trust in probabilities in a real browser: the slider answers, and stands in the address."""

from __future__ import annotations

import re

from browser.app import App, settled
from playwright.sync_api import Page, expect


def test_the_slider_tells_what_rejection_does_and_leads_to_the_images(
    page: Page, app: App, reader: str
) -> None:
    page.goto(f"{app.url}/explore?run={reader}&explore_view=Probabilities&rejected=1.5")
    expect(page.get_by_text("Rejecting the least sure 1.5 %, 150 images")).to_be_visible()
    expect(page.get_by_text("Says 99.26 % on average and is right in 99.63 %")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    settled(page)
    slider = page.get_by_role("slider", name="Reject the least sure")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    expect(page.get_by_text("Rejecting the least sure 2.0 %, 200 images")).to_be_visible()
    expect(page.get_by_text("falls from 0.37 % to 0.12 %")).to_be_visible()
    expect(page).to_have_url(re.compile(r"[?&]rejected=2(\.0)?\b"))
    settled(page)
    page.get_by_role("button", name="Show the 198 images at most 93 % sure").click()
    expect(page.get_by_text("All images · at most 93 % sure · 198 images")).to_be_visible()
    expect(page).to_have_url(re.compile("confidence=0&confidence=93"))
