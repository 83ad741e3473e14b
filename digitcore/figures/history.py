"""How the probabilities of one image moved from epoch to epoch, for pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from digitcore.figures.layout import HEIGHT, LAYOUT
from digitcore.figures.style import BLUE, GREY, VERMILION

MOST_LINES = 4
_DASHES = ("dash", "dot", "dashdot")


def history_figure(
    epochs: Sequence[int],
    table: np.ndarray,
    true: int,
    predicted: int,
    names: Sequence[str],
    kept: int | None,
) -> go.Figure:
    """A line for the true class, for the predicted one, and for others that were predicted on the way.

    Args:
        epochs: their numbers, ascending.
        table: float (epochs, classes), the image's probabilities after each, 0 to 1.
        true, predicted: the image's class, and what the run's network says it is.
        names: of the classes.
        kept: the epoch whose weights the network has; marked if it is among them.
    """
    lines = [_line(epochs, table, c, true, predicted, names) for c in shown(table, true, predicted)]
    legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    layout: dict[str, Any] = {**LAYOUT, "height": HEIGHT, "legend": legend, "showlegend": True}
    layout["margin"] = {"l": 8, "r": 8, "t": 32, "b": 8}
    layout["hovermode"] = "x unified"
    layout["xaxis"] = {"title": {"text": "epoch"}, "zeroline": False, "tickformat": "d"}
    if epochs[-1] - epochs[0] < 8:
        layout["xaxis"]["dtick"] = 1
    layout["yaxis"] = {"range": [-2, 102], "ticksuffix": " %", "dtick": 25, "zeroline": False}
    figure = go.Figure(lines, layout)
    if kept in epochs:
        figure.add_vline(kept, line={"color": GREY, "width": 1, "dash": "dot"})
    return figure


def shown(table: np.ndarray, true: int, predicted: int) -> list[int]:
    """Which classes have a line: the true and the predicted one, then those that were ever the likeliest."""
    peaks = table.max(axis=0)
    others = sorted(np.unique(table.argmax(axis=1)).tolist(), key=lambda c: -peaks[c])
    return list(dict.fromkeys((true, predicted, *others)))[:MOST_LINES]


def _line(
    epochs: Sequence[int],
    table: np.ndarray,
    of: int,
    true: int,
    predicted: int,
    names: Sequence[str],
) -> dict[str, Any]:
    colour, dash, role = GREY, _DASHES[of % len(_DASHES)], ""
    if of == true:
        colour, dash, role = BLUE, "solid", " (true)"
    elif of == predicted:
        colour, dash, role = VERMILION, "solid", " (predicted)"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(epochs),
        "y": np.round(100 * table[:, of].astype(float), 1).tolist(),
        "name": names[of] + role,
        "line": {"color": colour, "dash": dash, "width": 2},
        "marker": {"color": colour, "size": 5},
        "hovertemplate": "%{y:.1f} %",
        "cliponaxis": False,
    }
