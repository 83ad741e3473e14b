"""A map of images in the browser: to be drawn around, moved and zoomed, for mouse and finger."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from digitcore.analysis.selection import Area
from digitcore.figures.style import class_colours

Colouring = Literal["class", "prediction", "correctness", "confidence"]
COLOURINGS: tuple[Colouring, ...] = get_args(Colouring)

_CSS = """
.map { position: relative; font-family: var(--st-font); color: var(--st-text-color);
  background: var(--st-background-color); }
canvas { display: block; width: 100%; height: min(35rem, 110vw); touch-action: none; cursor: crosshair; }
.tools { display: flex; flex-wrap: wrap; gap: 0.25rem; margin-bottom: 0.4rem; padding: 3px; }
button { all: unset; box-sizing: border-box; cursor: pointer; font-size: 0.875rem; line-height: 1.5;
  padding: 0.1rem 0.6rem; border: 1px solid var(--st-border-color); border-radius: 3px; }
button:hover, button[aria-pressed="true"] { background: var(--st-secondary-background-color); }
button[aria-pressed="true"] { font-weight: 600; }
button:focus-visible { outline: 2px solid var(--st-text-color); outline-offset: 1px; }
.tip { position: absolute; pointer-events: none; background: var(--st-secondary-background-color);
  border-radius: 3px; padding: 4px; font-size: 0.75rem; width: 7.5rem; line-height: 1.3; z-index: 1; }
.tip[hidden] { display: none; }
.tip img { display: block; width: 56px; image-rendering: pixelated; }
.ground { position: relative; }
"""
_HTML = """<div class="map" role="group" aria-label="Map of the images by the network's features">
<div class="tools">
<button type="button" name="lasso" aria-pressed="true">Draw around</button>
<button type="button" name="move" aria-pressed="false">Move</button>
<button type="button" name="closer" aria-label="Zoom in">+</button>
<button type="button" name="farther" aria-label="Zoom out">−</button>
<button type="button" name="whole">Whole map</button>
</div>
<div class="ground"><canvas aria-hidden="true"></canvas>
<div class="tip" hidden><img alt=""><span></span></div></div>
</div>"""

_map = st.components.v2.component(
    "image_map",
    html=_HTML,
    css=_CSS,
    js=Path(__file__).with_suffix(".js").read_text("utf-8"),
)


def image_map(
    key: str,
    run_id: str,
    split: str,
    by: str,
    version: str,
    colouring: Colouring,
    names: Sequence[str],
    captions: Sequence[tuple[float, float]],
    selected: np.ndarray | None,
    areas: Sequence[Area],
    on_areas: Callable[[str], None],
) -> None:
    """Draws the map; the browser asks the server for points and images (`ui/map_answers.py`).

    Args:
        key: of this map in the page.
        run_id, split: whose images it shows.
        by: how the map is made, "PCA" or "UMAP".
        version: of the points; another one is asked for anew.
        colouring: what the colours show.
        names: of the classes.
        captions: where the name of each class is written; NaN where it has no image.
        selected: bool (N,), which images stand out; None where all do.
        areas: what is drawn around.
        on_areas: called with the areas, as the address has them, when a person has drawn around some.
    """
    asked = urlencode({"run": run_id, "split": split, "by": by, "version": version})
    written = [
        {"x": x, "y": y, "text": name}
        for (x, y), name in zip(captions, names, strict=True)
        if np.isfinite(x)
    ]
    data = {
        "points": f"./map/points?{asked}",
        "images": f"./map/images?{asked}",
        "colouring": colouring,
        "colours": class_colours(len(names)),
        "names": list(names),
        "captions": written,
        "selected": None if selected is None else base64.b64encode(np.packbits(selected)).decode(),
        "areas": [list(area) for area in areas],
    }
    _map(key=key, data=data, on_areas_change=lambda: on_areas(str(st.session_state[key].areas)))
