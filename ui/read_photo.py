"""A photo of a number, or of one letter, on paper: uploaded, pasted or taken; then the predictions."""

from __future__ import annotations

import base64
import hashlib
import html
import io
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from digitcore import drawing
from digitcore.drawing import DrawingInput, photo
from digitcore.drawing.sequence import Digit, Number
from digitcore.runs import Run, RunError
from ui import caching, text
from ui.number_tiles import number_html
from ui.prediction_html import answer, probability_bars, tile_uri

TYPES = [suffix[1:] for suffix in drawing.image_files.SUFFIXES]
_WIDTH = 480  # pixels, of the photo on the page

# White boxes with a dark outline are visible on any photo.
_STYLE = f"""<style>
.photo {{ position: relative; max-width: {_WIDTH}px; }}
.photo img {{ display: block; width: 100%; border-radius: 2px; }}
.photo .box {{ position: absolute; box-sizing: border-box; border: 1px solid #fff;
  outline: 1px solid #000; box-shadow: inset 0 0 0 1px #000; }}
.photo .box span {{ position: absolute; left: -1px; bottom: 100%; padding: 0 0.25em;
  background: #000; color: #fff; font-size: 0.75rem; line-height: 1.3; }}
.seen {{ display: block; height: 84px; image-rendering: pixelated; border-radius: 2px; }}
</style>"""


@dataclass(frozen=True)
class _Detected:
    """What a photo shows; small enough to be cached."""

    picture: str
    """The photo, reduced, with a box around each digit of a number, as HTML."""
    images: np.ndarray
    """Input images uint8 (N, height, width)."""
    boxes: list[tuple[float, float, float, float]]
    """Left, top, right and bottom of each digit of a number, in pixels of the photo."""


def read_photo(run: Run, like: DrawingInput) -> None:
    """Takes a photo and shows what is on it; to be called in a fragment.

    Where the classes are digits that is a number, else one letter or character.

    The uploader keeps the photo. A file that cannot be read ends in a sentence, and another one
    can be tried.
    """
    info = run.recipe.info
    many = info.is_of_digits
    whole = f"{like.item}, or of a number on one line" if many else like.item
    data = _uploaded("number" if many else like.item)
    if data is None:
        st.caption(f"A photo of a {whole}: ink on paper, or chalk on a blackboard.")
        return
    detected = _detected(hashlib.sha256(data).hexdigest(), data, like, many)
    if isinstance(detected, str):
        st.error(text.plain(detected))
        return
    with st.container(horizontal=True, gap="large"):
        with st.container(width=_WIDTH):
            st.caption(_count(len(detected.images), like.item))
            st.html(_STYLE + detected.picture)
        with st.container(width=_WIDTH):
            st.caption("What the network sees and predicts")
            try:
                table = caching.predictor(run).probabilities(detected.images)
            except RunError as error:
                st.error(text.plain(str(error)))
                return
            threshold = caching.rejection_threshold(run)
            if many:
                st.html(number_html(_number(detected, table), "", threshold))
                return
            uri = tile_uri(detected.images[0])
            st.html(f'{_STYLE}<img class="seen" alt="The input image" src="{uri}">')
            st.html(answer(table[0], threshold, info.classes, like.item))
            st.html(probability_bars(table[0], None, info.classes))


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
        file = st.camera_input(f"Photo of a {what} on paper", key="photo_camera", width=_WIDTH)
    else:
        file = st.file_uploader(
            f"Photo of a {what} on paper",
            type=TYPES,
            max_upload_size=drawing.image_files.MAX_FILE_BYTES // 10**6,
            key="photo_file",
            help="Choose, drop or paste an image.",
        )
    return None if file is None else file.getvalue()


@st.cache_data(max_entries=16, show_spinner="Looking for ink")
def _detected(checksum: str, _data: bytes, like: DrawingInput, many: bool) -> _Detected | str:
    """The digits in the photo or what it shows as a whole, or a sentence that says why not."""
    try:
        image = drawing.read_image(_data)
        if not many:
            alone = drawing.from_image(image, like)
            return _Detected(_picture(image, np.empty((0, 4)), like.item), alone[np.newaxis], [])
        digits = photo.find_digits(image, like)
    except drawing.DrawingError as error:
        return str(error)
    boxes = list(map(tuple, digits.boxes.tolist()))
    return _Detected(_picture(image, digits.boxes, like.item), digits.images, boxes)


def _picture(image: np.ndarray, boxes: np.ndarray, item: str) -> str:
    photo = Image.fromarray(image)
    if photo.mode == "RGBA":
        ground = Image.new("RGBA", photo.size, "white")
        photo = Image.alpha_composite(ground, photo)
    photo = photo.convert("RGB")
    photo.thumbnail((2 * _WIDTH, 2 * _WIDTH))
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=80)
    uri = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    height, width = image.shape[:2]
    marks = []
    for number, (left, top, right, bottom) in enumerate(boxes.tolist(), 1):
        position = {
            "left": left / width,
            "top": top / height,
            "width": (right - left) / width,
            "height": (bottom - top) / height,
        }
        style = "; ".join(f"{name}: {100 * fraction:.2f}%" for name, fraction in position.items())
        marks.append(f'<div class="box" style="{style}"><span>{number}</span></div>')
    alt = html.escape(f"The photo. {_count(max(1, len(boxes)), item)}")
    return f'<div class="photo"><img alt="{alt}" src="{uri}">{"".join(marks)}</div>'


def _count(count: int, item: str) -> str:
    return f"Found one {item}" if count == 1 else f"Found {count} {item}s"


def _number(detected: _Detected, table: np.ndarray) -> Number:
    """The number, from its digits' probabilities, float32 (N, classes); their product is its confidence."""
    rows = zip(detected.boxes, detected.images, table, strict=True)
    digits = tuple(Digit((), box, image, row) for box, image, row in rows)
    return Number(digits, float(table.max(axis=1).prod()))
