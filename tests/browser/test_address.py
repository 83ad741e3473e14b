"""A link and a reload show what was chosen; nonsense in an address is ignored."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from browser.app import CELL, HEATMAP, App, settled
from pages_of_runs import KEPT
from playwright.sync_api import Page, expect

GRID = ".st-key-explore_gallery"


@pytest.fixture
def three(app: App, reader: str) -> Iterator[list[str]]:
    """Ids of three runs that look alike, the newest first."""
    folder, made = app.models / reader, []
    for number in (1003, 1002, 1001):
        path = app.models / f"20990101-00000{number - 1000}-twin-{number - 1000:04x}"
        shutil.copytree(folder, path)
        state = json.loads((path / "state.json").read_text())
        (path / "state.json").write_text(json.dumps({**state, "number": number}))
        made.append(path)
    yield [path.name for path in made]
    for path in made:
        shutil.rmtree(path)


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query, keep_blank_values=True)


def explore(page: Page, app: App, address: str) -> None:
    page.goto(f"{app.url}/explore?{address}")
    page.wait_for_function(f"() => Boolean({HEATMAP})")
    settled(page)


def pick(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(f"\\b{label}$")).click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def test_what_is_chosen_on_explore_survives_a_reload(page: Page, app: App, reader: str) -> None:
    explore(page, app, f"run={reader}")
    page.get_by_role("radio", name="validation").click()
    page.get_by_text("Only errors", exact=True).click()
    settled(page)
    pick(page, "Sort", "Least confident")
    page.locator(".stPagination").get_by_role("button", name="Page 2").click()
    settled(page)
    page.locator(GRID).get_by_role("button").nth(3).click()
    expect(page).to_have_url(re.compile("[?&]image="))
    settled(page)
    opened = page.locator(f"{GRID} [aria-pressed=true]")
    label = opened.get_attribute("aria-label")
    assert label
    assert label.endswith(f"image {query(page)['image'][0]}")
    page.reload()
    page.wait_for_function(f"() => Boolean({HEATMAP})")
    settled(page)
    expect(opened).to_have_attribute("aria-label", label)
    expect(page.get_by_role("radio", name="validation")).to_be_checked()
    expect(page.get_by_text("All images").first).to_be_visible()
    expect(page.locator(".stPagination [aria-current=page]")).to_have_text("2")
    pick(page, "True", "7")
    # Other images begin at their first page.
    expect(page).not_to_have_url(re.compile("[?&]page="))


def test_a_cell_of_the_matrix_is_in_the_address_and_back_leaves_it(
    page: Page, app: App, reader: str
) -> None:
    explore(page, app, f"run={reader}")
    page.mouse.click(*page.evaluate(CELL, [4, 9]))
    expect(page).to_have_url(re.compile("true=4.*predicted=9|predicted=9.*true=4"))
    expect(page.get_by_text("4 predicted as 9").first).to_be_visible()
    settled(page)  # the browser puts what widgets hold into the address after it has drawn them
    page.get_by_role("link", name="Draw").first.click()
    page.wait_for_selector(".answer")
    settled(page)
    while "true=4" not in page.url or "predicted=9" not in page.url:
        page.go_back()  # what a page adds to its address is a step back of its own
        settled(page)
    expect(page.get_by_text("4 predicted as 9").first).to_be_visible()
    page.get_by_role("link", name="Draw").first.click()
    page.wait_for_selector(".answer")
    page.get_by_role("link", name="Explore").first.click()
    expect(page.get_by_text("4 predicted as 9").first).to_be_visible()
    expect(page).to_have_url(re.compile("true=4"))


def test_nonsense_in_an_address_is_ignored(page: Page, app: App, reader: str) -> None:
    # All kinds of nonsense are tried in `test_pages.py`; here what the browser itself makes of some.
    for value in ("1e400", "%00"):
        wrong = "&".join(f"{name}={value}" for name in KEPT)
        for place in ("explore", "draw", "runs"):
            page.goto(f"{app.url}/{place}?run={reader}&{wrong}")
            page.wait_for_selector("[data-testid=stMain] [data-testid=stElementContainer]")
            settled(page)
            assert page.locator("[data-testid=stException]").count() == 0, (place, value)


def test_a_link_in_the_words_of_a_command_is_kept_in_those_of_the_page(
    page: Page, app: App
) -> None:
    page.goto(f"{app.url}/?recipe=two-conv&dataset=fashion-mnist&training_images=20000")
    for _ in range(2):
        expect(page.get_by_text("18,000 training and 2,000 validation images")).to_be_visible()
        expect(page.get_by_role("combobox", name=re.compile("Dataset$"))).to_have_value(
            "Fashion-MNIST"
        )
        expect(page).to_have_url(re.compile("dataset=Fashion-MNIST"))
        expect(page).to_have_url(re.compile("training_images=20%2C000"))
        page.reload()


def test_what_is_chosen_on_runs_survives_a_reload(page: Page, app: App, three: list[str]) -> None:
    page.goto(f"{app.url}/runs?run={three[0]}")
    page.get_by_label("Filter").fill("twin")
    page.get_by_label("Filter").press("Enter")
    page.get_by_role("button", name="finished").click()
    expect(page).to_have_url(re.compile("status=finished"))
    settled(page)
    table = page.get_by_test_id("stDataFrameResizable").bounding_box()
    assert table
    for row in (1, 2):  # beside the one that is selected
        page.mouse.click(table["x"] + 14, table["y"] + 35 + 35 * row + 17)
        expect(page).to_have_url(re.compile("selected=" + "%2C".join(three[: row + 1])))
    expect(page).to_have_url(re.compile("filter=twin"))
    lines = "() => document.querySelector('.js-plotly-plot')?.data?.length"
    page.wait_for_function(f"() => ({lines})() === 3")
    page.reload()
    page.wait_for_function(f"() => ({lines})() === 3")
    settled(page)
    expect(page.get_by_label("Filter")).to_have_value("twin")
    page.mouse.click(table["x"] + 14, table["y"] + 35 + 17)
    page.wait_for_function(f"() => ({lines})() === 2")
    settled(page)
    page.go_back()
    page.wait_for_function(f"() => ({lines})() === 3")


def test_the_way_of_drawing_and_the_ranking_are_in_the_address(
    page: Page, app: App, reader: str
) -> None:
    page.goto(f"{app.url}/draw?run={reader}&input=Photo")
    expect(page.get_by_role("radio", name="Photo")).to_be_checked()
    page.goto(f"{app.url}/runs?view=Leaderboard&ranking=At+most+1,000+parameters")
    expect(page.get_by_role("radio", name="At most 1,000 parameters")).to_be_checked()
