"""Whether probabilities mean what they say: a reliability diagram, and risk over coverage, for pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from digitcore.analysis.calibration import Reliability
from digitcore.analysis.rejection import Rejection, RiskCoverage
from digitcore.figures.layout import LAYOUT
from digitcore.figures.style import BLUE, GREY, VERMILION

HEIGHT = 340
# As many as a browser window of ordinary width can show of a line.
MAX_POINTS = 400


def reliability_diagram(reliability: Reliability) -> go.Figure:
    """Accuracy by confidence, as bars against the diagonal on which a calibrated network's would end.

    Bars are blue and have 95 % intervals; from where a bar ends to the mean confidence of its images is
    vermilion, the gap. How many images a bin holds stands above it.

    Args:
        reliability: as `calibration.reliability` returns it; a bin without images has no bar.
    """
    shown = np.flatnonzero(reliability.counts)
    edges = 100 * reliability.edges
    accuracy, confidence = 100 * reliability.accuracy[shown], 100 * reliability.confidence[shown]
    low, high = 100 * reliability.low[shown], 100 * reliability.high[shown]
    where = {
        "type": "bar",
        "x": ((edges[:-1] + edges[1:]) / 2)[shown],
        "width": np.diff(edges)[shown] * 0.92,
        "showlegend": False,
    }
    bars = where | {
        "y": accuracy,
        "marker": {"color": BLUE, "opacity": 0.75},
        "text": [_hover(reliability, k) for k in shown.tolist()],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }
    gaps = where | {
        "base": np.minimum(accuracy, confidence),
        "y": np.abs(accuracy - confidence),
        "marker": {
            "color": "rgba(213,94,0,0.2)",
            "line": {"color": VERMILION, "width": 1},
            "pattern": {"shape": "/", "fgcolor": VERMILION, "size": 5, "solidity": 0.25},
        },
        "hoverinfo": "skip",
    }
    ends = where | {
        "type": "scatter",
        "mode": "markers",
        "y": accuracy,
        "marker": {"size": 1, "color": GREY},
        "error_y": {"array": high - accuracy, "arrayminus": accuracy - low}
        | {"color": GREY, "thickness": 1.5, "width": 3},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    ends.pop("width")
    notes = [
        {"x": x, "y": 100, "yshift": 6, "yanchor": "bottom", "text": f"{count:,}"}
        | {"textangle": -90, "showarrow": False, "font": {"size": 11}}
        for x, count in zip(where["x"], reliability.counts[shown], strict=True)
    ]
    layout = _layout("accuracy", "confidence") | {"annotations": notes, "barmode": "overlay"}
    layout["margin"] |= {"t": 72}  # for the counts
    layout["xaxis"] |= {"range": [0, 100], "dtick": 25}
    layout["yaxis"] |= {"range": [0, 100]}
    return go.Figure([bars, gaps, ends], layout).add_shape(_line(0, 0, 100, 100))


def risk_coverage_figure(curve: RiskCoverage, chosen: Rejection, most: float = 0.5) -> go.Figure:
    """The error of the images that are kept, over the fraction that is kept; a dot marks what is chosen.

    The dashed line is the error where nothing is rejected, which rejection at random would keep.

    Args:
        curve: as `rejection.risk_coverage` returns it.
        chosen: what its `rejecting` says of the chosen fraction.
        most: the largest fraction rejected that is drawn, above 0 to 1.
    """
    total = len(curve.errors)
    least = max(1, -int(-total * (1 - most) // 1))
    kept = np.unique(np.linspace(least, total, min(MAX_POINTS, total)).astype(int))
    coverage, risk = 100 * kept / total, 100 * curve.errors[kept - 1] / kept
    top = max(risk.max(), 100 / total) * 1.1
    line = {
        "type": "scatter",
        "x": coverage,
        "y": risk,
        "mode": "lines",
        "line": {"color": BLUE, "width": 2},
        "hovertemplate": "%{x:.1f} % kept · %{y:.2f} % wrong<extra></extra>",
        "showlegend": False,
    }
    dot = {
        "type": "scatter",
        "x": [100 * chosen.coverage],
        "y": [100 * chosen.error],
        "mode": "markers",
        "marker": {"size": 11, "color": BLUE, "line": {"color": "white", "width": 1}},
        "cliponaxis": False,
        "hovertemplate": "chosen: %{x:.1f} % kept · %{y:.2f} % wrong<extra></extra>",
        "showlegend": False,
    }
    layout = _layout("error of what is kept", "coverage: the fraction that is kept")
    layout["xaxis"] |= {"range": [100 * (1 - most), 100]}
    layout["yaxis"] |= {"range": [0, top]}
    whole = float(risk[-1])
    return go.Figure([line, dot], layout).add_shape(_line(100 * (1 - most), whole, 100, whole))


def _layout(title: str, below: str) -> dict[str, Any]:
    axis = {"zeroline": False, "fixedrange": True, "ticksuffix": " %"}
    heading = {"text": title, "x": 0, "y": 0.99, "yanchor": "top", "font": {"size": 14}}
    more = {"height": HEIGHT, "title": heading, "dragmode": False}
    margin = {"l": 8, "r": 28, "t": 36, "b": 8}
    return {
        **LAYOUT,
        **more,
        "margin": margin,
        "xaxis": {**axis, "title": {"text": below}, "showgrid": False},
        "yaxis": axis,
    }


def _line(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    line = {"color": GREY, "width": 1.5, "dash": "dash"}
    return {"type": "line", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": line, "layer": "above"}


def _images(count: int) -> str:
    return f"{count:,} image" + ("" if count == 1 else "s")


def _hover(reliability: Reliability, k: int) -> str:
    """What bin number k holds, in three lines."""
    edges, ends = 100 * reliability.edges, (reliability.low[k], reliability.high[k])
    return (
        f"{_images(reliability.counts[k])}, {edges[k]:.0f}–{edges[k + 1]:.0f} % sure<br>"
        f"says {100 * reliability.confidence[k]:.1f} % in the mean<br>"
        f"right in {100 * reliability.accuracy[k]:.1f} % ({100 * ends[0]:.1f}–{100 * ends[1]:.1f})"
    )
