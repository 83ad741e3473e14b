"""A digit drawn on the canvas, its prediction, and an explanation, updated after each stroke."""

from __future__ import annotations

import html
from urllib.parse import quote

import numpy as np
import streamlit as st

from digitcore import drawing
from digitcore.analysis import attribution
from digitcore.analysis.attribution import Attribution
from digitcore.drawing import Floats, InputImage, canvas
from digitcore.runs import Run, RunError
from ui import caching, digits
from ui.canvas import SIDE, drawing_canvas
from ui.my_handwriting import correct

HINT = "Draw a digit, 0 to 9, with the mouse or a finger."
STYLE = f"""<style>
.answer {{ display: flex; align-items: center; gap: 1.5rem; height: 4.5rem;
  font-variant-numeric: tabular-nums; }}
.answer .digit {{ font-size: 4rem; font-weight: 600; min-width: 1ch; line-height: 4.5rem; }}
.answer .percent {{ font-size: 2rem; }}
.answer .hint {{ line-height: 1.4; opacity: 0.8; }}
.answer .unsure {{ line-height: 1.3; color: {digits.WRONG}; font-weight: 600; }}
.answer .digit.rejected {{ opacity: 0.4; }}
.seen {{ display: block; width: 224px; height: 224px; image-rendering: pixelated; border-radius: 2px; }}
.explanation {{ display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; font-size: 0.8rem; min-height: 8.5rem; }}
.explanation h6 {{ font-size: 0.875rem; font-weight: 600; margin: 0 0 0.4rem; padding: 0; }}
.explanation .tiles {{ display: flex; flex-wrap: wrap; gap: 0.5rem; }}
.explanation figure {{ margin: 0; width: 84px; }}
.explanation figure > * {{ display: block; }}
.explanation img {{ width: 84px; height: 84px; background: #0d0f10; border-radius: 2px;
  image-rendering: pixelated; }}
.explanation figcaption {{ padding-top: 0.2rem; opacity: 0.75; line-height: 1.25;
  font-variant-numeric: tabular-nums; }}
.explanation i {{ display: inline-block; width: 0.6rem; height: 0.6rem; border-radius: 50%; }}
.explanation .for {{ background: {digits.RIGHT}; }} .explanation .against {{ background: {digits.WRONG}; }}
</style>"""
# Smaller weights are shown as neither for nor against.
_LEAST_WEIGHT = 0.02


def draw_digit(run: Run) -> None:
    """The canvas, the prediction and its explanation; to be called in a fragment."""
    with st.container(horizontal=True, gap="large"):
        with st.container(width=SIDE):
            strokes_json = drawing_canvas()
        prediction = st.container(width=280)
        seen = st.container(width=224)
    image = np.zeros((drawing.SIDE, drawing.SIDE), np.uint8)
    probabilities, attributions, message = None, [], HINT
    strokes: list[Floats] = []
    try:
        strokes = canvas.strokes(strokes_json)
        if strokes:
            image = drawing.from_strokes(strokes)
            predict = caching.predictor(run).probabilities
            probabilities, attributions = attribution.occlusion(strokes, predict)
    except (drawing.DrawingError, RunError) as error:
        message = str(error)
    threshold = caching.rejection_threshold(run)
    with prediction:
        st.html(f"{STYLE}{_prediction(probabilities, threshold, message, len(strokes))}")
        st.html(digits.probability_bars(probabilities))
        correct(strokes if probabilities is not None else [])
    with seen:
        st.caption("What the network sees")
        st.html(
            f'<img class="seen" alt="The input image of 28×28 pixels" src="{digits.tile_uri(image)}">'
        )
        hints = attribution.hints(image) if probabilities is not None else []
        st.caption(f"Unusual: {', '.join(hints)}" if hints else "28×28 pixels, as in MNIST")
    if probabilities is None:
        st.html(f'{STYLE}<div class="explanation"></div>')
        caching.nearest()  # computed while nobody waits for a prediction
    else:
        panels = [_steps(strokes, image), _strokes(attributions), _neighbours(image)]
        st.html(f'{STYLE}<div class="explanation">{"".join(panels)}</div>')


def _prediction(
    probabilities: np.ndarray | None, threshold: float | None, message: str, strokes: int
) -> str:
    """The predicted digit with its confidence, or the message; `strokes` is their number."""
    if probabilities is None:
        words = f'<span class="hint">{html.escape(message)}</span>'
    else:
        top = int(np.argmax(probabilities))
        percent = html.escape(digits.confidence(probabilities[top]))
        if threshold is not None and probabilities[top] < threshold:
            words = (
                f'<span class="digit rejected">{top}</span>'
                '<span class="unsure">Not sure it is a digit</span>'
            )
        else:
            words = f'<span class="digit">{top}</span><span class="percent">{percent}</span>'
    return f'<div class="answer" data-strokes="{strokes}" aria-live="polite">{words}</div>'


def _panel(title: str, tiles: list[tuple[str, str]]) -> str:
    figures = "".join(
        f"<figure>{picture}<figcaption>{words}</figcaption></figure>" for picture, words in tiles
    )
    return f'<section><h6>{title}</h6><div class="tiles">{figures}</div></section>'


def _steps(strokes: list[Floats], image: InputImage) -> str:
    lines = [(stroke, "#ffffff", 1.0) for stroke in strokes]
    corner, side = _window(strokes)
    boxed = drawing.from_strokes(strokes, centred=False)
    return _panel(
        "Step by step",
        [
            (_svg(lines, (0, 0), SIDE), "drawn"),
            (_svg(lines, corner, side), "cropped"),
            (_img(boxed), "20×20 box, one pen"),
            (_img(image), "centred by mass"),
        ],
    )


def _window(lines: list[Floats]) -> tuple[Floats, float]:
    """Corner and side of a square around these lines, with a margin."""
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(float((high - low).max()), 1.0) * 1.12
    return (low + high - side) / 2, side


def _strokes(attributions: list[Attribution]) -> str:
    if not attributions:
        return ""
    largest = max(abs(one.weight) for one in attributions)

    def line(one: Attribution) -> tuple[Floats, str, float]:
        if abs(one.weight) < _LEAST_WEIGHT:
            return one.points, "#b8c0c4", 1.0
        colour = digits.RIGHT if one.weight > 0 else digits.WRONG
        return one.points, colour, 0.4 + 0.6 * abs(one.weight) / largest

    window = _window([one.points for one in attributions])
    picture = _svg([line(one) for one in attributions], *window)
    words = '<i class="for"></i> for <i class="against"></i> against'
    if largest < _LEAST_WEIGHT:
        words = "none alone decides"
    return _panel("Strokes", [(picture, words)])


def _neighbours(image: InputImage) -> str:
    if (search := caching.nearest()) is None:
        return ""
    split, nearest = search
    tiles = [(_img(split.images[i]), f"{split.labels[i]}") for i in nearest(image)]
    return _panel("Nearest training digits", tiles)


def _img(image: InputImage) -> str:
    return f'<img alt="" src="{digits.tile_uri(image)}">'


def _svg(
    lines: list[tuple[Floats, str, float]], corner: np.ndarray | tuple[int, int], side: float
) -> str:
    """Polylines in a square window of the canvas."""
    x, y = (float(value) for value in corner)
    paths = []
    for points, colour, opacity in lines:
        # The last point twice, or a dot would be no line.
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (*points, points[-1]))
        paths.append(f'<polyline points="{path}" stroke="{colour}" opacity="{opacity:.2f}"/>')
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x:.2f} {y:.2f} {side:.2f} {side:.2f}" '
        f'fill="none" stroke-width="{side / 14:.2f}" stroke-linecap="round" '
        f'stroke-linejoin="round">{"".join(paths)}</svg>'
    )
    # As an image, because Streamlit removes SVG from HTML.
    return f'<img alt="" src="data:image/svg+xml,{quote(picture)}">'
