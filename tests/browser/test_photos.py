"""A photo is uploaded: what was read, what was left out and where the network is not sure."""

from __future__ import annotations

import io

import numpy as np
from browser.app import App
from made_up import blurred, sheet
from PIL import Image
from playwright.sync_api import Page, expect


def upload(page: Page, app: App, run: str, photo: np.ndarray) -> None:
    page.goto(f"{app.url}/draw?run={run}&input=Photo")
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    chosen = {"name": "photo.png", "mimeType": "image/png", "buffer": file.getvalue()}
    page.locator("input[type=file]").first.set_input_files(files=[chosen])
    page.wait_for_selector(".photo img")


def test_a_sheet_becomes_a_table_to_download(page: Page, app: App, reader: str) -> None:
    rows = [sheet([2, 4, 7])[150:350], sheet([5, 2])[150:350]]
    upload(page, app, reader, blurred(np.vstack(rows)))
    expect(page.get_by_text("Found 5 digits on 2 lines", exact=True)).to_be_visible()
    expect(page.locator(".photo .box")).to_have_count(5)
    with page.expect_download() as download:
        page.locator("[data-testid=stDownloadButton] button").click()
    assert download.value.path().read_text() == "247\n52\n"


def test_what_was_left_out_is_shown_and_a_photo_on_its_side_can_be_turned(
    page: Page, app: App, reader: str
) -> None:
    photo = sheet([2, 4, 7, 5])
    photo[405:425, 300:312] = 60
    upload(page, app, reader, np.rot90(blurred(photo)))
    turn = page.get_by_role("button", name="It may lie on its side")
    expect(turn).to_contain_text("a quarter turn right")
    turn.click()
    expect(page.locator(".number .digits")).to_have_text("2475")
    expect(page.locator(".photo .out")).to_have_count(1)
    expect(page.get_by_text("Left out, dashed in the photo: too small (1).")).to_be_visible()
    page.get_by_role("button", name="Rotate left").click()
    expect(page.locator(".number .digits")).to_have_count(0)
