"""The confusion matrix on a page, with cells to click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from digitcore.figures.layout import LAYOUT
from digitcore.figures.style import GREY, MOST_NUMBERED


def confusion_heatmap(
    matrix: np.ndarray,
    normalised: bool,
    chosen: tuple[int | None, int | None] = (None, None),
    names: Sequence[str] = (),
    scale: np.ndarray | None = None,
) -> go.Figure:
    """Confusion matrix: the diagonal muted, errors vivid by their fraction of the true class.

    Plotly reports no clicks on a heatmap, so invisible markers lie over its cells; the
    `customdata` of each is (true class, predicted class).

    Args:
        matrix: integer (classes, classes), rows are true classes, as `classification.confusion` returns it.
        normalised: whether cells show percentages normalised by true class instead of counts.
        chosen: true and predicted class of the cell to frame; None frames a whole row or column.
        names: of the classes; their numbers where none are given.
        scale: another matrix whose largest error is the most vivid, for several on one scale.
    """
    count = len(matrix)
    names = names or [str(label) for label in range(count)]
    many = count > MOST_NUMBERED
    fractions = _fractions(matrix)
    cells = list(np.ndindex(count, count))
    # Annotations, because the text of a trace fades when a marker is selected.
    texts = 100 * fractions if normalised else matrix
    number = ".1f" if normalised else ",d"
    notes = [
        {"x": predicted, "y": true, "text": f"{texts[true, predicted]:{number}}"}
        | {"showarrow": False}
        for true, predicted in cells
        if matrix[true, predicted] and not many
    ]
    layout = {
        **LAYOUT,
        **_axes(names),
        "dragmode": False,
        "clickmode": "event+select",
        "hovermode": "closest",
        "height": 640 if many else 480,
        "annotations": notes,
        "shapes": [_frame(count, *chosen)] if chosen != (None, None) else [],
    }
    # All at once: Plotly checks everything again for each that is added.
    drawn = _cells(fractions, fractions if scale is None else _fractions(scale))
    return go.Figure([*drawn, _clicked(matrix, names, cells)], layout)


def _clicked(
    matrix: np.ndarray, names: Sequence[str], cells: list[tuple[int, ...]]
) -> dict[str, Any]:
    """Markers that nobody sees, one over each cell."""
    unseen = {"marker": {"opacity": 0}}
    size = 8 if len(matrix) > MOST_NUMBERED else 26
    return {
        "type": "scatter",
        "x": [predicted for _, predicted in cells],
        "y": [true for true, _ in cells],
        "customdata": cells,
        "text": [_hover(matrix, names, true, predicted) for true, predicted in cells],
        "mode": "markers",
        "marker": {"symbol": "square", "size": size, "opacity": 0},
        "selected": unseen,
        "unselected": unseen,
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }


def _axes(names: Sequence[str]) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "constrain": "domain",
    }
    if len(names) > MOST_NUMBERED:
        axis |= {"tickfont": {"size": 9}, "tickangle": 0}
    ends = [-0.5, len(names) - 0.5]
    y: dict[str, Any] = {"tickangle": 0, "title": {"text": "true"}, "range": ends[::-1]}
    y |= {"scaleanchor": "x", "constraintoward": "top"}
    x: dict[str, Any] = {"title": {"text": "predicted"}, "range": ends}
    if max(map(len, names)) > 3 and len(names) <= MOST_NUMBERED:
        x |= {"tickangle": -45}
    return {"xaxis": axis | x, "yaxis": axis | y}


def _fractions(matrix: np.ndarray) -> np.ndarray:
    fractions: np.ndarray = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return fractions


def _cells(fractions: np.ndarray, scale: np.ndarray) -> list[dict[str, Any]]:
    diagonal = np.eye(len(fractions), dtype=bool)
    correct = np.where(diagonal, fractions, np.nan)
    # Square roots, or one error in a thousand would be invisible.
    wrong = np.where(diagonal, np.nan, np.sqrt(fractions))
    most = max(float(np.sqrt(np.max(scale, where=~diagonal, initial=0.0))), 0.02)
    more = {
        "type": "heatmap",
        "zmin": 0,
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "hoverinfo": "skip",
    }
    return [
        {**more, "z": correct, "zmax": 1, "colorscale": _fade("138,138,138", 0.3)},
        {**more, "z": wrong, "zmax": most, "colorscale": _fade("213,94,0", 0.8)},
    ]


def _fade(colour: str, opacity: float) -> list[tuple[float, str]]:
    return [(0.0, f"rgba({colour},0)"), (1.0, f"rgba({colour},{opacity})")]


def _hover(matrix: np.ndarray, names: Sequence[str], true: int, predicted: int) -> str:
    count, total = int(matrix[true, predicted]), int(matrix[true].sum())
    what = "correct" if true == predicted else f"predicted as {names[predicted]}"
    whose = f"the {names[true]}s" if len(names[true]) == 1 else f"all {names[true]}"
    fraction = f", {100 * count / total:.2f} % of {whose}" if total else ""
    return f"{names[true]} {what}: {count:,} image{'' if count == 1 else 's'}{fraction}"


def _frame(count: int, true: int | None, predicted: int | None) -> dict[str, Any]:
    x = (-0.5, count - 0.5) if predicted is None else (predicted - 0.5, predicted + 0.5)
    y = (-0.5, count - 0.5) if true is None else (true - 0.5, true + 0.5)
    line = {"color": GREY, "width": 3}
    return {"type": "rect", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], "line": line}
