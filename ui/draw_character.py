"""A digit, letter or character drawn on the canvas, its prediction and an explanation, after each stroke."""

from __future__ import annotations

import html
from urllib.parse import quote

import numpy as np
import streamlit as st

from digitcore import drawing
from digitcore.analysis import attribution
from digitcore.analysis.attribution import Attribution
from digitcore.datasets import DatasetInfo
from digitcore.drawing import AS_MNIST, DrawingInput, Floats, InputImage, canvas
from digitcore.runs import Run, RunError
from ui import caching
from ui.canvas import SIDE, drawing_canvas
from ui.live_answer import live_answer
from ui.my_handwriting import correct
from ui.prediction_html import RIGHT, WRONG, tile_uri

_STYLE = f"""<style>
.explanation {{ display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; font-size: 0.8rem; min-height: 8.5rem; }}
.explanation h3 {{ font-size: 0.875rem; font-weight: 600; margin: 0 0 0.4rem; padding: 0; }}
.explanation .tiles {{ display: flex; flex-wrap: wrap; gap: 0.5rem; }}
.explanation figure {{ margin: 0; width: 84px; }}
.explanation figure > * {{ display: block; }}
.explanation img {{ width: 84px; height: 84px; background: #0d0f10; border-radius: 2px;
  image-rendering: pixelated; }}
.explanation figcaption {{ padding-top: 0.2rem; opacity: 0.75; line-height: 1.25;
  font-variant-numeric: tabular-nums; }}
.explanation i {{ display: inline-block; width: 0.6rem; height: 0.6rem; border-radius: 50%; }}
.explanation .for {{ background: {RIGHT}; }} .explanation .against {{ background: {WRONG}; }}
</style>"""
_CANVAS = "canvas"
_ANSWER_WIDTH = 540  # prediction and input image side by side
# Of more classes, the first and the last one say little of those between.
_ALPHABET = 26
# Smaller weights are shown as neither for nor against.
_LEAST_WEIGHT = 0.02


def draw_character(run: Run, like: DrawingInput) -> None:
    """The canvas, the prediction and its explanation; to be called in a fragment."""
    with st.container(horizontal=True, gap="large"):
        with st.container(width=SIDE):
            strokes_json = drawing_canvas(_CANVAS)
        prediction = st.container(width=_ANSWER_WIDTH)
    info = run.recipe.info
    image = np.zeros(like.shape, np.uint8)
    probabilities, attributions, message = None, [], hint(info, like.item)
    strokes: list[Floats] = []
    try:
        strokes = canvas.strokes(strokes_json)
        if strokes:
            image = drawing.from_strokes(strokes, like=like)
            predict = caching.predictor(run).probabilities
            probabilities, attributions = attribution.occlusion(strokes, predict, like)
    except (drawing.DrawingError, RunError) as error:
        message = str(error)
    # They are compared with MNIST's digits.
    hints = attribution.hints(image) if probabilities is not None and like == AS_MNIST else []
    as_in = f"{'×'.join(map(str, reversed(like.shape)))} pixels, as in {info.title}"
    told = f"Unusual: {', '.join(hints)}" if hints else as_in
    with prediction:
        live_answer(run, like, _CANVAS, strokes, image, probabilities, message, told)
        if info.is_of_digits:
            correct(strokes if probabilities is not None else [])
    if probabilities is None:
        st.html(f'{_STYLE}<div class="explanation"></div>')
        caching.nearest(run)  # computed while nobody waits for a prediction
    else:
        panels = [
            _steps(strokes, image, like),
            _strokes(attributions),
            _neighbours(run, image, like.item),
        ]
        st.html(f'{_STYLE}<div class="explanation">{"".join(panels)}</div>')


def hint(info: DatasetInfo, item: str) -> str:
    """What to draw, in a sentence."""
    what = f"a {item}, {info.classes[0]} to {info.classes[-1]},"
    if info.class_count > _ALPHABET:
        what = f"one of the {info.class_count} {item}s of {info.title}"
    return f"Draw {what} with the mouse or a finger."


def _panel(title: str, tiles: list[tuple[str, str]]) -> str:
    figures = "".join(
        f"<figure>{picture}<figcaption>{words}</figcaption></figure>" for picture, words in tiles
    )
    return f'<section><h3>{title}</h3><div class="tiles">{figures}</div></section>'


def _steps(strokes: list[Floats], image: InputImage, like: DrawingInput) -> str:
    lines = [(stroke, "#ffffff", 1.0) for stroke in strokes]
    corner, side = _window(strokes)
    boxed = drawing.from_strokes(strokes, like=like, centred=False)
    tiles = [
        (_svg(lines, (0, 0), SIDE), "drawn"),
        (_svg(lines, corner, side), "cropped"),
        (_img(boxed), f"{like.box}×{like.box} box, one pen"),
    ]
    if like.centring == "mass":
        tiles.append((_img(image), "centred by mass"))
    return _panel("Step by step", tiles)


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
        colour = RIGHT if one.weight > 0 else WRONG
        return one.points, colour, 0.4 + 0.6 * abs(one.weight) / largest

    window = _window([one.points for one in attributions])
    picture = _svg([line(one) for one in attributions], *window)
    words = '<i class="for"></i> for <i class="against"></i> against'
    if largest < _LEAST_WEIGHT:
        words = "none alone decides"
    return _panel("Strokes", [(picture, words)])


def _neighbours(run: Run, image: InputImage, item: str) -> str:
    if (search := caching.nearest(run)) is None:
        return ""
    split, nearest = search
    names = run.recipe.info.classes
    tiles = [(_img(split.images[i]), html.escape(names[split.labels[i]])) for i in nearest(image)]
    return _panel(f"Nearest training {item}s", tiles)


def _img(image: InputImage) -> str:
    return f'<img alt="" src="{tile_uri(image)}">'


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
