"""Whatever a run's files say is shown as text: no page makes markup, a picture or code of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.app import App, settled
from playwright.sync_api import Page, expect

EVIL = '<img src=x onerror="window.hacked=1">**b** $x$ :red[x] [l](javascript:alert(1))'
# What is sure to be one piece of text wherever it is shown.
SHOWN = re.compile(re.escape('<img src=x onerror="window.hacked=1">**b** $x$ :red[x]'))
TRACES = """() => ({
    hacked: window.hacked === undefined ? 0 : 1,
    pictures: document.querySelectorAll('img[src="x"], img[onerror]').length,
    scripts: document.querySelectorAll('a[href^="javascript" i]').length,
    formulas: document.querySelectorAll('.katex').length,
    bold: [...document.querySelectorAll('strong, b')].filter(e => e.textContent === 'b').length,
    red: [...document.querySelectorAll('span[style*="color"]')]
        .filter(e => e.textContent === 'x').length,
})"""


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.fixture
def hostile(app: App, trained: str) -> Iterator[Path]:
    """A finished run whose every text is somebody's attempt."""
    folder = app.models / "20990101-000000-fast-evil"
    shutil.copytree(app.models / trained, folder)
    change(folder / "state.json", title=EVIL, message=EVIL, number=0)
    change(folder / "metrics.json", data_notice=EVIL, machine=EVIL, data_source=EVIL)
    (folder / "worker.log").write_text(EVIL + "\n")
    recipe = (folder / "recipe.toml").read_text()
    description = f"description = {json.dumps(EVIL)}"
    (folder / "recipe.toml").write_text(
        re.sub("^description = .*$", lambda _: description, recipe, flags=re.MULTILINE)
    )
    with open(folder / "events.jsonl", "a") as log:
        log.write(json.dumps({"kind": "stage", "time": 0, "stage": EVIL}) + "\n")
    yield folder
    shutil.rmtree(folder)


def look(page: Page, app: App, folder: Path, name: str) -> None:
    """Opens the page and finds the text, and nothing made of it."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{app.url}/{name}?run={folder.name}")
    expect(page.get_by_text(SHOWN).first).to_be_visible()
    settled(page)
    found = page.evaluate(TRACES)
    assert found == dict.fromkeys(found, 0)
    assert dialogs == []


@pytest.mark.parametrize("name", ["", "explore", "draw", "runs"])
def test_a_hostile_text_is_shown_as_text(name: str, hostile: Path, page: Page, app: App) -> None:
    look(page, app, hostile, name)


@pytest.mark.parametrize("status", ["failed", "stopped"])
def test_a_hostile_message_is_shown_as_text(
    status: str, hostile: Path, page: Page, app: App
) -> None:
    change(hostile / "state.json", status=status, title="")
    change(hostile / "metrics.json", data_notice=None)
    look(page, app, hostile, "")


def test_a_hostile_stage_of_a_run_that_trains_is_shown_as_text(
    hostile: Path, page: Page, app: App
) -> None:
    import filelock

    (hostile / "events.jsonl").write_text(
        json.dumps({"kind": "stage", "time": 0, "stage": EVIL}) + "\n"
    )
    change(hostile / "state.json", status="running", title="")
    with filelock.FileLock(app.models / ".locks" / hostile.name):
        look(page, app, hostile, "")


def test_hostile_words_in_the_address_are_shown_as_text(page: Page, app: App, trained: str) -> None:
    for name in ("", "explore"):
        page.goto(
            f"{app.url}/{name}?run=%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E**b**"
        )
        expect(page.get_by_text("**b**").first).to_be_visible()
        found = page.evaluate(TRACES)
        assert found == dict.fromkeys(found, 0)


def test_a_page_of_another_name_for_this_computer_is_not_served(app: App) -> None:
    import http.client

    port = int(app.url.rsplit(":", 1)[1])
    for host, status in ((f"evil.example:{port}", 403), (f"localhost:{port}", 101)):
        connection = http.client.HTTPConnection("localhost", port, timeout=20)
        headers = {
            "Host": host,
            "Origin": f"http://{host}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        connection.request("GET", "/_stcore/stream", headers=headers)
        assert connection.getresponse().status == status
        connection.close()
