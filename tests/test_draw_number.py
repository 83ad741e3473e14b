"""A number on the page: its canvas, its tiles, and what is said instead of a number."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from digitcore import drawing
from digitcore.drawing.sequence import Digit, Number
from ui.number_tiles import number_html
from ui.sketches import sheet_of

HINT = "Write a number"


def number_of(*digits: tuple[int, float]) -> Number:
    """A number of these digits with these confidences, itself with 42 %."""
    image = drawing.from_strokes([[(0, 0), (0, 100)]])
    box = (0.0, 0.0, 1.0, 1.0)
    tables = [np.full(10, (1 - p) / 9, np.float32) for _, p in digits]
    for table, (digit, confidence) in zip(tables, digits, strict=True):
        table[digit] = confidence
    return Number(tuple(Digit((0,), box, image, table) for table in tables), 0.42)


def test_a_number_is_shown_with_its_confidence_and_a_tile_for_each_digit() -> None:
    shown = number_html(number_of((7, 0.98), (0, 0.55)), HINT)
    assert ">70<" in shown
    assert "42 %" in shown
    assert shown.count("<img") == 2
    assert HINT not in shown
    assert shown.count('class="unsure"') == 0


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        (((7, 0.98), (0, 0.55)), "Not sure that the 2nd is a digit"),
        (((7, 0.5), (0, 0.98), (1, 0.4)), "Not sure that the 1st and 3rd are digits"),
        (((7, 0.5), (0, 0.55)), "Not sure it is a number"),
        (((7, 0.5),), "Not sure it is a digit"),
    ],
)
def test_rejected_digits_are_named_and_marked(
    digits: tuple[tuple[int, float], ...], said: str
) -> None:
    shown = number_html(number_of(*digits), HINT, rejection_threshold=0.6)
    assert said in shown
    marks = [tile.count('class="unsure"') for tile in shown.split("<figure>")[1:]]
    assert marks == [int(confidence < 0.6) for _, confidence in digits]
    assert "Not sure" not in number_html(number_of(*digits), HINT, rejection_threshold=0.3)


def test_a_message_takes_the_place_of_a_number() -> None:
    shown = number_html(None, "<b>no & ink</b>")
    assert "&lt;b&gt;no &amp; ink&lt;/b&gt;" in shown
    assert "<img" not in shown
    assert 'class="number-tiles"' in shown


def two_canvases() -> None:
    """The square and the wide canvas on one page, for a run without a network."""
    from pathlib import Path

    from digitcore.drawing import AS_MNIST
    from digitcore.runs import Run
    from ui.canvas import drawing_canvas
    from ui.draw_number import draw_number

    drawing_canvas()
    draw_number(Run(Path("no such run")), AS_MNIST)


def said(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def sketch(*strokes: list[tuple[int, int]]) -> dict[str, object]:
    """Strokes as the canvas sends them, each placed by its centre."""
    paths = []
    for points in strokes:
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        left, top = ((low + high) / 2).tolist()
        path = [["L" if i else "M", *point] for i, point in enumerate(points)]
        position = {"left": left, "top": top, "originX": "center", "originY": "center"}
        paths.append({"type": "Path", "path": path, **position})
    return {"objects": paths}


def test_an_empty_canvas_says_what_to_do() -> None:
    app = AppTest.from_function(two_canvases, default_timeout=30).run()
    assert not app.exception
    assert HINT in said(app)
    assert [button.label for button in app.button] == ["Undo", "Clear"] * 2
    assert all(button.disabled for button in app.button)


def test_two_canvases_have_each_their_own_drawing_undo_and_clear() -> None:
    app = AppTest.from_function(two_canvases, default_timeout=30)
    app.query_params["sketch"] = "two"
    sheet_of("two-canvas").update(sketch([(5, 5), (5, 90)]))
    sheet_of("two-number").update(sketch([(9, 5), (9, 90)], [(50, 5), (50, 90)]))
    app.run()
    app.button(key="number-undo").click().run()
    assert len(app.session_state["number_start"]["objects"]) == 1
    assert len(app.session_state["canvas_start"]["objects"]) == 1
    app.button(key="canvas-clear").click().run()
    assert len(app.session_state["number_start"]["objects"]) == 1
    assert app.session_state["canvas_start"]["objects"] == []


def test_the_page_says_if_there_is_no_network() -> None:
    app = AppTest.from_function(two_canvases, default_timeout=30)
    app.query_params["sketch"] = "one"
    sheet_of("one-number").update(sketch([(9, 5), (9, 90)]))
    app.run()
    assert not app.exception
    assert "no network" in said(app)
