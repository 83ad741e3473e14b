"""Real photos of kinds that were once misread: what was read, what was left out, what is not sure.

The photos are not in the repository, as they are other people's: `photos/` in DIGITCORE_DATA_DIR.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from browser.app import App, script_ended
from PIL import Image
from playwright.sync_api import Page, expect

from digitcore import drawing

# One digit or one line each. What two neighbours read differs, so none is taken for the next.
READ = {
    "l17.png": "12345",  # its 1 touches the picture's edge
    "l20.png": "12346",  # the 1 is a thin line beside thick digits
    "a02.jpg": "1",  # thin straight strokes, as of printed lines
    "a08.jpg": "7",
    "k01.jpg": "0",  # fill their picture
    "d06.jpg": "5",
    "l06.png": "4",  # in two pieces
    "b02.png": "1",  # very pale
    "g09.jpg": "8",  # blurred
    "i16.png": "7",  # runs off the edge
}
NOT_SURE = ("l17.png",)
WARNING = ".number .unsure"


@pytest.fixture(scope="module")
def photos(skip_or_fail: Callable[[str], NoReturn]) -> Path:
    """The folder of real photos."""
    folder = Path(os.environ.get("DIGITCORE_DATA_DIR", "")) / "photos"
    if not (folder / "labels.csv").exists():
        skip_or_fail("DIGITCORE_DATA_DIR is not set to a folder with photos/labels.csv")
    return folder


def upload(page: Page, photo: Path | np.ndarray) -> None:
    """Uploads a file, or pixels as a PNG file, and waits until the page shows it."""
    before = page.evaluate("document.querySelector('.photo img')?.src ?? ''")
    if isinstance(photo, Path):
        name, data = photo.name, photo.read_bytes()
    else:
        file = io.BytesIO()
        Image.fromarray(photo).save(file, "PNG")
        name, data = "photo.png", file.getvalue()
    chosen = {"name": name, "mimeType": "image/*", "buffer": data}
    page.locator("input[type=file]").first.set_input_files(files=[chosen])
    page.wait_for_function(
        "before => (document.querySelector('.photo img')?.src ?? before) !== before", arg=before
    )
    script_ended(page)


def test_real_photos_of_each_kind_are_read_and_what_is_not_is_shown(
    page: Page, app: App, reader: str, photos: Path
) -> None:
    number = page.locator(".number .digits")
    page.goto(f"{app.url}/draw?run={reader}&input=Photo")
    for name, digits in READ.items():
        upload(page, photos / name)
        expect(number).to_have_text(digits)
        expect(page.locator(".photo .box")).to_have_count(len(digits))
        expect(page.locator(WARNING)).to_have_count(int(name in NOT_SURE))

    # A small digit in a large picture.
    sheet = drawing.read_image(photos / "m01.jpg")
    upload(page, sheet[:, 630:])
    expect(number).to_have_text("9")

    # What lies around the digit is left out, and may have been a part of it.
    upload(page, photos / "c24.png")
    expect(number).to_have_text("3")
    expect(page.locator(WARNING)).to_have_text("Not sure that this is the whole digit")
    expect(page.get_by_text("Left out, dashed in the photo: at the picture's edge")).to_be_visible()
    assert page.locator(".photo .out").count() >= 2

    # On its side: offered, and turned when a person says so.
    upload(page, np.rot90(sheet[200:380]))
    expect(page.locator(WARNING).or_(page.get_by_text("Not sure of the whole"))).to_be_visible()
    turn = page.get_by_role("button", name="It may lie on its side")
    expect(turn).to_contain_text("a quarter turn right")
    turn.click()
    expect(number).to_have_text("05221859")
    page.get_by_role("button", name="Rotate left").click()
    expect(number).to_have_count(0)

    # Several lines.
    upload(page, photos / "m02.jpg")
    expect(page.get_by_text("Found 24 digits on 5 lines", exact=True)).to_be_visible()
    expect(page.get_by_text("Left out, dashed in the photo")).to_be_visible()
    expect(page.get_by_text("Not sure of the whole")).to_be_visible()
    upload(page, photos / "h18.jpg")
    expect(page.get_by_text("Found 7 digits on 3 lines", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.locator("[data-testid=stDownloadButton] button").click()
    assert download.value.path().read_text() == "12\n457\n98\n"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("[data-testid=stDataFrame] .dvn-scroller").click(position={"x": 120, "y": 50})
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.press("ControlOrMeta+C")
    page.wait_for_function(
        "async () => (await navigator.clipboard.readText()).split(/\\s+/).includes('457')"
    )
