"""The real app on real MNIST in real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from browser.app import ROOT, App, serve
from playwright.sync_api import Browser, Page
from studio import until

from digitcore.datasets import Dataset
from digitcore.runs import Run


@pytest.fixture(scope="session")
def app(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with serve(tmp_path_factory.mktemp("models")) as app:
        yield app


@pytest.fixture(scope="session")
def reader(app: App) -> str:
    """The id of the run that comes with the project."""
    shutil.copytree(ROOT / "models" / "reader", app.models / "reader")
    return "reader"


@pytest.fixture(scope="session")
def trained(app: App) -> str:
    """The id of a finished run of `fast` on a fifth of MNIST."""
    return str(app.digitcore("train", "--recipe", "fast", "--training-images", "12000")["run"])


@pytest.fixture
def page(app: App, browser: Browser) -> Iterator[Page]:
    """A page that asks nobody but the app; the test fails if it did, or if the app raised."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(60_000)
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
    # Of a test that did not go well, what it started would go on beside the next ones.
    for run in map(Run, app.models.glob("2*")):
        if run.active:
            run.stop()
            until(lambda: not run.active)  # noqa: B023
    trouble = page.locator("[data-testid=stException]").count()
    context.close()
    assert trouble == 0, "the page shows an error of Streamlit's"
    assert strangers == [], "the page asked somebody else"
