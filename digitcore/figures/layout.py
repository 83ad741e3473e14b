"""What the Plotly figures on pages have in common: their layout, and axes for loss and accuracy.

Backgrounds are transparent and fonts inherited, so that a figure suits either theme.
"""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from digitcore.figures.style import TICKS, Quantity, y_range

HEIGHT = 230
LAYOUT: dict[str, Any] = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
    "uirevision": "kept",
}


def as_text(text: str) -> str:
    """What a person typed, so that Plotly shows it as it is and makes no tags of it.

    Plotly knows no `&quot;`, and would show that; a quote means nothing to it outside of a tag.
    """
    return html.escape(text, quote=False)


def with_axes(values: np.ndarray, quantity: Quantity, title: str) -> dict[str, Any]:
    """The layout of a figure whose y axis shows a loss or an accuracy.

    Args:
        values: float (N,), all that is drawn; losses decide the range of the axis.
        quantity: what the values are.
        title: stands above the figure, at its left.
    """
    ends = np.log10(y_range(values, quantity)).tolist()
    ticks = TICKS[quantity]
    yaxis = {"type": "log", "range": ends, "zeroline": False}
    yaxis |= {"tickvals": list(ticks), "ticktext": list(ticks.values())}
    legend = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"}
    heading = {"text": title, "x": 0, "y": 0.99, "yanchor": "top", "font": {"size": 14}}
    margin = {"l": 8, "r": 8, "t": 36, "b": 8}
    more = {"height": HEIGHT, "legend": legend, "title": heading, "margin": margin}
    return {**LAYOUT, **more, "xaxis": {"zeroline": False}, "yaxis": yaxis}
