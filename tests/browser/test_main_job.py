"""What a person comes for: choose, train live, explore, draw."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from browser.app import CELL, HEATMAP, App, draw, serve, settled
from playwright.sync_api import Browser, Page, expect

LONG = "?recipe=two-conv&training_images=20000&epochs=100"  # who started it stops it
MINUTES = 120_000
POINTS = """() => Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')]
    .flatMap(plot => plot.data.map(trace => (trace.x || []).length)))"""


def run_id(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query)["run"][0]


def start(page: Page, app: App, query: str = LONG) -> str:
    page.goto(app.url + "/" + query)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile("run="))
    return run_id(page)


def points(page: Page, more_than: int) -> int:
    """How many points the longest curve has, once it has more than that."""
    page.wait_for_function(f"() => ({POINTS})() > {more_than}", timeout=MINUTES)
    return int(page.evaluate(POINTS))


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("^Stopped"))).to_be_visible(timeout=MINUTES)


def test_train_reload_explore_draw(page: Page, app: App) -> None:
    run = start(page, app)
    first = points(page, more_than=0)
    assert points(page, more_than=first) > first, "the curve grows"
    assert app.status(run) == "running"

    page.reload()
    assert run_id(page) == run
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=30_000)
    assert app.status(run) == "running", "a reload does not disturb the training"
    points(page, more_than=first)
    expect(page.get_by_text("best epoch").first).to_be_visible(timeout=MINUTES)
    stop(page)

    links = page.get_by_role("link", name="Explore its errors")
    expect(links).to_be_visible(timeout=MINUTES)
    expect(
        page.get_by_text(re.compile(r"9\d\.\d\d % \(9\d\.\d\d–9\d\.\d\d\) test"))
    ).to_be_visible()
    links.click()

    page.wait_for_function(f"() => Boolean({HEATMAP})")
    expect(page.get_by_text("of 10,000 wrong")).to_be_visible()
    settled(page)
    page.mouse.click(*page.evaluate(CELL, [4, 9]))
    expect(page.get_by_text("4 predicted as 9").first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^4 predicted as 9, ")).first).to_be_visible()

    page.get_by_role("link", name="Draw").first.click()
    page.wait_for_selector('.answer[data-strokes="0"]')
    settled(page)
    draw(page, [(100, 90), (220, 90), (150, 250)])
    expect(page.locator(".answer .class")).to_have_text("7")
    expect(page).to_have_url(re.compile(run))  # it stays chosen from page to page


def test_a_second_browser_finds_the_training_and_a_closed_tab_does_not_end_it(
    page: Page, app: App, browser: Browser
) -> None:
    other = browser.new_page()
    run = start(other, app)
    points(other, more_than=0)
    other.close()

    page.goto(app.url)
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=30_000)
    expect(page).to_have_url(re.compile(run))
    before = points(page, more_than=0)
    page.get_by_role("slider").first.press("ArrowRight")
    points(page, more_than=before)
    assert app.status(run) == "running", "the sidebar does not disturb the training"
    page.get_by_role("button", name="Stop").click()  # asks, as another browser began it
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("^Stopped"))).to_be_visible(timeout=MINUTES)
    assert (app.models / run / "model.tflite").exists(), "Stop keeps the best model"
    assert app.status(run) == "stopped"


def test_a_stopped_run_goes_on_in_the_page(page: Page, app: App) -> None:
    run = start(page, app)
    points(page, more_than=0)
    stop(page)
    before = points(page, more_than=0)
    page.get_by_role("button", name="Resume").click()
    points(page, more_than=before)
    assert app.status(run) == "running"
    stop(page)


def test_the_server_never_loads_tensorflow(page: Page, app: App, trained: str) -> None:
    for name in ("", "explore", "draw", "runs"):
        page.goto(f"{app.url}/{name}?run={trained}")
        page.wait_for_selector(
            "[data-testid=stMainBlockContainer] [data-testid=stElementContainer]"
        )
        settled(page)
        if name == "draw":
            draw(page, [(160, 60), (160, 260)])
            expect(page.locator(".answer .class")).to_have_text("1")
    libraries = {mapping.path for mapping in app.process.memory_maps()}
    assert any("ai_edge_litert" in path for path in libraries), "the predictor did answer"
    assert not [path for path in libraries if "/tensorflow/" in path]


def test_a_drawing_survives_undo_and_a_page_switch(page: Page, app: App, trained: str) -> None:
    page.goto(f"{app.url}/draw?run={trained}")
    answer = page.locator(".answer .class")
    expect(page.get_by_text("Draw a digit, 0 to 9")).to_be_visible()
    settled(page)
    draw(page, [(100, 90), (220, 90), (150, 250)])
    expect(answer).to_have_text("7")
    draw(page, [(100, 290), (240, 290)])
    page.wait_for_selector('.answer[data-strokes="2"]')
    page.locator(".stButton button", has_text="Undo").click()
    page.wait_for_selector('.answer[data-strokes="1"]')
    expect(answer).to_have_text("7")
    page.get_by_role("link", name="Runs").first.click()
    page.wait_for_url(re.compile("/runs"))
    page.get_by_role("link", name="Draw").first.click()
    expect(answer).to_have_text("7")
    page.reload()
    expect(answer).to_have_text("7")
    page.locator(".stButton button", has_text="Clear").click()
    expect(page.get_by_text("Draw a digit, 0 to 9")).to_be_visible()


def test_a_direct_link_on_a_fresh_server_shows_the_whole_frame(
    browser: Browser, app: App, trained: str, tmp_path: Path
) -> None:
    shutil.copytree(app.models / trained, tmp_path / trained)
    with serve(tmp_path) as fresh:
        page = browser.new_page()
        page.goto(f"{fresh.url}/explore?run={trained}")
        expect(page.get_by_text("of 10,000 wrong")).to_be_visible(timeout=30_000)
        expect(page.get_by_role("link", name="Train").first).to_be_visible()
        assert run_id(page) == trained
        page.close()


def test_a_group_of_the_sidebar_stays_open_while_it_is_changed(page: Page, app: App) -> None:
    page.goto(f"{app.url}/?recipe=two-conv")
    page.get_by_text("Augmentation", exact=True).click()
    rotation = page.get_by_role("slider", name=re.compile("^Rotation"))
    rotation.focus()
    for degrees in (1, 2, 3):
        rotation.press("ArrowRight")
        expect(page).to_have_url(re.compile(rf"rotation={degrees}(\.0)?(&|$)"))
    expect(page.get_by_text("1 changed: rotation")).to_be_visible()
    expect(rotation).to_be_visible()


@pytest.mark.parametrize("name", ["", "explore", "draw", "runs"])
def test_an_unknown_run_in_the_address_shows_no_error(
    name: str, page: Page, app: App, trained: str
) -> None:
    page.goto(f"{app.url}/{name}?run=no-such-run")
    page.wait_for_selector("[data-testid=stMainBlockContainer] [data-testid=stElementContainer]")
    settled(page)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


@pytest.mark.parametrize("name", ["", "explore", "draw", "runs"])
def test_nothing_sticks_out_of_a_narrow_window(
    name: str, page: Page, app: App, trained: str
) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(f"{app.url}/{name}?run={trained}")
    page.wait_for_selector("[data-testid=stMainBlockContainer] [data-testid=stElementContainer]")
    settled(page)
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 400


def test_the_leaderboard_has_ones_own_run_among_the_recipes(
    page: Page, app: App, reader: str
) -> None:
    page.goto(f"{app.url}/runs")
    page.get_by_role("radio", name="Leaderboard").click()
    expect(page.get_by_role("radio", name="At most 1,000 parameters")).to_be_visible(timeout=30_000)
    drawn = "() => document.querySelector('.js-plotly-plot')?.data?.[2]?.x?.length"
    page.wait_for_function(f"() => ({drawn})() >= 1")
    # Hovering a marker names it: the figure itself shows no names.
    marker = page.locator(".js-plotly-plot .scatterlayer .trace").nth(2).locator(".point").first
    marker.scroll_into_view_if_needed()
    box = marker.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".js-plotly-plot .hovertext")).to_contain_text("% validation")
    page.reload()
    expect(page.get_by_text("Accuracy over cost")).to_be_visible(timeout=30_000)
    page.get_by_role("radio", name="one prediction").click()
    page.wait_for_function(
        "() => document.querySelector('.js-plotly-plot')?.layout?.xaxis?.title?.text"
        " === 'milliseconds per image'"
    )
    page.set_viewport_size({"width": 400, "height": 900})
    settled(page)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 400


def test_the_shipped_run_draws_at_once_says_why_and_rejects_a_cross(
    page: Page, app: App, reader: str
) -> None:
    page.goto(f"{app.url}/draw?run={reader}")
    page.wait_for_selector('.answer[data-strokes="0"]')
    settled(page)
    draw(page, [(90, 80), (230, 80), (150, 250)], [(120, 160), (220, 160)])
    expect(page.locator(".answer .class")).to_have_text("7")
    page.wait_for_selector('.answer[data-strokes="2"]')
    for title in ("Step by step", "Strokes", "Nearest training digits"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.locator(".explanation img")).to_have_count(4 + 1 + 5)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.explanation img')].every(i => i.complete && i.naturalWidth)"
    )
    page.locator(".stButton button", has_text="Clear").click()
    page.wait_for_selector('.answer[data-strokes="0"]')
    settled(page)
    draw(page, [(60, 60), (260, 260)], [(260, 60), (60, 260)])
    expect(page.get_by_text("Not sure it is a digit")).to_be_visible(timeout=10_000)


def test_a_number_is_read_on_the_wide_canvas(page: Page, app: App, reader: str) -> None:
    page.goto(f"{app.url}/draw?run={reader}")
    page.get_by_text("Number", exact=True).click()
    page.wait_for_selector(".st-key-number-frame canvas")
    settled(page)
    draw(
        page,
        [(60, 60), (140, 60), (90, 190)],
        [(230, 50), (230, 190)],
        [(330, 55), (410, 55), (360, 190)],
    )
    expect(page.locator(".number .digits")).to_have_text("717")
    expect(page.locator(".number-tiles figure")).to_have_count(3)
    page.get_by_text("Digit", exact=True).click()
    page.wait_for_selector('.answer[data-strokes="0"]')
    page.get_by_text("Number", exact=True).click()
    expect(page.locator(".number .digits")).to_have_text("717")
