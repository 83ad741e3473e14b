"""A training that learned nothing says so, and its result is on the first screen, as is any run's."""

from __future__ import annotations

import re

import pytest
from browser.app import App, settled
from playwright.sync_api import Page, expect

STARS = """() => [...document.querySelectorAll('.js-plotly-plot')]
    .flatMap(plot => plot.data).filter(trace => trace.marker?.symbol === 'star').length"""
ARROWS = """() => [...document.querySelectorAll('.js-plotly-plot')]
    .flatMap(plot => plot.data).filter(trace => trace.marker?.symbol === 'triangle-up')
    .flatMap(trace => [...(trace.x?._inputArray ?? trace.x ?? [])]).length"""
SCREENS = [(1366, 768), (1280, 720)]


@pytest.fixture(scope="module")
def hopeless(app: App) -> str:
    """The id of a run whose learning rate is 10,000 times the usual one."""
    return str(app.digitcore("train", "--recipe", "fast", "--learning-rate", "10")["run"])


def charts_end(page: Page) -> float:
    """The lowest pixel of the curves."""
    boxes = [chart.bounding_box() for chart in page.locator(".js-plotly-plot").all()]
    return max(box["y"] + box["height"] for box in boxes if box)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_run_that_learned_nothing_says_so_and_why(
    page: Page, app: App, hopeless: str, screen: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": screen[0], "height": screen[1]})
    page.goto(f"{app.url}/?run={hopeless}")
    verdict = page.get_by_text(re.compile("^ ?.*It learned nothing"))
    expect(verdict).to_contain_text("no better than guessing (10 %)")
    expect(verdict).to_contain_text(
        "The learning rate is 10,000 times Adam's usual 0.001: lower it."
    )
    page.locator(".js-plotly-plot").nth(1).wait_for()
    settled(page)
    expect(page.get_by_text("best epoch")).to_have_count(0)
    assert page.evaluate(STARS) == 0
    assert page.evaluate(ARROWS) >= 1, "the loss left the figure"
    assert charts_end(page) <= screen[1]


@pytest.mark.parametrize("screen", SCREENS)
def test_result_and_curves_are_on_the_first_screen(
    page: Page, app: App, trained: str, screen: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": screen[0], "height": screen[1]})
    page.goto(f"{app.url}/?run={trained}")
    result = page.get_by_text(re.compile(r"9\d\.\d\d % \(9\d\.\d\d–9\d\.\d\d\) test"))
    expect(result).to_be_visible()
    page.locator(".js-plotly-plot").nth(1).wait_for()
    settled(page)
    name = page.get_by_role("heading", name="fast").last.bounding_box()
    reached = result.bounding_box()
    assert name
    assert reached
    assert abs(name["y"] + name["height"] / 2 - reached["y"] - reached["height"] / 2) < 12
    assert page.evaluate(STARS) == 2
    assert page.evaluate(ARROWS) == 0
    assert charts_end(page) <= screen[1]
    page.locator("[data-testid=stMarkdown]", has=result).locator(
        "[data-testid=stTooltipIcon]"
    ).hover()
    expect(page.get_by_text("Guessing among 10 classes gives 10 %.")).to_be_visible()
