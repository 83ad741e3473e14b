"""A number drawn on the canvas, recognised after each stroke."""

from __future__ import annotations

import streamlit as st

from digitcore import drawing
from digitcore.drawing import DrawingInput, canvas, sequence
from digitcore.runs import Run, RunError
from ui import caching
from ui.canvas import drawing_canvas
from ui.number_tiles import number_html

HINT = "Write a number: its digits from left to right, with the mouse or a finger."
WIDTH, HEIGHT = 720, 240
# MNIST's pen width for a digit a little over half as high as the canvas.
PEN = 16


def draw_number(run: Run, like: DrawingInput) -> None:
    """The canvas, the recognised number, and a tile for each digit; to be called in a fragment."""
    sketch = drawing_canvas("number", width=WIDTH, height=HEIGHT, pen=PEN)
    number = None
    message = HINT
    try:
        strokes = canvas.strokes(sketch)
        if strokes:
            number = sequence.read(strokes, caching.predictor(run).probabilities, like)
    except (drawing.DrawingError, RunError) as error:
        message = str(error)
    st.html(number_html(number, message, caching.rejection_threshold(run)))
