"""The canvas's JSON becomes strokes, where they are seen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from digitcore.drawing import DrawingError, canvas


def canvas_of(path: list[list[object]], **values: object) -> dict[str, object]:
    """A path as streamlit-drawable-canvas 0.13 (Fabric 7.4) sends it."""
    thing = {"type": "Path", "originX": "center", "originY": "center", "left": 150, "top": 200}
    return {"objects": [{**thing, "strokeWidth": 18, "path": path, **values}], "background": "#000"}


LINE: list[list[object]] = [["M", 100, 200], ["L", 200, 200]]


def test_a_path_becomes_a_stroke() -> None:
    (stroke,) = canvas.strokes(
        canvas_of([["M", 100, 200], ["Q", 150, 200, 160, 200], ["L", 200, 200]])
    )
    np.testing.assert_allclose(stroke[[0, -1]], [[100, 200], [200, 200]])
    assert len(stroke) > 10
    np.testing.assert_allclose(stroke[:, 1], 200)


def test_curves_follow_the_bezier_formula() -> None:
    path: list[list[object]] = [["M", 0, 0], ["C", 0, 100, 100, 100, 100, 0]]
    (stroke,) = canvas.strokes(canvas_of(path, left=50, top=37.5))
    assert stroke[:, 1].max() == pytest.approx(75, abs=0.5)
    assert stroke[len(stroke) // 2][0] == pytest.approx(50, abs=3)


def test_a_moved_scaled_and_rotated_path_is_where_it_is_seen() -> None:
    (stroke,) = canvas.strokes(canvas_of(LINE, left=10, top=20, scaleX=0.5, angle=90))
    np.testing.assert_allclose(stroke, [[10, -5], [10, 45]], atol=1e-9)
    (mirrored,) = canvas.strokes(canvas_of(LINE, flipX=True))
    np.testing.assert_allclose(mirrored, [[200, 200], [100, 200]])


def test_a_path_placed_by_its_corner_is_where_it_is_seen() -> None:
    thing = canvas_of(LINE, originX="left", originY="top", left=91, top=191)
    np.testing.assert_allclose(canvas.strokes(thing)[0], [[100, 200], [200, 200]])


def test_a_tap_is_one_point() -> None:
    tap = canvas_of([["M", 149.982, 200], ["L", 150.018, 200]])
    np.testing.assert_allclose(canvas.strokes(tap), [[[150, 200]]])


def test_an_empty_canvas_has_no_strokes_and_other_objects_are_skipped() -> None:
    assert canvas.strokes({"objects": [], "background": "#000"}) == []
    assert canvas.strokes({"objects": [{"type": "Rect", "left": 1}]}) == []


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"objects": {}},
        {"objects": [None]},
        {"objects": [{"type": "path"}]},
        {"objects": [{"type": "path", "path": "M 0 0"}]},
        canvas_of([["L", 1, 2]]),
        canvas_of([["M", 1]]),
        canvas_of([["A", 1, 2]]),
        canvas_of([["M", 1, "x"]]),
        canvas_of([["M", 1, 2], ["L", float("nan"), 2]]),
        canvas_of([]),
        canvas_of(LINE, left=None),
        canvas_of(LINE, angle="x"),
        canvas_of(LINE, originX="x"),
    ],
)
def test_input_other_than_a_canvas_drawing_is_refused(data: object) -> None:
    with pytest.raises(DrawingError, match="Received"):
        canvas.strokes(json.loads(json.dumps(data)))
