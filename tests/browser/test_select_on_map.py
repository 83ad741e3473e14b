"""One selection in a real browser: a cell of the matrix stands out on the map, what is drawn around narrows
the matrix, and a reload shows the same."""

from __future__ import annotations

import re

from browser.app import CELL, HEATMAP, App, settled
from playwright.sync_api import Page, expect

MAP = ".map"
# Where the errors lie in the window: the left, top, right and bottom edge around their points.
ERRORS = """root => {
    const {map} = root, box = map.canvas.getBoundingClientRect();
    const wrong = map.seen.filter(([i]) => map.labels[i] !== map.predicted[i]);
    const x = wrong.map(one => box.left + one[1]), y = wrong.map(one => box.top + one[2]);
    return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
}"""
BRIGHT = "root => [...Array(root.map.n).keys()].filter(i => root.map.isSelected(i)).length"
# An image that has no other near it, and where it is in the window.
ALONE = """root => {
    const {map} = root, box = map.canvas.getBoundingClientRect();
    const [i, x, y] = map.seen.reduce((a, b) => a[1] > b[1] ? a : b);
    return [i, box.left + x, box.top + y];
}"""
SHOWS = "root => root.dataset.shows"
TILES = ".st-key-explore_gallery button"


def line(page: Page) -> str:
    """What is said to be selected."""
    return page.get_by_text(re.compile(r" · [\d,]+ images?( · |$)")).first.inner_text()


def ready(page: Page) -> None:
    page.wait_for_selector(f"{MAP} canvas")
    page.wait_for_function(
        """() => [...document.querySelectorAll('*')].some(one =>
            (one.shadowRoot ?? one).querySelector('.map')?.map?.ready)"""
    )
    settled(page)


def around(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    page.mouse.move(left - 4, top - 4)
    page.mouse.down()
    for x, y in ((right + 4, top - 4), (right + 4, bottom + 4), (left - 4, bottom + 4)):
        page.mouse.move(x, y, steps=3)
    page.mouse.up()


def test_a_cell_stands_out_on_the_map_and_an_area_of_the_map_narrows_the_matrix(
    page: Page, app: App, trained: str
) -> None:
    page.goto(f"{app.url}/explore?run={trained}")
    page.wait_for_function(f"() => Boolean({HEATMAP})")
    settled(page)
    page.mouse.click(*page.evaluate(CELL, [4, 4]))
    expect(page.get_by_text("4 correct").first).to_be_visible()
    settled(page)
    told = line(page)
    count = int(re.findall(r"([\d,]+) images", told)[0].replace(",", ""))
    page.get_by_role("radio", name="Map").click()
    ready(page)
    assert line(page) == told
    root = page.locator(MAP)
    assert root.evaluate(BRIGHT) == count
    expect(page).to_have_url(re.compile("true=4"))
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_text("All errors").first).to_be_visible()
    settled(page)
    assert root.evaluate(BRIGHT) == 10_000

    around(page, *root.evaluate(ERRORS))
    expect(page.get_by_text("in an area of the map").first).to_be_visible()
    settled(page)
    told = line(page)
    selected, wrong = (
        int(n.replace(",", "")) for n in re.findall(r"([\d,]+) (?:images|wrong)", told)
    )
    errors = page.get_by_text(re.compile(r"of 10,000 wrong")).inner_text()
    assert wrong == int(errors.split(" of ")[0].replace(",", ""))
    assert wrong < selected <= 10_000
    assert root.evaluate(BRIGHT) == selected
    expect(page.locator(TILES).first).to_have_class("wrong")
    page.locator(TILES).nth(2).click()
    settled(page)
    page.reload()
    ready(page)
    expect(page.locator(TILES).nth(2)).to_have_attribute("aria-pressed", "true")
    assert line(page) == told
    assert page.locator(MAP).evaluate(BRIGHT) == selected
    page.get_by_role("radio", name="Errors").click()
    expect(page.get_by_text(f"Confusion of {selected:,} images")).to_be_visible()
    settled(page)
    assert line(page) == told
    expect(page).to_have_url(re.compile("[?&]area="))


def test_the_image_is_shown_under_the_pointer_and_where_few_are_in_sight(
    page: Page, app: App, trained: str
) -> None:
    page.goto(f"{app.url}/explore?run={trained}&explore_view=Map")
    ready(page)
    root = page.locator(MAP)
    assert root.evaluate(SHOWS) == "points"
    image, x, y = root.evaluate(ALONE)
    page.mouse.move(x, y)
    expect(page.locator(f"{MAP} .tip")).to_be_visible()
    expect(page.locator(f"{MAP} .tip")).to_contain_text(f"image {image:,}")
    picture = page.locator(f"{MAP} .tip img")
    assert picture.evaluate("async one => (await one.decode(), one.naturalWidth)") == 28
    with page.expect_response(re.compile(r"/map/images\?.*images=.*,")) as answer:
        for _ in range(12):
            page.mouse.wheel(0, -200)
    assert answer.value.ok
    page.wait_for_function(
        "([root, shows]) => (eval(shows))(root) === 'images'", arg=[root.element_handle(), SHOWS]
    )
    page.locator(f"{MAP} button[name=whole]").click()
    assert root.evaluate(SHOWS) == "points"
