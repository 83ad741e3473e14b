"""Upload, paste or take a photo of a number on paper; see what was found, then how it is read."""

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

# Boxes are white in a dark seam, so that they show on any photo.
_STYLE = f"""<style>
.photo {{ position: relative; max-width: {_WIDTH}px; }}
.photo img {{ display: block; width: 100%; border-radius: 2px; }}
.photo .found {{ position: absolute; box-sizing: border-box; border: 1px solid #fff;
  outline: 1px solid #000; box-shadow: inset 0 0 0 1px #000; }}
.photo .found span {{ position: absolute; left: -1px; bottom: 100%; padding: 0 0.25em;
  background: #000; color: #fff; font-size: 0.75rem; line-height: 1.3; }}
</style>"""


@dataclass(frozen=True)
class _Seen:
    """What was found in a photo: small enough to be kept for some photos."""

    picture: str
    """The photo, reduced, with a box around each digit, as HTML."""
    images: np.ndarray
    """Digit images uint8 (N, 28, 28)."""
    boxes: list[tuple[float, float, float, float]]
    """Left, top, right and bottom of each, in pixels of the photo."""


def read_photo(run: Run) -> None:
    """The body of a fragment: asks for a photo, and shows what the run's network reads on it.

    The photo itself stays with the uploader; a file that cannot be read is told in a sentence,
    and the next one may be tried.
    """
    data = _asked()
    if data is None:
        st.caption(HINT)
        return
    seen = _seen(hashlib.sha256(data).hexdigest(), data)
    if isinstance(seen, str):
        st.error(text.plain(seen))
        return
    with st.container(horizontal=True, gap="large"):
        with st.container(width=_WIDTH):
            st.caption(_found(len(seen.images)))
            st.html(_STYLE + seen.picture)
        with st.container(width=_WIDTH):
            st.caption("What the network sees and reads")
            try:
                table = caching.predictor(run).probabilities(seen.images)
            except RunError as error:
                st.error(text.plain(str(error)))
            else:
                st.html(number_html(_number(seen, table), "", caching.rejection_threshold(run)))


def _asked() -> bytes | None:
    """The bytes of the photo that a person gave, if there is one."""
    # The camera is not asked for before somebody wants it.
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
def _seen(checksum: str, _data: bytes) -> _Seen | str:
    """What was found in the photo, or a sentence that says why nothing was."""
    try:
        image = drawing.read_image(_data)
        found = photo.find(image)
    except drawing.DrawingError as error:
        return str(error)
    return _Seen(_picture(image, found.boxes), found.digits, list(map(tuple, found.boxes.tolist())))


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
        place = {
            "left": left / width,
            "top": top / height,
            "width": (right - left) / width,
            "height": (bottom - top) / height,
        }
        style = "; ".join(f"{name}: {100 * share:.2f}%" for name, share in place.items())
        marks.append(f'<div class="found" style="{style}"><span>{number}</span></div>')
    alt = html.escape(f"The photo. {_found(len(boxes))}")
    return f'<div class="photo"><img alt="{alt}" src="{uri}">{"".join(marks)}</div>'


def _found(count: int) -> str:
    return "Found one digit" if count == 1 else f"Found {count} digits"


def _number(seen: _Seen, table: np.ndarray) -> Number:
    """What is read, float32 (N, 10) in `table`, of what was found; sure of all at once."""
    rows = zip(seen.boxes, seen.images, table, strict=True)
    digits = tuple(Digit((), box, image, row) for box, image, row in rows)
    return Number(digits, float(table.max(axis=1).prod()))
