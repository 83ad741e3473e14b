"""A photo of a number on paper: uploaded, pasted or taken; its digits, then their predictions."""

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
from digitcore.drawing import photo
from digitcore.drawing.sequence import Digit, Number
from digitcore.runs import Run, RunError
from ui import caching, text
from ui.number_tiles import number_html

HINT = "A photo of a digit, or of a number on one line: ink on paper, or chalk on a blackboard."
TYPES = ["png", "jpg", "jpeg", "webp", "bmp", "gif"]
_WIDTH = 480  # pixels, of the photo on the page

# White boxes with a dark outline are visible on any photo.
_STYLE = f"""<style>
.photo {{ position: relative; max-width: {_WIDTH}px; }}
.photo img {{ display: block; width: 100%; border-radius: 2px; }}
.photo .box {{ position: absolute; box-sizing: border-box; border: 1px solid #fff;
  outline: 1px solid #000; box-shadow: inset 0 0 0 1px #000; }}
.photo .box span {{ position: absolute; left: -1px; bottom: 100%; padding: 0 0.25em;
  background: #000; color: #fff; font-size: 0.75rem; line-height: 1.3; }}
</style>"""


@dataclass(frozen=True)
class _Detected:
    """The digits of a photo; small enough to be cached."""

    picture: str
    """The photo, reduced, with a box around each digit, as HTML."""
    images: np.ndarray
    """Input images uint8 (N, 28, 28)."""
    boxes: list[tuple[float, float, float, float]]
    """Left, top, right and bottom of each, in pixels of the photo."""


def read_photo(run: Run) -> None:
    """Takes a photo and shows the number on it; to be called in a fragment.

    The uploader keeps the photo. A file that cannot be read ends in a sentence, and another one
    can be tried.
    """
    data = _uploaded()
    if data is None:
        st.caption(HINT)
        return
    detected = _detected(hashlib.sha256(data).hexdigest(), data)
    if isinstance(detected, str):
        st.error(text.plain(detected))
        return
    with st.container(horizontal=True, gap="large"):
        with st.container(width=_WIDTH):
            st.caption(_count(len(detected.images)))
            st.html(_STYLE + detected.picture)
        with st.container(width=_WIDTH):
            st.caption("What the network sees and predicts")
            try:
                table = caching.predictor(run).probabilities(detected.images)
            except RunError as error:
                st.error(text.plain(str(error)))
            else:
                st.html(number_html(_number(detected, table), "", caching.rejection_threshold(run)))


def _uploaded() -> bytes | None:
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
        file = st.camera_input("Photo of a number on paper", key="photo_camera", width=_WIDTH)
    else:
        file = st.file_uploader(
            "Photo of a number on paper",
            type=TYPES,
            max_upload_size=drawing.images.MAX_FILE_BYTES // 10**6,
            key="photo_file",
            help="Choose, drop or paste an image.",
        )
    return None if file is None else file.getvalue()


@st.cache_data(max_entries=16, show_spinner="Looking for digits")
def _detected(checksum: str, _data: bytes) -> _Detected | str:
    """The digits in the photo, or a sentence that says why there are none."""
    try:
        image = drawing.read_image(_data)
        digits = photo.find_digits(image)
    except drawing.DrawingError as error:
        return str(error)
    boxes = list(map(tuple, digits.boxes.tolist()))
    return _Detected(_picture(image, digits.boxes), digits.images, boxes)


def _picture(image: np.ndarray, boxes: np.ndarray) -> str:
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
    alt = html.escape(f"The photo. {_count(len(boxes))}")
    return f'<div class="photo"><img alt="{alt}" src="{uri}">{"".join(marks)}</div>'


def _count(count: int) -> str:
    return "Found one digit" if count == 1 else f"Found {count} digits"


def _number(detected: _Detected, table: np.ndarray) -> Number:
    """The number, from its digits' probabilities, float32 (N, 10); their product is its confidence."""
    rows = zip(detected.boxes, detected.images, table, strict=True)
    digits = tuple(Digit((), box, image, row) for box, image, row in rows)
    return Number(digits, float(table.max(axis=1).prod()))
