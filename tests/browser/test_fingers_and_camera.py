"""Draw without a mouse: with a finger, with the keyboard, and with the camera."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress

import pytest
from browser.app import App, draw, settled
from playwright.sync_api import Browser, Page, expect

# Whether the camera has shown paper with ink for three looks: at first it is black, and the page then
# starts it again in another size, with no picture for a moment.
SEES = """() => {
    const video = document.querySelector('video'), size = video?.videoWidth;
    if (!size || video.readyState < 2) return window.looks = 0;
    const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
    [canvas.width, canvas.height] = [size, video.videoHeight];
    pen.drawImage(video, 0, 0);
    const red = pen.getImageData(0, 0, size, video.videoHeight).data.filter((_, i) => i % 4 == 0);
    const part = seen => red.filter(seen).length / red.length;
    const sheet = part(v => v > 150) > 0.9 && part(v => v < 90) > 0.005;
    window.looks = sheet && window.sizeBefore === size ? window.looks + 1 : 0;
    window.sizeBefore = size;
    return window.looks >= 3;
}"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 400, "height": 860}, has_touch=True)
    yield context.new_page()
    context.close()


def touch(page: Page, stroke: list[tuple[int, int]]) -> None:
    """One finger over the canvas; points are in pixels of the canvas as it is shown."""
    canvas = page.locator(".canvas-root canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    finger = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(stroke):
        points = [{"x": box["x"] + x, "y": box["y"] + y}]
        kind = "touchMove" if number else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def line(*corners: tuple[int, int]) -> list[tuple[int, int]]:
    """Points every few pixels from corner to corner, as a finger gives them."""
    points = []
    for (ax, ay), (bx, by) in itertools.pairwise(corners):
        points += [(ax + (bx - ax) * k // 12, ay + (by - ay) * k // 12) for k in range(12)]
    return [*points, corners[-1]]


def test_a_finger_draws_and_the_page_does_not_scroll_away(
    phone: Page, app: App, reader: str
) -> None:
    phone.goto(f"{app.url}/draw?run={reader}")
    phone.wait_for_selector('.answer[data-strokes="0"]')
    settled(phone)
    before = phone.locator(".canvas-root canvas").last.bounding_box()
    touch(phone, line((80, 70), (230, 70), (140, 260)))
    expect(phone.locator(".answer .class")).to_have_text("7")
    expect(phone.locator('.answer[data-strokes="1"]')).to_have_count(1)
    assert phone.locator(".canvas-root canvas").last.bounding_box() == before


def test_undo_and_clear_work_from_the_keyboard(page: Page, app: App, reader: str) -> None:
    page.goto(f"{app.url}/draw?run={reader}")
    page.wait_for_selector('.answer[data-strokes="0"]')
    settled(page)
    draw(page, [(90, 80), (230, 80), (150, 250)])
    page.wait_for_selector('.answer[data-strokes="1"]')
    draw(page, [(120, 160), (220, 160)])
    page.wait_for_selector('.answer[data-strokes="2"]')
    page.locator(".stButton button", has_text="Undo").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector('.answer[data-strokes="1"]')
    page.keyboard.press("Tab")
    expect(page.locator(".stButton button", has_text="Clear")).to_be_focused()
    page.keyboard.press("Space")
    page.wait_for_selector('.answer[data-strokes="0"]')


def test_a_sheet_before_the_camera_is_read(page: Page, app: App, reader: str) -> None:
    page.goto(f"{app.url}/draw?run={reader}")
    page.get_by_text("Photo", exact=True).click()
    page.get_by_text("Camera", exact=True).click()
    settled(page)
    page.wait_for_function(SEES, polling=200)
    # Streamlit may start its camera again at the very moment, and then takes no picture: as a
    # person does, press again. What was taken is read, or this fails.
    for _ in range(3):
        page.get_by_role("button", name="Take Photo").click()
        with suppress(AssertionError):
            expect(page.get_by_role("button", name="Clear photo")).to_be_visible(timeout=10_000)
            break
    expect(page.get_by_text("Found 3 digits")).to_be_visible()
    expect(page.locator(".number .digits")).to_have_text("240")
