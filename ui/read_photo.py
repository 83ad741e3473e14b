"""A photo of digits, or of one letter, on paper: uploaded, pasted or taken; then what was read."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
import streamlit as st

from digitcore import drawing
from digitcore.drawing import DrawingInput, photo, sheet
from digitcore.drawing.reading import Reading
from digitcore.runs import Run, RunError
from ui import caching, text
from ui.number_tiles import number_html, tiles_html
from ui.photo_html import STYLE, WIDTH, left_out, photo_html
from ui.prediction_html import answer, probability_bars, tile_uri

TYPES = [suffix[1:] for suffix in drawing.image_files.SUFFIXES]
_TURNS = "photo_turns"  # quarter turns counter-clockwise of which photo, in the session


def read_photo(run: Run, like: DrawingInput) -> None:
    """Takes a photo and shows what is on it; to be called in a fragment.

    Where the classes are digits that is lines of numbers, else one letter or character.

    The uploader keeps the photo. A file that cannot be read ends in a sentence, and another one
    can be tried.
    """
    info = run.recipe.info
    many = info.is_of_digits
    whole = f"{like.item}, of a number, or of several lines" if many else like.item
    data = _uploaded("number" if many else like.item)
    if data is None:
        st.caption(f"A photo of a {whole}: ink on paper, or chalk on a blackboard.")
        return
    checksum = hashlib.sha256(data).hexdigest()
    kept = st.session_state.get(_TURNS)
    turns = kept[1] if kept and kept[0] == checksum else 0
    threshold = caching.rejection_threshold(run) or 0.0
    changed = caching.changed(run.path / "model.tflite")
    try:
        found = _read(checksum, turns, run.path, changed, threshold, data, like, many)
    except RunError as error:
        st.error(text.plain(str(error)))
        return
    if isinstance(found, str):
        st.error(text.plain(found))
        _rotate(checksum, turns)
        return
    picture, reading = found
    with st.container(horizontal=True, gap="large"):
        with st.container(width=WIDTH):
            st.caption(_count(reading, like.item))
            st.html(STYLE + picture)
            if out := left_out(reading):
                st.caption(out)
            _rotate(checksum, turns, reading.turns)
        with st.container(width=WIDTH):
            if many:
                _numbers(reading, threshold)
            else:
                st.caption("What the network sees and predicts")
                (digit,) = reading.digits
                uri = tile_uri(digit.image)
                st.html(f'{STYLE}<img class="seen" alt="The input image" src="{uri}">')
                st.html(answer(digit.probabilities, threshold, info.classes, like.item))
                st.html(probability_bars(digit.probabilities, None, info.classes))
            if reading.unsure:
                st.caption(photo.about_print(like))


def _numbers(reading: Reading, threshold: float) -> None:
    """A number, or the lines of a sheet as a table to copy and download."""
    if not reading.lines:
        st.error("No digit was found. What was left out is dashed in the photo.")
        return
    st.caption("What the network sees and predicts")
    if len(reading.lines) == 1:
        st.html(number_html(reading.lines[0], "", threshold, reading.unsure))
        return
    rows = sheet.table(reading)
    names = (
        [str(number) for number in range(1, len(rows[0]) + 1)] if len(rows[0]) > 1 else ["Number"]
    )
    unsure = [
        ", ".join(
            text.ordinal(place)
            for place, digit in enumerate(line.digits, 1)
            if digit.confidence < threshold
        )
        for line in reading.lines
    ]
    shown = [
        {"Line": number, **dict(zip(names, row, strict=True)), "Not sure of digit": which}
        for number, (row, which) in enumerate(zip(rows, unsure, strict=True), 1)
    ]
    if reading.unsure:
        st.markdown(f":material/warning: Not sure of the whole: {_why(unsure)}.")
    st.dataframe(shown, hide_index=True)
    st.download_button(
        "Download as CSV", _csv(rows), "numbers.csv", "text/csv", icon=":material/download:"
    )
    st.html(tiles_html(reading.digits, threshold))


def _why(unsure: list[str]) -> str:
    if any(unsure):
        return "check the digits in the last column"
    return "digits may be cut in the wrong place, or ink beside them was left out"


def _csv(rows: list[list[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue().encode()


def _rotate(checksum: str, turns: int, upright: int = 0) -> None:
    """Buttons that turn the photo, and one that does what reads best, where that is known."""

    def turn(by: int) -> None:
        st.session_state[_TURNS] = (checksum, (turns + by) % 4)

    with st.container(horizontal=True, gap="small"):
        st.button("Rotate left", icon=":material/rotate_left:", on_click=turn, args=(1,))
        st.button("Rotate right", icon=":material/rotate_right:", on_click=turn, args=(3,))
    if upright:
        way = {1: "a quarter turn left", 2: "upside down", 3: "a quarter turn right"}[upright]
        st.button(
            f"It may lie on its side: turn it {way}"
            if upright != 2
            else "It may be upside down: turn it",
            on_click=turn,
            args=(upright,),
            key="photo_upright",
        )


def _uploaded(what: str) -> bytes | None:
    """The bytes of the photo that a person gave, if there is one."""
    # The browser asks for permission to use the camera only once a person chooses it.
    source = st.segmented_control(
        "Where the photo comes from",
        ["Upload", "Camera"],
        default="Upload",
        required=True,
        label_visibility="collapsed",
        key="photo_source",
    )
    if source == "Camera":
        file = st.camera_input(f"Photo of a {what} on paper", key="photo_camera", width=WIDTH)
    else:
        file = st.file_uploader(
            f"Photo of a {what} on paper",
            type=TYPES,
            max_upload_size=drawing.image_files.MAX_FILE_BYTES // 10**6,
            key="photo_file",
            help="Choose, drop or paste an image.",
        )
    return None if file is None else file.getvalue()


@st.cache_data(max_entries=16, show_spinner="Reading the photo")
def _read(
    checksum: str,
    turns: int,
    path: Path,
    changed: float,
    threshold: float,
    _data: bytes,
    like: DrawingInput,
    many: bool,
) -> tuple[str, Reading] | str:
    """The photo as HTML, and what was read; or why nothing was."""
    try:
        image = np.rot90(drawing.read_image(_data), turns)
        predict = caching.predictor(Run(path)).probabilities
        reading = photo.read(image, predict, like, threshold, many, turned=True)
    except drawing.DrawingError as error:
        return str(error)
    alt = f"The photo. {_count(reading, like.item)}"
    return photo_html(image, reading if many else None, alt), reading


def _count(reading: Reading, item: str) -> str:
    count, lines = len(reading.digits), len(reading.lines)
    found = f"Found one {item}" if count == 1 else f"Found {count} {item}s"
    return f"{found} on {lines} lines" if lines > 1 else found
