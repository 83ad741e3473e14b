"""A photo with what was read and what was left out drawn on it, as HTML for `st.html`."""

from __future__ import annotations

import base64
import html
import io
from collections import Counter

import numpy as np
from PIL import Image

from digitcore.drawing.photo import PRINTED_LINE
from digitcore.drawing.reading import Reading
from ui import text
from ui.prediction_html import WRONG

WIDTH = 480  # pixels, of the photo on the page
_MOST_MARKS = 60  # of what was left out; a carpet has thousands of specks

# White boxes with a dark outline are visible on any photo.
STYLE = f"""<style>
.photo {{ position: relative; max-width: {WIDTH}px; }}
.photo img {{ display: block; width: 100%; border-radius: 2px; }}
.photo .box {{ position: absolute; box-sizing: border-box; border: 1px solid #fff;
  outline: 1px solid #000; box-shadow: inset 0 0 0 1px #000; }}
.photo .box span {{ position: absolute; left: -1px; bottom: 100%; padding: 0 0.25em;
  background: #000; color: #fff; font-size: 0.75rem; line-height: 1.3; }}
.photo .out {{ position: absolute; box-sizing: border-box; border: 2px dashed {WRONG};
  outline: 1px solid #fff; }}
.seen {{ display: block; height: 84px; image-rendering: pixelated; border-radius: 2px; }}
</style>"""


def photo_html(image: np.ndarray, reading: Reading | None, alt: str) -> str:
    """The photo, reduced, with a numbered box around each digit and a dashed one around what was
    left out, whose reason is its tooltip.

    Args:
        image: uint8 (H, W), (H, W, 3) or (H, W, 4).
        reading: what was read in it; None draws nothing on it.
        alt: what the photo shows, in words.
    """
    picture = Image.fromarray(image)
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert("RGB")
    picture.thumbnail((2 * WIDTH, 2 * WIDTH))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    uri = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    height, width = image.shape[:2]
    marks = []
    if reading is not None:
        # Printed lines are seen by themselves, and squared paper is full of them.
        marked = [one for one in reading.left_out if one.reason != PRINTED_LINE]
        for one in marked[:_MOST_MARKS]:
            style, reason = _style(one.box, width, height), html.escape(one.reason)
            marks.append(f'<div class="out" style="{style}" title="Left out: {reason}"></div>')
        for number, digit in enumerate(reading.digits, 1):
            style = _style(digit.box, width, height)
            marks.append(f'<div class="box" style="{style}"><span>{number}</span></div>')
    return f'<div class="photo"><img alt="{html.escape(alt)}" src="{uri}">{"".join(marks)}</div>'


def left_out(reading: Reading) -> str:
    """What was left out and why, in sentences; "" where nothing was."""
    reasons = Counter(one.reason for one in reading.left_out)
    lines = reasons.pop(PRINTED_LINE, 0)
    told = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
    sentences = [f"Left out, dashed in the photo: {told}."] if told else []
    if lines:
        sentences.append(f"Left out as printed: {text.counted(lines, 'line')}.")
    return " ".join(sentences)


def _style(box: tuple[float, float, float, float], width: int, height: int) -> str:
    left, top, right, bottom = box
    position = {
        "left": left / width,
        "top": top / height,
        "width": (right - left) / width,
        "height": (bottom - top) / height,
    }
    return "; ".join(f"{name}: {100 * fraction:.2f}%" for name, fraction in position.items())
