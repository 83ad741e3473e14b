"""WCAG 2.2 AA on every page: by axe-core, and by what a keyboard reaches and a screen reader is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.app import App, draw, serve, settled
from playwright.sync_api import Browser, Page, expect

from digitcore.datasets import Dataset

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# What a theme changes is colours.
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# What lies in the markup of Streamlit and its components, and cannot be mended from outside: a rule,
# where, and why.
THEIRS: list[tuple[str, str]] = []
CONTENT = "[data-testid=stMainBlockContainer] [data-testid=stElementContainer]:not(:has(.heard))"
PAGES = ("", "explore", "draw", "runs")


def way(name: str) -> Callable[[Page], None]:
    def choose(page: Page) -> None:
        page.get_by_role("radio", name=name, exact=True).click()

    return choose


def digit(page: Page) -> None:
    page.wait_for_selector('.answer[data-strokes="0"]')
    settled(page)
    draw(page, [(90, 80), (230, 80), (150, 250)], [(120, 160), (220, 160)])
    page.wait_for_selector('.answer[data-strokes="2"]')


def map_of_images(page: Page) -> None:
    way("Map")(page)
    page.wait_for_selector(".map[data-shows=points]")


def nothing(page: Page) -> None:
    pass


SCENES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "train": ("", nothing),
    "explore": ("explore", nothing),
    "map": ("explore", map_of_images),
    "probabilities": ("explore", way("Probabilities")),
    "robustness": ("explore", way("Robustness")),
    "labels": ("explore", way("Labels")),
    "draw a digit": ("draw", digit),
    "draw a number": ("draw", way("Number")),
    "read a photo": ("draw", way("Photo")),
    "my handwriting": ("draw", way("My handwriting")),
    "runs": ("runs", nothing),
    "leaderboard": ("runs", way("Leaderboard")),
}


@pytest.fixture(scope="module")
def empty(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server that has no run."""
    with serve(tmp_path_factory.mktemp("empty")) as app:
        yield app


def dark(page: Page) -> bool:
    return bool(page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"))


def violations(page: Page) -> list[str]:
    """What axe-core finds in both themes and widths, but for what cannot be mended."""
    told = []
    for width, theme, rules in (
        (1280, "light", RULES),
        (1280, "dark", OF_COLOURS),
        (400, "dark", OF_COLOURS),
        (400, "light", RULES),
    ):
        page.set_viewport_size({"width": width, "height": 1000})
        if theme != ("dark" if dark(page) else "light"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(300)  # colours fade over
        settled(page)
        for violation in Axe().run(page, options=rules).response["violations"]:
            for node in violation["nodes"]:
                if violation["impact"] in ("serious", "critical") and not is_theirs(
                    violation["id"], node
                ):
                    told.append(
                        f"{theme}, {width}: {violation['id']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
                    )
        told += [f"{theme}, {width}: {text}" for text in page.evaluate(PALE)]
    return told


def is_theirs(rule: str, node: dict[str, Any]) -> bool:
    return any(rule == one and re.search(where, node["html"]) for one, where in THEIRS)


# axe-core leaves out what is written in an SVG; these are the texts of figures with a contrast below 4.5.
PALE = """() => {
    const parsed = colour => {
        const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = colour => {
        const [r, g, b] = parsed(colour).map(c => c / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = luminance(getComputedStyle(document.querySelector('.stApp')).backgroundColor);
    return [...document.querySelectorAll('.js-plotly-plot text')]
        .filter(text => text.textContent.trim() && !text.closest('.heatmaplayer'))
        .filter(text => {
            const ink = luminance(getComputedStyle(text).fill);
            return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05) < 4.5;
        })
        .map(text => `${text.textContent} is ${getComputedStyle(text).fill}`);
}"""


def opened(scene: str, page: Page, app: App, run: str) -> None:
    path, act = SCENES[scene]
    page.goto(f"{app.url}/{path}?run={run}")
    page.wait_for_selector(CONTENT)
    act(page)
    settled(page)


@pytest.mark.parametrize("scene", SCENES)
def test_axe_finds_nothing_serious_on_a_page_with_content(
    scene: str, page: Page, app: App, reader: str, trained: str
) -> None:
    opened(scene, page, app, trained)
    assert violations(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious_on_an_empty_page(
    path: str, browser: Browser, empty: App
) -> None:
    page = browser.new_page()
    page.goto(f"{empty.url}/{path}")
    page.wait_for_selector(CONTENT)
    settled(page)
    told = violations(page)
    page.close()
    assert told == []


# The element that has the focus, as it is to be seen: in no hidden part, and not cut off.
FOCUSED = """() => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    if (!one || one === document.body) return null;
    const box = one.getBoundingClientRect();
    let opacity = 1, cut = box.width === 0 && !one.closest('canvas');
    for (let at = one; at; at = at.parentElement ?? at.getRootNode().host) {
        const style = getComputedStyle(at), room = at.getBoundingClientRect();
        if (!['INPUT', 'CANVAS'].includes(one.tagName)) opacity *= style.opacity;
        if (at !== one && !one.closest('canvas') && style.overflow === 'hidden')
            cut ||= box.bottom <= room.top || box.top >= room.bottom;
    }
    const style = getComputedStyle(one);
    // A table that is wider than the window is a stop of the browser's own, to be scrolled: it is told by its region.
    const around = one.matches('.dvn-scroller') && one.closest('[role=region]')?.ariaLabel;
    const name = one.ariaLabel || one.labels?.[0]?.innerText || one.textContent || one.title || around;
    return {tag: one.tagName, is: one.outerHTML.slice(0, 200), name: (name || '').trim(), visible: opacity > 0.5 && !cut,
            outline: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth)};
}"""


def tab_stops(page: Page) -> list[dict[str, Any]]:
    stops: list[dict[str, Any]] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        for _ in range(10):
            if not stop or (stop["visible"] and stop["outline"] >= 2 and stop["name"]):
                break
            page.wait_for_timeout(300)  # a toolbar fades in, a table writes its cells for readers
            stop = page.evaluate(FOCUSED)
        if stop is None:
            break
        stops.append(stop)
    return stops


def check_title_and_headings(page: Page, title: str) -> None:
    expect(page).to_have_title(f"{title} · Digit Studio")
    # Streamlit loads what draws it after the rest.
    expect(page.get_by_role("heading", level=1, name=title)).to_be_attached()
    levels = [
        (int(level), text)
        for level, text in page.evaluate(
            "() => [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => [h.tagName[1], h.innerText])"
        )
    ]
    assert levels[0] == (1, title)
    assert [level for level, _ in levels].count(1) == 1
    assert 2 in [level for level, _ in levels]
    for (before, _), (level, text) in pairwise(levels):
        assert level <= before + 1, f"{text}: h{level} after h{before}"


@pytest.mark.parametrize("scene", ["train", "explore", "draw a digit", "runs"])
def test_title_and_headings_are_in_order_and_what_the_tab_key_reaches_is_seen_named_and_marked(
    scene: str, page: Page, app: App, reader: str, trained: str
) -> None:
    opened(scene, page, app, trained)
    check_title_and_headings(page, scene.split(maxsplit=1)[0].capitalize())
    page.get_by_test_id("stSkipToContent").focus()
    stops = tab_stops(page)
    assert len(stops) > 5
    assert [stop for stop in stops if not stop["visible"]] == []
    assert [stop for stop in stops if not stop["name"]] == []
    links = [stop for stop in stops if stop["tag"] in ("A", "BUTTON", "SUMMARY")]
    assert [stop for stop in links if stop["outline"] < 2] == []
    names = [stop["name"] for stop in stops if stop["tag"] == "BUTTON"]
    if scene == "draw a digit":
        assert sum("Undo" in name for name in names) == 1
        assert sum("Clear" in name for name in names) == 1


def test_the_canvas_has_a_name_and_says_how_to_do_without_a_pointer(
    page: Page, app: App, reader: str
) -> None:
    page.goto(f"{app.url}/draw?run={reader}")
    expect(page.get_by_role("img", name=re.compile("^Canvas .*choose Photo"))).to_be_visible()
    page.keyboard.press("Tab")
    page.get_by_role("radio", name="Digit", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("Upload|Browse")).first).to_be_visible()
