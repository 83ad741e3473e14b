"""The real app on real MNIST in real Chromium."""

from __future__ import annotations

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
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from digitcore.data import Dataset

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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


@pytest.fixture(scope="session")
def app(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    models = tmp_path_factory.mktemp("models")
    environment = {**os.environ, "DIGITCORE_MODELS_DIR": str(models)}
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += ["--server.port", str(port), "--server.headless", "true"]
    with open(models / "server.log", "wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    app = App(f"http://localhost:{port}", psutil.Process(server.pid), environment)
    try:
        _wait_until_healthy(app.url)
        yield app
    finally:
        server.terminate()
        server.wait(timeout=20)
        _end_workers(models)


@pytest.fixture(scope="session")
def trained(app: App) -> str:
    """The id of a finished run of `fast` on all of MNIST."""
    return str(app.digitcore("train", "--recipe", "fast")["run"])


@pytest.fixture(scope="session")
def chromium(skip_or_fail) -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        skip_or_fail("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(app: App, chromium: Browser) -> Iterator[Page]:
    """A page that asks nobody but the app; the test fails if it did, or if the app raised."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    strangers: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((app.url, "data:", "blob:"))
            else strangers.append(request.url)
        ),
    )
    yield page
    trouble = page.locator("[data-testid=stException]").count()
    context.close()
    assert trouble == 0, "the page shows an error of Streamlit's"
    assert strangers == [], "the page asked somebody else"


def _wait_until_healthy(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _end_workers(models: Path) -> None:
    for process in psutil.process_iter():
        try:
            if process.environ().get("DIGITCORE_MODELS_DIR") == str(models):
                process.kill()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
