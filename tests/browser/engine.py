"""The engine of `ui/engine` by itself in a page, without the app; for tests and benchmarks."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
from browser.app import ROOT
from playwright.sync_api import Page, Route

from digitcore.recipes import Recipe
from digitcore.training import network

ADDRESS = "http://engine.test/"  # nothing is asked there: the test answers
RUN = """async ([name, count]) => {
    const fetched = async (path) => (await fetch(path)).arrayBuffer();
    const {Network} = await import('./network.js');
    const network = new Network(await fetched(name)), images = new Uint8Array(await fetched('images'));
    const size = network.pixels.length, table = [], begun = performance.now();
    for (let i = 0; i < count; i++)
        table.push([...network.run(images.subarray(i * size, (i + 1) * size))]);
    return {table, ms: (performance.now() - begun) / count,
            sums: network.outputs.map(output => output.reduce((a, b) => a + b, 0))};
}"""


def random_network(recipe: Recipe, images: np.ndarray) -> keras.Model:
    """The recipe's network with random weights, batch norm's statistics included, that tells these images apart."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(1)
    model = network.build(recipe, precision="float32")
    for variable in model.weights:
        if len(variable.shape) == 1:
            variable.assign_add(random.uniform(0, 0.5, variable.shape))
    # Or it would say about the same of all images, whatever is computed wrongly.
    logits = model.get_layer("logits")
    table = np.asarray(keras.Model(model.input, logits.output)(images))
    spread = table.std(axis=0).mean()
    logits.bias.assign((logits.bias - table.mean(axis=0)) / spread)
    logits.kernel.assign(logits.kernel / spread)
    return model


def serve_files(page: Page, files: dict[str, bytes]) -> None:
    """Opens an empty page that finds the engine's scripts and these files beside it."""
    scripts = {path.name: path.read_bytes() for path in (ROOT / "ui" / "engine").glob("*.js")}
    known = {"": b"<!doctype html>", **scripts, **files}

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(ADDRESS)
        kind = "text/javascript" if name.endswith(".js") else "text/html"
        if name in known:
            route.fulfill(body=known[name], content_type=kind)
        else:
            route.fulfill(status=404)

    page.route(ADDRESS + "**", answer)
    page.goto(ADDRESS)


def run_in_page(page: Page, name: str, count: int) -> dict[str, Any]:
    """What the network of that file answers to the first `count` images of the file `images`.

    `table` (count, classes), `ms` an image, and `sums` of each layer's output for the last one.
    """
    return dict(page.evaluate(RUN, [name, count]))


def images_in_page(
    page: Page, drawings: list[list[np.ndarray]], like: dict[str, Any], **broken: object
) -> np.ndarray:
    """The input images that the page makes of strokes, uint8 (N, height, width); `broken` is done wrong to them."""
    plain = json.dumps([[stroke.tolist() for stroke in strokes] for strokes in drawings])
    made = page.evaluate(
        """async ([drawings, like, broken]) => {
            const {fromStrokes} = await import('./input_image.js');
            return JSON.parse(drawings).map(strokes => [...fromStrokes(strokes, like, broken)]);
        }""",
        [plain, like, broken],
    )
    return np.array(made, np.uint8).reshape(-1, *like["shape"])
