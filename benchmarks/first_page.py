"""Times the first page of a fresh server: to the menu, to the button Start, in a browser's first visit.

    DIGITCORE_DATA_DIR=... python benchmarks/first_page.py -n 10

Each time a new server is started; as soon as it answers, Chromium without a cache opens Train. That
visit is `cold`, a second one, in a fresh context as well, is `warm`. Times are from the start of
the navigation. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser.app import chromium, find_chromium, serve  # noqa: E402

# The milliseconds of the first frame in which each of these is on the page.
WATCH = """() => {
    window.shown = {};
    const texts = (query, text) => [...document.querySelectorAll(query)].some(
        e => e.textContent.includes(text) && e.getBoundingClientRect().width > 0);
    const looks = {
        menu: () => texts('a', 'Explore'),
        start: () => texts('button', 'Start'),
    };
    const look = () => {
        for (const [name, seen] of Object.entries(looks))
            if (!(name in window.shown) && document.body && seen())
                window.shown[name] = performance.now();
        if (!('start' in window.shown)) requestAnimationFrame(look);
    };
    look();
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=10, help="servers (10)")
    count = parser.parse_args().n
    path = find_chromium()
    if path is None:
        sys.exit("Chromium is not installed.")
    rows: dict[str, list[float]] = {}
    with chromium(path) as browser:
        for _ in range(count):
            with tempfile.TemporaryDirectory() as models:
                begun = time.perf_counter()
                with serve(Path(models)) as app:
                    rows.setdefault("server answers", []).append(
                        1000 * (time.perf_counter() - begun)
                    )
                    for kind in ("cold", "warm"):
                        for what, milliseconds in visit(browser, app.url).items():
                            rows.setdefault(f"{kind}: {what}", []).append(milliseconds)
    print("| what | median | min–max | n |")
    print("|---|---|---|---|")
    for what, times in rows.items():
        middle = statistics.median(times)
        print(f"| {what} | {middle:.0f} ms | {min(times):.0f}–{max(times):.0f} ms | {len(times)} |")


def visit(browser: Browser, url: str) -> dict[str, float]:
    """Milliseconds of one visit of Train, by a browser that has never been there."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    try:
        page = context.new_page()
        page.add_init_script(f"({WATCH})()")
        page.goto(url, wait_until="commit")
        page.wait_for_function("() => 'start' in (window.shown ?? {})")
        paint = page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        )
        return {"first paint": float(paint), **page.evaluate("() => window.shown")}
    finally:
        context.close()


if __name__ == "__main__":
    main()
