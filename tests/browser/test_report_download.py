"""One click on Runs gives the report of a run, and its page opens from a disk."""

from __future__ import annotations

import zipfile
from pathlib import Path

from browser.app import App, settled
from playwright.sync_api import Browser, Page, expect


def test_the_report_of_a_run_is_one_click_away(
    page: Page, app: App, reader: str, browser: Browser, tmp_path: Path
) -> None:
    page.goto(f"{app.url}/runs?selected={reader}")
    button = page.get_by_role("button", name="Report")
    expect(button).to_be_visible()
    settled(page)
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == "report-reader.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "report-reader"
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert (folder / "tables" / "classes.tex").exists()
    # On a page of its own: that one may ask nobody but the app.
    alone = browser.new_page(viewport={"width": 400, "height": 800})
    requests: list[str] = []
    alone.on("request", lambda request: requests.append(request.url))
    alone.goto((folder / "report.html").as_uri())
    expect(alone.get_by_role("heading", name="Calibration")).to_be_visible()
    expect(alone.get_by_text("99.63 % (99.49–99.73)")).to_be_visible()
    widths = "Array.from(document.images, image => image.complete && image.naturalWidth)"
    assert all(alone.evaluate(widths))
    assert alone.evaluate("document.documentElement.scrollWidth") <= 400
    assert [one for one in requests if not one.startswith(("data:", "file:"))] == []
    with alone.expect_download() as table:
        alone.get_by_role("link", name="CSV").first.click()
    assert table.value.path().read_text().startswith("split,images,accuracy")
    alone.close()
