"""A drawing's prediction and its input image, which follow the pen: the network runs in the page.

While a person draws, a worker in the browser (`ui/engine`) reads the canvas at each move. The server still gets the
strokes after each one and says what it predicts; as soon as both are about the same strokes, the server's answer
is shown. Switches break what is done to the strokes, so that a person sees what the network then says; only the page
does that. Where the browser has no module workers, or the network cannot run in it, the server's is all there is.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from digitcore.datasets import DatasetInfo
from digitcore.drawing import DrawingInput, Floats, InputImage
from digitcore.runs import Run
from ui import caching
from ui.canvas import SIDE
from ui.prediction_html import ANSWER_CSS, BARS_CSS

_CSS = f"""
.live {{ display: flex; flex-wrap: wrap; gap: 1rem 2rem; font-family: var(--st-font);
  color: var(--st-text-color); }}
.live .said {{ flex: 0 1 280px; min-width: 0; }}
.live .sight {{ width: 224px; font-size: 0.875rem; line-height: 1.4; }}
.live p {{ margin: 0; opacity: 0.75; min-height: 1.4em; }}
.live .slow:empty {{ display: none; }}
.live details {{ margin-top: 0.5rem; }}
.live summary {{ cursor: pointer; }}
.live summary:focus-visible {{ outline: 2px solid currentColor; outline-offset: 2px; }}
.live fieldset {{ border: 0; margin: 0.3rem 0 0; padding: 0; }}
.live label {{ display: flex; align-items: center; gap: 0.5rem; min-height: 1.75rem; cursor: pointer; }}
.live input {{ accent-color: var(--st-text-color); margin: 0; width: 1rem; height: 1rem; }}
.live .seen {{ display: block; width: 224px; height: 224px; margin: 0.75rem 0;
  image-rendering: pixelated; border-radius: 2px; object-fit: contain; background: #000;
  outline: 1px solid var(--st-border-color); }}
{ANSWER_CSS}
{BARS_CSS}
.bars .fill {{ transition: none; }}
"""
_HTML = """<div class="live">
<div class="said"><div class="answer" aria-live="polite"></div><div class="bars" role="img"></div></div>
<div class="sight"><p>What the network sees</p>
<canvas class="seen" role="img" aria-label="The input image"></canvas>
<p class="unusual"></p><p class="slow"></p>
<details hidden><summary>Break the preprocessing</summary><fieldset aria-label="What is done wrong to the drawing">
<label><input type="checkbox" name="inverted">Black ink on white</label>
<label><input type="checkbox" name="uncentred">Not centred</label>
<label><input type="checkbox" name="unscaled">Not scaled</label>
<label><input type="checkbox" name="thick">Thick pen</label>
<label><input type="checkbox" name="resized">Only resized, as often done</label>
</fieldset></details></div>
</div>"""

_live = st.components.v2.component(
    "live_answer",
    html=_HTML,
    css=_CSS,
    js=Path(__file__).with_suffix(".js").read_text("utf-8"),
)


def live_answer(
    run: Run,
    like: DrawingInput,
    canvas: str,
    strokes: Sequence[Floats],
    image: InputImage,
    probabilities: np.ndarray | None,
    message: str,
    caption: str,
) -> None:
    """Draws the prediction, a bar for each class, and the input image.

    Args:
        run: whose network it is.
        like: how a drawing becomes its input image.
        canvas: key of the canvas that is drawn on.
        strokes: of the drawing, as the server has it.
        image: uint8 (height, width), made of them.
        probabilities: float (classes,) of that image; None shows the message instead.
        message: what to do, or what is wrong.
        caption: what to say of the input image.
    """
    info: DatasetInfo = run.recipe.info
    threshold = caching.rejection_threshold(run)
    version = caching.network_version(run)
    asked = urlencode({"run": run.id, "version": version})
    data = {
        "canvas": canvas,
        # Undo and Clear give the canvas another drawing to start with.
        "start": st.session_state.get(f"{canvas}_start", {}).get("number", 0),
        "engine": "./engine/worker.js",
        "network": f"./engine/network?{asked}" if version else None,
        "side": SIDE,
        "like": asdict(like),
        "names": list(info.classes),
        "item": like.item,
        "dataset": info.title,
        # JSON has no infinity; nothing is above 1.
        "threshold": threshold if threshold is None or math.isfinite(threshold) else 2.0,
        "strokes": [stroke.tolist() for stroke in strokes],
        "image": base64.b64encode(image.tobytes()).decode(),
        "probabilities": None if probabilities is None else probabilities.astype(float).tolist(),
        "message": message,
        "caption": caption,
    }
    _live(key=f"{canvas}_answer", data=data)
