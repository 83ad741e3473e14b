"""Times what a person waits for in a page: switches to Explore and Draw, a stroke's prediction, the dial.

    DIGITCORE_DATA_DIR=... python benchmarks/latency.py

Starts the app with a run of `fast` and drives Chromium. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser.app import HEATMAP, App, chromium, draw, find_chromium, serve  # noqa: E402

# What is waited for: Explore's confusion matrix, Draw's input image, which comes after its canvas.
LIVE = """[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
    .map(one => one.shadowRoot?.querySelector('.live .answer')).find(Boolean)"""
SHOWN = {"Explore": HEATMAP, "Draw": LIVE}
# From the click on a link to the frame in which that is on the page.
SWITCH = """link => new Promise(done => {
    const begun = performance.now();
    [...document.querySelectorAll('a')].find(a => a.textContent.includes(link)).click();
    const look = () => (%s) ? done(performance.now() - begun) : requestAnimationFrame(look);
    requestAnimationFrame(look);
})"""
# From the end of a stroke to the frame with the server's answer to it.
WATCH = f"""() => {{
    const answer = {LIVE}, seen = () => answer.dataset.strokes, before = seen();
    window.answered = new Promise(done => window.addEventListener('pointerup', () => {{
        const begun = performance.now();
        const look = () => seen() === before
            ? requestAnimationFrame(look) : done(performance.now() - begun);
        look();
    }}, {{once: true, capture: true}}));
}}"""
# From a move of the dial's slider to the frame with another picture.
TURN = """(slider, at) => new Promise(done => {
    const canvas = slider.closest('.dial').querySelector('canvas');
    const before = canvas.toDataURL(), begun = performance.now();
    slider.value = at;
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    const look = () => canvas.toDataURL() === before
        ? requestAnimationFrame(look) : done(performance.now() - begun);
    requestAnimationFrame(look);
})"""
# From the click on a tile to the frame with that image under the dial.
CHOOSE = """(canvas, tile) => new Promise(done => {
    const before = canvas.toDataURL(), begun = performance.now();
    tile.click();
    const look = () => canvas.toDataURL() === before
        ? requestAnimationFrame(look) : done(performance.now() - begun);
    requestAnimationFrame(look);
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=20, help="times each (20)")
    count = parser.parse_args().n
    path = find_chromium()
    if path is None:
        sys.exit("Chromium is not installed.")
    with tempfile.TemporaryDirectory() as models, serve(Path(models)) as app:
        done = app.digitcore("train", "--recipe", "fast")
        with chromium(path) as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            rows = {
                "Explore, first visit of a fresh server": switches("Explore", page, app, done, 1),
                "Explore, page switch to the matrix": switches("Explore", page, app, done, count),
                "Draw, page switch to the input image": switches("Draw", page, app, done, count),
                "Draw, end of a stroke to the server's answer": strokes(page, app, done, count),
                "Robustness, slider to picture": turns(page, app, done, count),
                "Robustness, tile to picture": tiles(page, app, done, count),
            }
    print(f"Machine: {done['machine']}; Chromium, headless, on the same machine.\n")
    print("| what | median | 95th percentile | min–max | n |")
    print("|---|---|---|---|---|")
    for what, times in rows.items():
        high = sorted(times)[max(0, round(0.95 * len(times)) - 1)]
        print(
            f"| {what} | {statistics.median(times):.0f} ms | {high:.0f} ms | "
            f"{min(times):.0f}–{max(times):.0f} ms | {len(times)} |"
        )


def switches(link: str, page: Page, app: App, done: dict[str, object], count: int) -> list[float]:
    """Milliseconds of `count` switches to a page from the Train page."""
    times = []
    for _ in range(count):
        page.goto(f"{app.url}/?run={done['run']}")
        page.get_by_text("Explore its errors").wait_for()
        page.wait_for_timeout(1500)
        times.append(float(page.evaluate(SWITCH % SHOWN[link], link)))
    return times


def strokes(page: Page, app: App, done: dict[str, object], count: int) -> list[float]:
    """Milliseconds of `count` strokes, each on a cleared canvas."""
    page.goto(f"{app.url}/draw?run={done['run']}")
    page.get_by_text("Draw a digit, 0 to 9").wait_for()
    page.wait_for_timeout(2000)
    times = []
    for number in range(count + 1):
        page.evaluate(WATCH)
        draw(page, [(100 + number, 90), (220, 90), (150, 250)])
        times.append(float(page.evaluate("() => window.answered")))
        page.locator(".stButton button", has_text="Clear").click()
        page.get_by_text("Draw a digit, 0 to 9").wait_for()
        page.wait_for_timeout(500)
    return times[1:]  # the first loads the network


def turns(page: Page, app: App, done: dict[str, object], count: int) -> list[float]:
    """Milliseconds of `count` moves of the dial, from one severity to another."""
    page.goto(f"{app.url}/explore?run={done['run']}&explore_view=Robustness")
    slider = page.get_by_role("slider", name="Rotation")
    slider.wait_for()
    page.wait_for_timeout(2000)
    return [float(slider.evaluate(TURN, 10 + 37 * number % 70)) for number in range(count)]


def tiles(page: Page, app: App, done: dict[str, object], count: int) -> list[float]:
    """Milliseconds of `count` other images under the dial, each under a corruption that it had not."""
    times = []
    for number in range(count):
        corruption = ("Rotation", "Shear", "Scale", "Noise", "Blur")[number % 5]
        page.goto(
            f"{app.url}/explore?run={done['run']}&explore_view=Robustness&corruption={corruption}"
        )
        tile = page.locator(".st-key-dial_gallery button").nth(1 + number // 5 % 9)
        tile.wait_for()
        page.wait_for_timeout(1500)
        canvas = page.locator(".dial canvas")
        times.append(float(canvas.evaluate(CHOOSE, tile.element_handle())))
    return times


if __name__ == "__main__":
    main()
