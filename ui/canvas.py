"""A square to draw a digit in, with Undo and Clear; the drawing outlives a page switch."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit_drawable_canvas import st_canvas

SIDE = 320
# MNIST's pen, as wide on this square as it is on 28 pixels when the digit fills the box.
PEN = 26

# The component floats a toolbar over its top edge; ours is below, so that one is cut off.
_STYLE = "<style>.st-key-canvas-frame { overflow: hidden; }</style>"


def drawing_canvas() -> dict[str, Any]:
    """Show the canvas and give the drawing on it as Fabric.js JSON, `{"objects": [...]}`."""
    if "canvas" not in st.session_state:
        # Freshly mounted: it starts with what was last drawn. After that the start
        # stays as it is, as the component draws it anew whenever it changes.
        _start_with(st.session_state.get("drawing", {}).get("objects", []))
    st.html(_STYLE)
    with st.container(key="canvas-frame", width=SIDE):
        result = st_canvas(
            stroke_width=PEN,
            stroke_color="#ffffff",
            background_color="#000000",
            width=SIDE,
            height=SIDE,
            initial_drawing=st.session_state.canvas_start,
            key="canvas",
        )
    drawing = result.json_data or {"objects": []}
    st.session_state.drawing = drawing
    empty = not drawing.get("objects")
    with st.container(horizontal=True, width=SIDE):
        st.button("Undo", icon=":material/undo:", on_click=_undo, disabled=empty)
        st.button(
            "Clear", icon=":material/delete:", on_click=_start_with, args=([],), disabled=empty
        )
    return drawing


def _undo() -> None:
    _start_with(st.session_state.drawing["objects"][:-1])


def _start_with(objects: list[Any]) -> None:
    # The number makes two equal starts differ: else a second Clear would change nothing.
    number = st.session_state.get("canvas_start", {}).get("number", 0) + 1
    st.session_state.canvas_start = {"objects": objects, "number": number}
