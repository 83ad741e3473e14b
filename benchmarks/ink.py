"""Times the engine in the page: an image on each recipe, and the way from a move of the pen to another answer.

    DIGITCORE_DATA_DIR=... python benchmarks/ink.py

Networks have random weights, which take as long as trained ones; `reader` is the shipped run. Each is compared with
LiteRT on 1,000 test images. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser.app import App, chromium, find_chromium, serve, settled  # noqa: E402
from browser.engine import random_network, run_in_page, serve_files  # noqa: E402
from machine import report  # noqa: E402
from made_up import write_metrics  # noqa: E402

from digitcore import datasets, runs  # noqa: E402
from digitcore.recipes import Recipe  # noqa: E402
from digitcore.runs import Run, folded, keras_file  # noqa: E402
from digitcore.runs.predictor import Predictor  # noqa: E402

# From a move of the pen to the frame after the one in which the answer is another.
WATCH = """answer => {
    window.times = [];
    let moved = null;
    window.addEventListener('pointermove', event => { if (event.buttons) moved ??= event.timeStamp; }, true);
    new MutationObserver(() => {
        if (moved === null || answer.dataset.by !== 'page') return;
        const begun = moved;
        moved = null;
        requestAnimationFrame(() => window.times.push(performance.now() - begun));
    }).observe(answer, {attributes: true});
}"""
BETWEEN = 50  # ms from one move to the next, so that each has an answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=100, help="moves of the pen each (100)")
    parser.add_argument("--images", type=int, default=1000, help="images each (1,000)")
    parser.add_argument("--recipes", nargs="*", default=Recipe.names(), help="some recipes")
    given = parser.parse_args()
    if (path := find_chromium()) is None:
        sys.exit("Chromium is not installed.")
    images = datasets.load_dataset().test.images[: given.images]
    with tempfile.TemporaryDirectory() as models:
        os.environ["DIGITCORE_MODELS_DIR"] = models
        made = {name: made_run(name, images[:50]) for name in given.recipes}
        with serve(Path(models)) as app, chromium(path) as browser:
            print(f"{report()}; Chromium, headless, on the same machine.\n")
            print("| recipe | multiply-adds | an image | largest difference from LiteRT | "
                  "pen to answer, median | 95th percentile | n |")  # fmt: skip
            print("|---|---|---|---|---|---|---|")
            for name, run in made.items():
                print(row(name, run, images, app, browser, given.n))
            if run := made.get("reader"):
                with_slow_processor(run, app, browser, given.n)


def made_run(name: str, images: np.ndarray) -> Run:
    """A finished run of that recipe in the folder for models."""
    if name == "reader":
        shutil.copytree(ROOT / "models" / "reader", runs.models_dir() / "reader")
        return runs.load("reader")
    run = runs.create(Recipe.load(name))
    model = random_network(run.recipe, images)
    model.save(run.path / "model.keras")
    model.export(run.path / "model.tflite", format="litert", verbose=False)
    write_metrics(run.path)
    run.update(status="finished")
    return run


def row(name: str, run: Run, images: np.ndarray, app: App, browser: Browser, count: int) -> str:
    layers = folded.folded(run.recipe, keras_file.weights(run))
    page = browser.new_page()
    content = folded.packed(layers, run.recipe.input_shape)
    serve_files(page, {"network": content, "images": images.tobytes()})
    answer = run_in_page(page, "network", len(images))
    page.close()
    apart = np.abs(np.array(answer["table"]) - Predictor(run).probabilities(images)).max()
    times = pen_times(browser.new_page(viewport={"width": 1280, "height": 1000}), run, app, count)
    return (
        f"| `{name}` | {folded.multiply_adds(layers) / 1e6:.2f} M | {answer['ms']:.2f} ms | {apart:.0e} | "
        f"{summary(times)} |"
    )


def summary(times: list[float]) -> str:
    high = sorted(times)[max(0, round(0.95 * len(times)) - 1)]
    return f"{statistics.median(times):.0f} ms | {high:.0f} ms | {len(times)}"


def with_slow_processor(run: Run, app: App, browser: Browser, count: int) -> None:
    """The shipped run where the page's main thread has a quarter of the processor, as on a phone."""
    page = browser.new_page(viewport={"width": 400, "height": 1000})
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    print(
        f"| `reader`, page four times slower | | | | {summary(pen_times(page, run, app, count))} |"
    )


def pen_times(page: Page, run: Run, app: App, count: int) -> list[float]:
    """Milliseconds from a move of the pen to the frame with its answer."""
    page.goto(f"{app.url}/draw?run={run.id}")
    page.wait_for_selector('.answer[data-strokes="0"]')
    settled(page)
    page.locator(".answer").evaluate(WATCH)
    box = page.locator(".canvas-root canvas").last.bounding_box()
    if box is None:
        raise RuntimeError("the canvas is not on the page")
    page.mouse.move(box["x"] + 250, box["y"] + 160)
    page.mouse.down()
    for number in range(count + 10):  # the first load the network
        angle = 2 * np.pi * number / 60
        x, y = 160 + 90 * np.cos(angle), 160 + 90 * np.sin(angle)
        page.mouse.move(box["x"] + float(x), box["y"] + float(y))
        page.wait_for_timeout(BETWEEN)
    page.mouse.up()
    times: list[float] = page.evaluate("window.times")
    page.close()
    return times[10:]


if __name__ == "__main__":
    main()
