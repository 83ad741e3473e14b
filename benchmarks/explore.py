"""Times Explore in Chromium: its views, every kind of selection, the dial; and a comparison of twenty runs.

    DIGITCORE_DATA_DIR=... python benchmarks/explore.py                    # everything
    DIGITCORE_DATA_DIR=... python benchmarks/explore.py --only selections  # one section

    views        page switch from Train to each view
    selections   class, cell, confidence, text, writer and an area of the map, of all 10,000 test images
    many         the same of 60,000: MNIST with its training and test images exchanged (no writers)
    dial         the dial of an image, as in `latency.py`
    compare      twenty runs with other predictions, selected on Runs

A selection is answered in the frame in which the line that tells it and the gallery have changed. Run nothing
else meanwhile. It is long because it makes each selection as a person does.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Locator, Page

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "tests")]

from browser.app import (  # noqa: E402
    CELL,
    HEATMAP,
    App,
    chromium,
    find_chromium,
    script_ended,
    settled,
)
from explore_runs import another, fresh_app  # noqa: E402
from latency import SWITCH, tiles, turns  # noqa: E402
from machine import report  # noqa: E402
from table_row import Row  # noqa: E402

import digitcore  # noqa: E402
from digitcore.runs import Run  # noqa: E402

ANSWER, VIEW, DIAL, COMPARISON = "p95 ≤ 300", "≤ 1000", "p95 ≤ 150", "≤ 2000"
RUNS = 20
# The first element of that class, also inside of components.
FIND = """(root, name) => {
    const find = within => within.querySelector(name)
        ?? [...within.querySelectorAll('*')].map(e => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
    return find(root);
}"""
SHOWN = {
    "Errors": HEATMAP,
    "Map": f"({FIND})(document, '.map')?.map?.ready",
    "Probabilities": "[...document.querySelectorAll('p')].some(p => p.textContent.includes('is right in'))",
    "Robustness": f"({FIND})(document, '.dial canvas')",
}
# What a selection changes: the line that tells it, and the gallery.
LOOK = f"""() => {{
    const line = [...document.querySelectorAll('p')].find(p => / · [\\d,]+ images?( · |$)/.test(p.textContent));
    const grid = ({FIND})(document.querySelector('.st-key-explore_gallery') ?? document.body, '.tiles');
    const names = [...grid?.querySelectorAll('button') ?? []].map(b => b.getAttribute('aria-label'));
    return [line?.textContent, names.join()];
}}"""
COMPARED = (
    "() => [String(Boolean(document.querySelector('.st-key-compare-accuracy .js-plotly-plot')))]"
)
# From the next event of that kind to the frame in which each of what is looked at is another.
WATCH = """kind => {
    const look = %s, before = look();
    window.answered = new Promise((done, fail) => window.addEventListener(kind, () => {
        const begun = performance.now();
        setTimeout(() => fail(new Error(`no answer: ${before} is ${look()}`)), 30000);
        const again = () => look().every((one, k) => one && one !== before[k])
            ? done(performance.now() - begun) : requestAnimationFrame(again);
        requestAnimationFrame(again);
    }, {once: true, capture: true}));
}"""
Act = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("-n", type=int, default=20, help="times each (20)")
    options = parser.parse_args()
    path = find_chromium()
    if path is None:
        sys.exit("Chromium is not installed.")
    if notice := digitcore.load_dataset(download=False).notice:
        sys.exit(notice)
    rows: list[Row] = []
    with chromium(path) as browser:
        for name in options.only:
            with fresh_app(exchanged=name == "many") as (app, run):
                rows += SECTIONS[name](browser, app, run, options.n)
    print(f"{report()}; Chromium, headless, on the same machine.\n")
    print("| what | median | 95th percentile | min–max | target | n |\n|---|---|---|---|---|---|")
    for row in rows:
        print(row.line())


# What is measured. Each section has a server of its own, with one finished run.


def views(browser: Browser, app: App, run: str, count: int) -> list[Row]:
    """The switch from Train to each view, after its first."""
    rows = []
    for view, shown in SHOWN.items():
        page = _opened(browser, app, f"run={run}&explore_view={view}", shown)
        times = []
        for _ in range(count):
            page.get_by_role("link", name="Train", exact=True).click()
            page.get_by_text("Explore its errors").wait_for()
            settled(page)
            times.append(float(page.evaluate(SWITCH % shown, "Explore")))
        rows.append(Row(f"Explore, page switch to {view}", "ms", times, VIEW))
        page.context.close()
    return rows


def selections(browser: Browser, app: App, run: str, count: int) -> list[Row]:
    """Every kind of selection, of all images of the test split, right or wrong."""
    page = _opened(browser, app, f"run={run}&errors=false", HEATMAP)
    times: dict[str, list[float]] = {}

    def timed(what: str, kind: str, before: Act, act: Act) -> None:
        before()
        settled(page)
        page.evaluate(WATCH % LOOK, kind)
        act()
        times.setdefault(what, []).append(float(page.evaluate("() => window.answered")))

    def nothing() -> None:
        script_ended(page)

    for number in range(count):
        option = page.get_by_role("option", name=str(number % 10), exact=True)
        timed("class", "click", page.locator(".st-key-true input").click, option.click)
    _clear(page)
    for number in range(count):
        place = page.evaluate(CELL, [number % 10, number % 10])
        timed("cell", "pointerup", nothing, lambda place=place: page.mouse.click(*place))
    _clear(page)
    thumb = page.locator(".st-key-confidence input[type=range]").nth(1)
    for _ in range(count):
        timed("confidence", "keydown", thumb.focus, lambda: thumb.press("ArrowLeft"))
    _clear(page)
    page.locator(".st-key-more_filters button").click()
    words = page.locator(".st-key-images input")
    for number in range(count):
        text = f"{100 * number + 1000}-{100 * number + 1900}"
        timed("text", "keydown", lambda text=text: words.fill(text), lambda: words.press("Enter"))
    _enter(page, words, "")
    who = page.locator(".st-key-writer input")
    if who.count():
        for number in _writers(count):
            timed("writer", "keydown", lambda n=number: _type(who, n), lambda: who.press("Enter"))
    page.context.close()
    page = _opened(browser, app, f"run={run}&errors=false&explore_view=Map", SHOWN["Map"])
    box = page.locator(".map canvas").bounding_box()
    assert box
    for number in range(count):
        # By turns left and right, as the worst images would else be the same.
        corner = box["x"] + 20 + number + 260 * (number % 2), box["y"] + 60
        timed(
            "area of the map",
            "pointerup",
            lambda corner=corner: _around(page, *corner),
            page.mouse.up,
        )
    page.context.close()
    images = len(Run(app.models / run).probabilities()["test"])
    return [Row(f"Selection by {k}, of {images:,}", "ms", v, ANSWER) for k, v in times.items()]


def _clear(page: Page) -> None:
    settled(page)
    page.get_by_role("button", name="Clear selection").click()
    settled(page)
    page.locator(".st-key-errors label").click()
    settled(page)


def _enter(page: Page, where: Locator, text: str) -> None:
    where.fill(text)
    where.press("Enter")
    settled(page)


def _writers(count: int) -> list[str]:
    from digitcore.datasets.writers import writers

    ids = np.unique(writers(digitcore.load_dataset(download=False))["test"])
    return [str(one) for one in itertools.islice(itertools.cycle(ids), count)]


def _type(where: Locator, number: str) -> None:
    where.click()
    where.fill(number)


def _around(page: Page, left: float, top: float) -> None:
    """Draws around a large part of the map, and does not let go."""
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((left + 240, top), (left + 240, top + 400), (left, top + 400)):
        page.mouse.move(x, y, steps=5)


def dial(browser: Browser, app: App, run: str, count: int) -> list[Row]:
    """As `latency.py` has them."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    done: dict[str, object] = {"run": run}
    return [
        Row("Robustness, slider to picture", "ms", turns(page, app, done, count), DIAL),
        Row("Robustness, tile to picture", "ms", tiles(page, app, done, count), ANSWER),
    ]


def compare(browser: Browser, app: App, run: str, count: int) -> list[Row]:
    """Twenty runs selected at once, from the click to the curves below the comparison."""
    copies = [another(Run(app.models / run), number) for number in range(RUNS)]
    page = _opened(browser, app, "filter=compared", "document.querySelector('canvas')", "runs")
    table = page.get_by_test_id("stDataFrameResizable").first.bounding_box()
    assert table
    first, later = [], []
    for number in range(2 * count):
        if number % 2 == 0:  # nothing of these files is known then
            for copy in copies:
                os.utime(copy.path / "probabilities.npz")
        settled(page)
        page.evaluate(WATCH % COMPARED, "pointerup")
        page.mouse.click(table["x"] + 14, table["y"] + 17)
        (later if number % 2 else first).append(float(page.evaluate("() => window.answered")))
        settled(page)
        page.mouse.click(table["x"] + 14, table["y"] + 17)
        page.get_by_text("Select rows to open, compare").wait_for()
    page.context.close()
    return [
        Row(f"Comparison of {RUNS} runs, never compared", "ms", first, COMPARISON),
        Row(f"Comparison of {RUNS} runs, compared before", "ms", later, COMPARISON),
    ]


def _opened(browser: Browser, app: App, query: str, shown: str, path: str = "explore") -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.goto(f"{app.url}/{path}?{query}")
    page.wait_for_function(f"() => Boolean({shown})", timeout=120_000)
    settled(page)
    return page


SECTIONS: dict[str, Callable[[Browser, App, str, int], list[Row]]] = {
    "views": views,
    "selections": selections,
    "many": selections,
    "dial": dial,
    "compare": compare,
}

if __name__ == "__main__":
    main()
