"""Accuracy over the severities of a corruption, for pages: one of several small figures with the same axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from digitcore.analysis.corruptions import Corruption
from digitcore.figures.layout import LAYOUT, as_text

HEIGHT = 190


def severity_curves(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    styles: Mapping[str, tuple[str, str]],
    corruption: Corruption,
) -> go.Figure:
    """A line for each run, from 0 to 100 %; the first one is the thickest and lies on top.

    Args:
        curves: for each run's name, severities ascending, with the accuracy from 0 to 1 at each.
        styles: for each name, the colour and the marker's symbol.
        corruption: whose severities they are.
    """
    traces = []
    for place, (name, curve) in reversed(list(enumerate(curves.items()))):
        colour, symbol = styles[name]
        traces.append(
            {
                "type": "scatter",
                "name": as_text(name),
                "x": [severity for severity, _ in curve],
                "y": [100 * accuracy for _, accuracy in curve],
                "text": [corruption.written(severity) for severity, _ in curve],
                "mode": "lines+markers",
                "line": {"color": colour, "width": 1.5 if place else 2.5},
                "marker": {"color": colour, "symbol": symbol, "size": 6},
                "cliponaxis": False,
                "hovertemplate": "%{text}: %{y:.1f} %<extra>%{fullData.name}</extra>",
                "showlegend": False,
            }
        )
    axis = {"zeroline": False, "fixedrange": True}
    x = axis | {
        "ticksuffix": corruption.unit,
        "nticks": 5,
        "showgrid": False,
        "zeroline": corruption.severities[0] < 0,
    }
    y = axis | {"ticksuffix": " %", "range": [0, 100], "dtick": 50}
    heading = {"text": corruption.title, "x": 0, "y": 0.98, "yanchor": "top", "font": {"size": 14}}
    margin = {"l": 8, "r": 12, "t": 34, "b": 8}
    layout = {**LAYOUT, "height": HEIGHT, "title": heading, "margin": margin, "dragmode": False}
    return go.Figure(traces, {**layout, "xaxis": x, "yaxis": y})
