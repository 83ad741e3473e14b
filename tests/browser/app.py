"""The app as a person starts it, and Chromium to look at it; for tests and benchmarks."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HEATMAP = """[...document.querySelectorAll('.js-plotly-plot')]
    .find(plot => plot.data.some(trace => trace.type === 'heatmap'))"""
# Where a cell of the confusion matrix stands in the window.
CELL = f"""([row, column]) => {{
    const plot = {HEATMAP};
    const box = plot.getBoundingClientRect(), {{xaxis, yaxis}} = plot._fullLayout;
    return [box.left + xaxis._offset + xaxis.d2p(column), box.top + yaxis._offset + yaxis.d2p(row)];
}}"""


@dataclass(frozen=True)
class App:
    """A running server: where it answers, its process, and where its runs are."""

    url: str
    process: psutil.Process
    environment: dict[str, str]

    @property
    def models(self) -> Path:
        return Path(self.environment["DIGITCORE_MODELS_DIR"])

    def status(self, run: str) -> str:
        return str(json.loads((self.models / run / "state.json").read_text())["status"])

    def digitcore(self, *arguments: str) -> dict[str, object]:
        """Runs a command of digitcore beside the app and gives its JSON."""
        command = [sys.executable, "-m", "digitcore", *arguments, "--json"]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True, check=True
        )
        return dict(json.loads(done.stdout.splitlines()[-1]))


@contextlib.contextmanager
def serve(
    models: Path, *flags: str, streamlit: tuple[str, str] = ("-m", "streamlit")
) -> Iterator[App]:
    """Starts the app on a free port with its runs in `models`, and ends all it started.

    `models` is a folder of the caller's own: workers that train there are killed at the end.
    `streamlit` is how Python is told to run Streamlit.
    """
    environment = {**os.environ, "DIGITCORE_MODELS_DIR": str(models)}
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, *streamlit, "run", "streamlit_app.py"]
    command += ["--server.port", str(port), "--server.headless", "true", *flags]
    with open(models / "server.log", "wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    app = App(f"http://localhost:{port}", psutil.Process(server.pid), environment)
    try:
        _wait_until_healthy(app.url, server)
        yield app
    finally:
        server.terminate()
        try:
            server.wait(timeout=60)
        finally:
            server.kill()
            _end_workers(models)


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def chromium(path: str, camera: Path | None = None) -> Iterator[Browser]:
    """A browser; its camera, if it has one, shows the pictures of an MJPEG file over and over."""
    seen = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    seen = [*seen, f"--use-file-for-fake-video-capture={camera}"] if camera else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *seen])
        yield browser
        browser.close()


# Whether everything stays where it was at the last look.
STANDS_STILL = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    const all = [...document.querySelectorAll('canvas, img, .js-plotly-plot, button')];
    const now = JSON.stringify([location.href, document.body.innerText.length, all.map(e => {
        const box = e.getBoundingClientRect();
        return [box.x, box.y, box.width, box.height];
    })]);
    const still = now === window.boxesBefore && app?.dataset.testScriptState === 'notRunning';
    window.boxesBefore = now;
    return (window.looksAlike = still ? window.looksAlike + 1 : 0) >= 3;
}"""


def script_ended(page: Page) -> None:
    """Waits until no script runs: until then one element is new and the next may be old."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def settled(page: Page) -> None:
    """Waits until the page's script has ended and nothing on the page moves any more.

    What was last done is answered in the browser before it looks, as both take turns there; the looks
    of an earlier call do not count.
    """
    page.evaluate("() => { window.boxesBefore = null }")
    page.wait_for_function(STANDS_STILL, polling=60)


def draw(page: Page, *strokes: list[tuple[int, int]], steps: int = 8) -> None:
    """Draws on the canvas with the mouse; points are in pixels of the canvas."""
    canvas = page.locator(".canvas-root canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    if box is None:
        raise RuntimeError("the canvas is not on the page")
    for stroke in strokes:
        points = [(box["x"] + x, box["y"] + y) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=steps)
        page.mouse.up()


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                healthy = True
        except OSError:
            healthy = False
        # Where another process was quicker to take the port, that one is healthy, and ours ends.
        if server.poll() is not None:
            raise RuntimeError(f"The app ended with status {server.returncode}; see server.log.")
        if healthy:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"The app did not answer at {url} within a minute; see server.log.")
        time.sleep(0.1)


def _end_workers(models: Path) -> None:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            theirs = process.environ().get("DIGITCORE_MODELS_DIR") == str(models)
            if theirs and "digitcore.jobs.worker" in process.cmdline():
                process.kill()
