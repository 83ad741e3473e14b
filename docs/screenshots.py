"""Takes the pictures in docs/images, from the runs that are in the models folder.

    DIGITCORE_DATA_DIR=... python docs/screenshots.py

Each page, light and dark, in a wide and in a narrow window.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser.app import CELL, App, chromium, draw, find_chromium, serve  # noqa: E402

from digitcore import runs  # noqa: E402

WIDE, NARROW = (1280, 900), (400, 900)
FIVE = [[(215, 70), (120, 70), (112, 150), (170, 140), (210, 180), (190, 250), (105, 255)]]


def main() -> None:
    path = find_chromium()
    finished = [run for run in runs.list_runs() if run.status == "finished"]
    # One with a curve to look at.
    finished.sort(key=lambda run: run.recipe.epochs, reverse=True)
    if path is None or not finished:
        sys.exit("Chromium and a finished run are needed.")
    with tempfile.TemporaryDirectory() as folder:
        # Copies, so that nothing done here touches a person's runs.
        for run in finished:
            shutil.copytree(run.path, Path(folder) / run.id)
        with serve(Path(folder)) as app, chromium(path) as browser:
            take_all(browser, app, finished[0])


def take_all(browser: Browser, app: App, run: runs.Run) -> None:
    for scheme in ("light", "dark"):
        for size, name in ((WIDE, scheme), (NARROW, f"{scheme}-narrow")):
            visit(browser, app.url, run, scheme, size, name)


def visit(
    browser: Browser, url: str, run: runs.Run, scheme: str, size: tuple[int, int], name: str
) -> None:
    """Takes one picture of each page, and of the leaderboard."""
    page = browser.new_page(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": size[0], "height": size[1]},
    )
    recipe = run.recipe.name
    addresses = {
        "train": f"?run={run.id}&recipe={recipe}",
        **{place: f"{place}?run={run.id}" for place in ("explore", "draw", "runs")},
        "leaderboard": "runs?view=Leaderboard",
    }
    for place, address in addresses.items():
        page.goto(f"{url}/{address}")
        page.wait_for_timeout(4000)
        if place == "explore":
            click_cell(page)
        elif place == "draw":
            draw(page, *FIVE)
            page.mouse.move(5, 5)
        page.wait_for_timeout(2500)
        page.screenshot(path=ROOT / "docs" / "images" / f"{place}-{name}.png")
    page.close()


def click_cell(page: Page) -> None:
    x, y = page.evaluate(CELL, [4, 9])
    page.mouse.click(x, y)
    page.mouse.move(5, 5)


if __name__ == "__main__":
    main()
