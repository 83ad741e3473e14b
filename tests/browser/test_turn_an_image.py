"""The dial of the view Robustness in a real browser: picture and probabilities follow, and a link shows the same."""

from __future__ import annotations

import re

from browser.app import App, settled
from playwright.sync_api import Page, expect

# By how many severities the slider goes on, for how many milliseconds the page then computes, and
# whether the picture is another one.
TURN = """(range, by) => {
    const canvas = range.closest('.dial').querySelector('canvas');
    const before = canvas.toDataURL(), begun = performance.now();
    range.value = Number(range.value) + by;
    range.dispatchEvent(new Event('input', {bubbles: true}));
    return [performance.now() - begun, canvas.toDataURL() !== before];
}"""


def test_a_picture_and_its_probabilities_follow_the_dial(page: Page, app: App, reader: str) -> None:
    page.goto(f"{app.url}/explore?run={reader}&explore_view=Robustness&image=0&severity=-20")
    slider = page.get_by_role("slider", name="Rotation")
    expect(slider).to_have_attribute("aria-valuetext", "−20°: 7 correct")
    expect(page.get_by_text("Predicted as 7; first changes at −")).to_be_visible()
    settled(page)
    bars = page.locator(".dial .bars")
    wide = bars.locator(".fill.right").evaluate("fill => fill.offsetWidth")
    milliseconds, drawn = slider.evaluate(TURN, 35)
    assert drawn
    assert milliseconds < 150
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^\+50°: 7 predicted as \d$"))
    expect(bars.locator(".fill.right")).to_have_count(0)
    assert 0 < bars.locator(".fill.wrong").evaluate("fill => fill.offsetWidth") <= wide
    assert "severity=-20" in page.url  # nothing was asked of the server
    slider.press("ArrowRight")
    expect(page).to_have_url(re.compile("severity=52"))
    settled(page)
    page.locator(".st-key-dial_gallery button").nth(3).click()
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^\+52°: 3 "))
    page.reload()
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^\+52°: 3 "))
    settled(page)
    page.get_by_role("button", name="Measure on corrupted images").click()
    expect(page.get_by_text(re.compile("of 222,000 images"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Measure on corrupted images")).to_be_visible()
