"""A digit is read while the pen moves, in the page; the server's answer to the same strokes agrees, and decides."""

from __future__ import annotations

import pytest
from browser.app import App, draw, settled
from browser.engine import random_network
from networks import images
from playwright.sync_api import Browser, Page, expect

from digitcore.recipes import Recipe
from digitcore.runs import folded

ANSWER = ".answer .class"
# What the page says, each time that it says something else.
RECORD = """it => {
    window.said = [];
    new MutationObserver(() => {
        const now = [it.dataset.by, it.dataset.strokes, it.querySelector('.class')?.textContent ?? ''];
        if (String(now) !== String(window.said.at(-1))) window.said.push(now);
    }).observe(it, {attributes: true, childList: true, subtree: true});
}"""


def pen_down(page: Page, *points: tuple[int, int]) -> None:
    """A stroke whose end is still to come; points are in pixels of the canvas."""
    box = page.locator(".canvas-root canvas").last.bounding_box()
    assert box
    page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=10)


def opened(page: Page, app: App, run: str) -> None:
    page.goto(f"{app.url}/draw?run={run}")
    page.wait_for_selector('.answer[data-strokes="0"]')
    settled(page)


def test_the_answer_follows_the_pen_and_the_server_agrees(
    page: Page, app: App, reader: str
) -> None:
    opened(page, app, reader)
    page.locator(".answer").evaluate(RECORD)
    pen_down(page, (90, 80), (230, 80), (150, 250))
    expect(page.locator(ANSWER)).to_have_text("7")
    assert page.locator(".answer").get_attribute("data-by") == "page"
    assert page.locator(".answer").get_attribute("data-strokes") == "0", "the server has no stroke"
    assert page.evaluate("window.said").count(["page", "0", "7"]) >= 1
    page.evaluate("window.said = []")
    page.mouse.up()
    page.wait_for_selector('.answer[data-by=server][data-strokes="1"]')
    settled(page)
    assert {name for _, _, name in page.evaluate("window.said")} == {"7"}, "nothing flickers"

    # A bar through it, and back; what was drawn before counts, and what was undone does not.
    pen_down(page, (90, 80), (90, 250), (230, 250), (230, 80))
    page.wait_for_function("() => window.said.at(-1)[0] === 'page'")
    page.mouse.up()
    page.wait_for_selector('.answer[data-by=server][data-strokes="2"]')
    settled(page)
    page.locator(".stButton button", has_text="Undo").click()
    page.wait_for_selector('.answer[data-by=server][data-strokes="1"]')
    expect(page.locator(ANSWER)).to_have_text("7")

    # Only the page breaks what is done to the strokes, and the answer is at once another.
    page.get_by_text("Break the preprocessing").click()
    page.get_by_label("Black ink on white").check()
    page.wait_for_selector(".answer[data-by=page]")
    corner = "it => it.getContext('2d').getImageData(0, 0, 1, 1).data[0]"
    assert page.locator("canvas.seen").evaluate(corner) == 255
    expect(page.locator(".unusual")).to_have_text("Not made as in MNIST")
    page.get_by_label("Black ink on white").uncheck()
    page.wait_for_selector(".answer[data-by=server]")
    assert page.locator("canvas.seen").evaluate(corner) == 0
    expect(page.locator(ANSWER)).to_have_text("7")


@pytest.mark.parametrize("fault", ["no workers", "another network"])
def test_the_server_answers_where_the_page_cannot_or_errs(
    fault: str, browser: Browser, app: App, reader: str
) -> None:
    page = browser.new_page()
    if fault == "no workers":
        page.add_init_script("delete window.Worker")
    else:
        recipe = Recipe.load("micro")
        arrays = random_network(recipe, images(20)).get_weights()
        other = folded.packed(folded.folded(recipe, arrays), recipe.input_shape)
        page.route("**/engine/network?*", lambda route: route.fulfill(body=other))
    opened(page, app, reader)
    draw(page, [(90, 80), (230, 80), (150, 250)])
    page.wait_for_selector('.answer[data-by=server][data-strokes="1"]')
    expect(page.locator(ANSWER)).to_have_text("7")
    settled(page)
    page.locator(".answer").evaluate(RECORD)
    draw(page, [(120, 160), (220, 160)])
    page.wait_for_selector('.answer[data-strokes="2"]')
    assert {by for by, _, _ in page.evaluate("window.said")} == {"server"}
    page.close()
