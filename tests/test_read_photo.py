"""Upload a photo: what was found is shown before it is read, and a bad file loses nothing."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from made_up import blurred, ruled, sheet
from PIL import Image, ImageDraw, ImageFont
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.recipes import Recipe

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    st.cache_data.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def shipped() -> str:
    """The run that comes with the project, where runs are looked for."""
    shutil.copytree(ROOT / "models" / "reader", runs.folder.models_dir() / "reader")
    return "reader"


def page(run_id: str) -> None:
    import streamlit as st

    from digitcore import runs
    from ui.read_photo import read_photo

    run = runs.load(run_id)
    st.fragment(read_photo)(run, run.recipe.info.drawing)


def visit(run_id: str) -> AppTest:
    app = AppTest.from_function(page, args=(run_id,), default_timeout=30).run()
    assert not app.exception
    return app


def upload(app: AppTest, data: bytes, name: str = "photo.png") -> AppTest:
    app.file_uploader[0].set_value((name, data, "image/png")).run()
    assert not app.exception
    return app


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def drawn(app: AppTest) -> list[str]:
    """The pieces of HTML in the page, from top to bottom."""
    return [element.proto.body for element in app.get("html")]


def test_without_a_photo_the_page_says_what_to_give_and_leaves_the_camera_alone() -> None:
    app = visit(runs.create(Recipe.load("fast")).id)
    assert "several lines" in app.caption[0].value
    assert len(app.camera_input) == 0
    assert {"png", "jpg", "webp"} <= {kind.strip(".") for kind in app.file_uploader[0].allowed_type}
    app.get("segmented_control")[0].set_value("Camera").run()
    assert not app.exception
    assert len(app.camera_input) == 1


def test_a_run_without_a_network_is_a_sentence() -> None:
    app = upload(visit(runs.create(Recipe.load("fast")).id), png(blurred(sheet([2, 4, 0, 7]))))
    assert "no network" in app.error[0].value


def test_a_bad_file_is_a_sentence_and_the_next_one_is_read(shipped: str) -> None:
    app = upload(visit(shipped), b"<b>no</b> image")
    assert "PNG, JPEG" in app.error[0].value
    assert drawn(app) == []
    upload(app, png(np.full((300, 300), 200, np.uint8)))
    assert "no ink" in app.error[0].value
    upload(app, png(blurred(sheet([2]))))
    assert "Found one digit" in app.caption[0].value


def test_the_photo_does_not_stay_in_the_session() -> None:
    app = upload(visit(runs.create(Recipe.load("fast")).id), png(blurred(sheet([2, 4]))))
    kinds = {type(value).__name__ for _, value in app.session_state.items()}
    assert kinds == {"str", "UploadedFile"}  # a name of what the server's file store holds


def test_a_number_is_read_with_the_confidence_of_the_whole(shipped: str) -> None:
    app = upload(visit(shipped), png(blurred(sheet([2, 4]))))
    found, read = drawn(app)
    assert found.count('class="box"') == 2
    assert read.count("<figure>") == 2
    number = re.search(r'class="digits">(\d+)<', read)
    tiles = re.findall(r"<span>(\d)</span><span>(\d+) %</span>", read)
    whole = re.search(r'class="percent">(\d+) %', read)
    assert number
    assert whole
    assert number.group(1) == "24" == "".join(digit for digit, _ in tiles)
    product = np.prod([int(percent) / 100 for _, percent in tiles])
    assert int(whole.group(1)) <= 100 * product + 1.5  # the cuts may be wrong as well


def test_every_line_is_in_a_table_to_download(shipped: str) -> None:
    app = upload(visit(shipped), png(two_lines()))
    assert "Found 5 digits on 2 lines" in app.caption[0].value
    (table,) = app.dataframe
    assert list(table.value["Number"]) == ["247", "52"]
    assert len(app.get("download_button")) == 1


def test_what_was_left_out_is_drawn_with_its_reason(shipped: str) -> None:
    photo = sheet([2, 4, 7])
    photo[100:107, :80] = 60
    app = upload(visit(shipped), png(blurred(photo)))
    assert drawn(app)[0].count("Left out: at the picture") == 1
    assert any("at the picture's edge (1)" in caption.value for caption in app.caption)


def test_what_was_erased_as_printed_is_counted(shipped: str) -> None:
    app = upload(visit(shipped), png(blurred(ruled([2, 4, 7]))))
    assert 'class="digits">247<' in drawn(app)[-1]
    assert any(caption.value == "Left out as printed: 5 lines." for caption in app.caption)
    assert 'class="out"' not in drawn(app)[0]


def test_only_what_is_not_sure_is_told_what_the_network_has_learned(shipped: str) -> None:
    note = "The network has learned handwriting, and may misread printed digits."
    app = upload(visit(shipped), png(sheet([2, 4, 7])))
    assert note not in [caption.value for caption in app.caption]
    printed = Image.new("L", (300, 300), 225)
    font = ImageFont.load_default(160)
    ImageDraw.Draw(printed).text((150, 150), "6", fill=60, font=font, anchor="mm")
    upload(app, png(np.asarray(printed)))
    assert note in [caption.value for caption in app.caption]


def test_a_photo_on_its_side_is_turned_only_when_a_person_says_so(shipped: str) -> None:
    app = upload(visit(shipped), png(np.rot90(blurred(sheet([2, 4, 7, 5])))))
    assert "2475" not in drawn(app)[-1]
    app.button(key="photo_upright").click().run()
    assert not app.exception
    assert 'class="digits">2475<' in drawn(app)[-1]
    assert [button.label for button in app.button] == ["Rotate left", "Rotate right"]
    app.button[1].click().run()
    assert 'class="digits">2475<' not in "".join(drawn(app))
    # Another photo is shown as it is.
    upload(app, png(blurred(sheet([2]))))
    assert 'class="digits">2<' in drawn(app)[-1]


def two_lines() -> np.ndarray:
    lines = np.vstack([sheet([2, 4, 7])[130:370], sheet([5, 2])[130:370]])
    return blurred(lines)
