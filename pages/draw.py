"""Draw a digit and see, stroke by stroke, what the network reads and what it sees."""

import html

import numpy as np
import streamlit as st

from digitcore import drawing
from digitcore.runs import RunError
from ui import caching, digits
from ui.canvas import drawing_canvas
from ui.frame import require_frame
from ui.run_picker import pick_run

require_frame()

HINT = "Draw a digit, 0 to 9, with the mouse or a finger."
STYLE = """<style>
.answer { display: flex; align-items: baseline; gap: 1.5rem; height: 4.5rem; line-height: 4.5rem;
  font-variant-numeric: tabular-nums; }
.answer .digit { font-size: 4rem; font-weight: 600; min-width: 1ch; }
.answer .percent { font-size: 2rem; }
.answer .hint { line-height: 1.5; align-self: center; opacity: 0.75; }
.seen { display: block; width: 224px; height: 224px; image-rendering: pixelated; border-radius: 2px; }
</style>"""

run = pick_run(need="model.tflite")


@st.fragment
def draw() -> None:
    with st.container(horizontal=True, gap="large"):
        with st.container(width=320):
            strokes_json = drawing_canvas()
        answer = st.container(width=280)
        seen = st.container(width=224)

    image = np.zeros((28, 28), np.uint8)
    probabilities = None
    message = HINT
    try:
        strokes = drawing.strokes_from_fabric(strokes_json)
        if strokes:
            image = drawing.from_strokes(strokes)
            probabilities = caching.predictor(run).probabilities(image[None])[0]
    except (drawing.DrawingError, RunError) as error:
        message = str(error)

    with answer:
        reading = f'<span class="hint">{html.escape(message)}</span>'
        if probabilities is not None:
            top = int(np.argmax(probabilities))
            percent = html.escape(digits.percent(probabilities[top]))
            reading = f'<span class="digit">{top}</span><span class="percent">{percent}</span>'
        st.html(f'{STYLE}<div class="answer" aria-live="polite">{reading}</div>')
        st.html(digits.probability_bars(probabilities))
    with seen:
        st.caption("What the network sees")
        st.html(
            f'<img class="seen" alt="The digit image of 28×28 pixels" src="{digits.tile_uri(image)}">'
        )
        st.caption("Scaled to 20 pixels, centred by its mass")


draw()
