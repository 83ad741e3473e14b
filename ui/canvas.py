"""A canvas to draw on, with Undo and Clear; the drawing outlives a page switch and a reload."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st
from streamlit_drawable_canvas import st_canvas

from ui.sketches import sheet_of, sketch_name

SIDE = 320
# MNIST's pen width on this square, for a digit that fills the box.
PEN = 26
_MOST_KEPT = 500_000  # bytes
# The component gives its canvas no name, and its own toolbar, which is hidden, would take the focus.
_NAMED = """<h2 class="heard">Drawing</h2><script>(() => {{
    const look = () => {{
        const host = document.querySelector(
            ".st-key-{key}-frame [data-testid=stBidiComponentIsolated]");
        const [canvas, toolbar] = [".upper-canvas", ".dc-toolbar"].map(
            (part) => host?.shadowRoot?.querySelector(part));
        if (!canvas || !toolbar) return void setTimeout(look, 50);
        toolbar.inert = true;
        canvas.role = "img";
        canvas.ariaLabel = "Canvas to draw on with a mouse, a pen or a finger. "
            + "Without one, choose Photo, which reads a picture.";
    }};
    look();
}})();</script>"""


def drawing_canvas(
    key: str = "canvas", *, width: int = SIDE, height: int = SIDE, pen: int = PEN
) -> dict[str, Any]:
    """Show a canvas and return the drawing on it as Fabric.js JSON, `{"objects": [...]}`.

    In a narrow window it is shown smaller; its coordinates stay the same.

    Args:
        key: identifies this canvas in the session; each has its own drawing.
        width: in pixels of the drawing.
        height: likewise.
        pen: width of the line in these pixels.
    """
    sheet = sheet_of(f"{sketch_name()}-{key}")
    if key not in st.session_state:
        # A new canvas starts with the last drawing. After that the start must not change,
        # because the component redraws it whenever it does.
        _start_with(key, sheet.get("objects", []))
    st.html(_style(key, width))
    st.html(_NAMED.format(key=key), unsafe_allow_javascript=True)
    with st.container(key=f"{key}-room"), st.container(key=f"{key}-frame", width=width):
        result = st_canvas(
            stroke_width=pen,
            stroke_color="#ffffff",
            background_color="#000000",
            width=width,
            height=height,
            initial_drawing=st.session_state[f"{key}_start"],
            key=key,
        )
    drawing = result.json_data or {"objects": []}
    objects = drawing.get("objects", [])
    # The server keeps it. What a person draws is far smaller than this limit.
    sheet["objects"] = objects if len(json.dumps(objects)) < _MOST_KEPT else []
    with st.container(horizontal=True):
        st.button(
            "Undo",
            icon=":material/undo:",
            key=f"{key}-undo",
            on_click=_start_with,
            args=(key, objects[:-1]),
            disabled=not objects,
        )
        st.button(
            "Clear",
            icon=":material/delete:",
            key=f"{key}-clear",
            on_click=_start_with,
            args=(key, []),
            disabled=not objects,
        )
    return drawing


def clear_canvas(key: str) -> None:
    """Empties the canvas with that key; for a callback."""
    _start_with(key, [])


def _style(key: str, width: int) -> str:
    # The component shows a toolbar above its top edge; ours is below, so that one is hidden.
    # It does not shrink by itself, and not every browser divides lengths in CSS: so in steps.
    steps = "".join(
        f"@container (max-width: {room + 19}px) {{"
        f" .st-key-{key}-frame {{ zoom: {room / width:.3f}; }} }}\n"
        for room in range((width - 1) // 20 * 20, 159, -20)
    )
    return (
        f"<style>.st-key-{key}-frame {{ overflow: hidden; }}\n"
        f".st-key-{key}-room {{ container-type: inline-size; }}\n{steps}</style>"
    )


def _start_with(key: str, objects: list[Any]) -> None:
    # The number makes equal starts differ, or a second Clear would change nothing.
    number = st.session_state.get(f"{key}_start", {}).get("number", 0) + 1
    st.session_state[f"{key}_start"] = {"objects": objects, "number": number}
