"""What the browser of a fresh server's first visitor shows, frame by frame."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.app import App, serve, settled
from playwright.sync_api import Browser
from studio import until

from digitcore.datasets import Dataset

PAGES = {"": "Train", "explore": "Explore", "draw": "Draw", "runs": "Runs"}
# At each frame and each change between two, what is there to be seen.
WATCH = """() => {
    window.frames_seen = [];
    const look = () => {
        if (!document.body || !performance.getEntriesByName('first-paint').length) return;
        window.frames_seen.push([document.title, document.body.innerText]);
    };
    new MutationObserver(look).observe(document, {childList: true, subtree: true});
    const frame = () => { look(); requestAnimationFrame(frame); };
    frame();
}"""


@pytest.fixture
def fresh(mnist: Dataset, tmp_path: Path) -> Iterator[App]:
    (tmp_path / "fresh").mkdir()
    with serve(tmp_path / "fresh") as app:
        yield app


@pytest.mark.parametrize(("path", "page"), PAGES.items())
def test_every_frame_of_a_fresh_server_has_our_menu_and_our_title(
    path: str, page: str, browser: Browser, fresh: App
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    requests: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.add_init_script(f"({WATCH})()")
    tab.goto(f"{fresh.url}/{path}", wait_until="commit")
    tab.wait_for_selector("[data-testid=stMainBlockContainer] [data-testid=stElementContainer]")
    settled(tab)
    frames = tab.evaluate("() => window.frames_seen")
    left = tab.locator("#first-frame").count()
    context.close()
    assert left == 0
    # Streamlit's tables are most of what a browser could load for its first page.
    assert not [url for url in requests if "DataFrame" in url]
    assert {title for title, _ in frames} <= {f"{page} · Digit Studio", "Digit Studio"}
    assert frames[0][0] == frames[-1][0] == f"{page} · Digit Studio"
    for _, text in frames:
        lines = [line.strip() for line in text.splitlines()]
        assert set(PAGES.values()) <= set(lines), text
        assert not re.search(r"streamlit", text, re.IGNORECASE), text
        assert not {"draw", "explore", "runs", "train"} & set(lines[: len(PAGES)]), text


def test_the_start_opens_a_browser_at_the_address_of_the_app(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, models = tmp_path / "opened", tmp_path / "models"
    models.mkdir()
    command = tmp_path / "browser"
    command.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", str(command))
    with serve(models, "--server.headless", "false") as app:
        until(lambda: opened.exists() and opened.read_text())
        assert opened.read_text() == f"{app.url}/\n"
