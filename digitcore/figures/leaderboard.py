"""The leaderboard's figure: validation accuracy over what a network costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from digitcore.analysis.leaderboard import Cost, Entry, pareto_front
from digitcore.figures.layout import as_text, with_axes
from digitcore.figures.style import GREY, heights

# The axis title, and a line of the hover text.
_COSTS: dict[Cost, tuple[str, str]] = {
    "parameters": ("parameters", "%{x:,} parameters"),
    "fit_seconds": ("seconds of training", "%{x:,.1f} s of training"),
    "seconds_to_99": ("seconds of training to 99 % validation accuracy", "%{x:,.1f} s to 99 %"),
    "prediction_ms": ("milliseconds per image", "%{x:.2f} ms per image"),
}


def accuracy_over_cost(
    entries: Sequence[Entry],
    cost: Cost,
    styles: Mapping[str, tuple[str, str]],
) -> go.Figure:
    """Validation accuracy over a cost, both logarithmic, with the Pareto front as a line.

    Args:
        entries: recipes (grey rings) and runs; an entry without this cost is left out.
        cost: the x axis.
        styles: run id to the colour and symbol that `run_colour` gives.
    """
    shown = [entry for entry in entries if getattr(entry, cost) is not None]
    recipes = [entry for entry in shown if not entry.run]
    runs = [entry for entry in shown if entry.run]
    line = {"color": GREY, "width": 1, "shape": "hv"}
    # Wider than a dot, so that a run of the same recipe does not hide it.
    ring = {"size": 13, "color": GREY, "symbol": "circle-open", "line": {"width": 2}}
    dot = {
        "size": 9,
        "color": [styles[entry.run][0] for entry in runs],
        "symbol": [styles[entry.run][1] for entry in runs],
    }
    markers = {"mode": "markers", "hovertemplate": _hover(cost), "cliponaxis": False}
    traces = [
        _points(pareto_front(shown, cost), cost) | {"line": line, "hoverinfo": "skip"},
        _points(recipes, cost) | markers | {"marker": ring},
        _points(runs, cost) | markers | {"marker": dot},
    ]
    accuracies = np.array([entry.validation_accuracy for entry in shown])
    layout = with_axes(accuracies, "accuracy", "validation accuracy")
    # The worst accuracy shown sets the axis: few networks of a leaderboard are below 90 %.
    worst = 1 - accuracies.min(initial=0.97)
    layout["yaxis"]["range"] = np.log10([min(1.0, 1.6 * worst), 6e-4]).tolist()
    layout["xaxis"] |= {"type": "log", "title": {"text": _COSTS[cost][0]}}
    layout["xaxis"] |= {"range": _cost_range([getattr(entry, cost) for entry in shown])}
    # Short, as "20k": in a narrow window longer ones would touch.
    layout["xaxis"] |= {"dtick": "D2", "tickformat": "~s" if cost == "parameters" else ",~r"}
    return go.Figure(traces, layout | {"height": 420, "showlegend": False})


def _cost_range(costs: Sequence[float]) -> list[float]:
    """Powers of ten that span these costs, with a margin for the outermost markers."""
    powers = np.log10(costs or [1.0])
    margin = 0.05 * max(1.0, float(np.ptp(powers)))
    return [float(powers.min()) - margin, float(powers.max()) + margin]


def _points(entries: Sequence[Entry], cost: Cost) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [getattr(entry, cost) for entry in entries],
        "y": heights(np.array([entry.validation_accuracy for entry in entries]), "accuracy"),
        "text": [as_text(entry.name) for entry in entries],
        "customdata": [
            (
                *(100 * entry.validation_accuracy, 100 * entry.test_accuracy),
                *(_uncertainty(entry, "validation"), _uncertainty(entry, "test")),
            )
            for entry in entries
        ],
    }


def _uncertainty(entry: Entry, split: Literal["validation", "test"]) -> str:
    told = entry.uncertainty(split)
    return told if told.startswith("±") else f"({told})"


def _hover(cost: Cost) -> str:
    return (
        f"%{{text}}<br>{_COSTS[cost][1]}<br>%{{customdata[0]:.2f}} % validation "
        "%{customdata[2]}<br>%{customdata[1]:.2f} % test %{customdata[3]}<extra></extra>"
    )
