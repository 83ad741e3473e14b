"""Several browsers on one server: whose run is whose, and a question before one stops another's."""

from __future__ import annotations

import json
import re

from browser.app import App, settled
from browser.test_main_job import start
from playwright.sync_api import Browser, Page, expect
from studio import until

from digitcore.runs import Run


def test_a_run_of_another_browser_is_stopped_after_a_question_only(
    page: Page, app: App, browser: Browser
) -> None:
    run = start(page, app)
    mark = json.loads((app.models / run / "state.json").read_text())["begun_by"]
    assert re.fullmatch("[0-9a-f]{16}", mark)
    page.reload()
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    other = browser.new_context()
    stranger = other.new_page()
    stranger.goto(f"{app.url}/?run={run}")
    stranger.get_by_role("button", name="Stop").click()
    expect(stranger.get_by_text("began this, in another browser")).to_be_visible()
    settled(stranger)
    assert app.status(run) in ("queued", "running"), "asked, but not stopped yet"
    stranger.goto(f"{app.url}/runs?run={run}")
    expect(stranger.get_by_test_id("stDataFrame")).to_be_visible()
    expect(page).to_have_url(re.compile(run))
    other.close()
    stop.click()
    until(lambda: not Run(app.models / run).active)


def test_the_mark_of_a_browser_is_kept(page: Page, app: App) -> None:
    def marks() -> list[str]:
        return [c["value"] for c in page.context.cookies() if c["name"] == "digit_studio_browser"]

    page.goto(f"{app.url}/draw")
    (mark,) = marks()
    assert re.fullmatch("[0-9a-f]{16}", mark)
    page.goto(f"{app.url}/runs")
    assert marks() == [mark]
