"""Arrays and events become Plotly figures for pages; `figure_files` makes those for files.

Backgrounds are transparent and fonts inherited, so that a figure suits either theme.

What a run told comes as an `events.EventLog` or its epochs; `quantity` is "loss" (nats) or
"accuracy" (a share, 0 to 1).
"""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from digitcore.analysis.leaderboard import Cost, Entry, front
from digitcore.figures.style import (
    BLUE,
    GREY,
    OKABE_ITO,
    PALE,
    TICKS,
    VERMILION,
    Quantity,
    heights,
    run_colour,
    smooth,
    y_range,
)
from digitcore.runs.events import Columns, EventLog, best_epoch

__all__ = [
    "BLUE",
    "GREY",
    "OKABE_ITO",
    "PALE",
    "VERMILION",
    "accuracy_over_cost",
    "compare_curves",
    "confusion_heatmap",
    "learning_curves",
    "run_colour",
]

# What a browser's window of ordinary width can show of a line.
MAX_POINTS = 400
HEIGHT = 280
_LAYOUT: dict[str, Any] = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
    "uirevision": "kept",
}


def learning_curves(log: EventLog, quantity: Quantity) -> go.Figure:
    """Training (pale, raw and smoothed) and validation (blue, one point an epoch) by step.

    Args:
        log: the run's events; of its batches at most `MAX_POINTS` are drawn, of each stretch
            of the axis the lowest and the highest. The last epoch marked best gets a star.
        quantity: what is drawn.
    """
    batches, epochs = log.batches, log.epochs
    values, validation = batches[quantity], epochs[f"validation_{quantity}"]
    mean = smooth(values)
    last = max([0.0, *batches["step"][-1:], *epochs["step"][-1:]])
    end = max(log.others.get("start", {}).get("steps", 0), last) or 1
    drawn = _drawn(batches["step"], values, end)
    steps = batches["step"][drawn]
    traces = [
        _line(
            steps,
            values[drawn],
            quantity,
            PALE,
            line={"color": PALE, "width": 1},
            customdata=None,
            opacity=0.25,
            hoverinfo="skip",
            showlegend=False,
        ),
        _line(
            steps,
            mean[drawn],
            quantity,
            PALE,
            name="training",
            hovertemplate=f"step %{{x:,}} · {_shown(quantity)} training<extra></extra>",
        ),
        _validation(epochs, quantity),
        _best(epochs, quantity, end),
    ]
    layout = _layout(np.concatenate([mean, validation]), quantity, quantity)
    layout["xaxis"] |= {"range": [0, end], "title": {"text": "step"}}
    return go.Figure(traces, layout)


def compare_curves(
    runs: Mapping[str, Columns], styles: Mapping[str, tuple[str, str]], quantity: Quantity
) -> go.Figure:
    """Validation by epoch of several runs.

    Args:
        runs: a name to each run's epochs, as `EventLog` has them.
        styles: the same names to what `run_colour` says of them.
        quantity: what is drawn.
    """
    traces = []
    for name, epochs in runs.items():
        colour, symbol = styles[name]
        # A title is a person's text, and Plotly would read tags in it.
        traces.append(
            _validation(epochs, quantity, x="epoch")
            | {"name": html.escape(name), "line": {"color": colour, "width": 2}}
            | {"marker": {"size": 7, "color": colour, "symbol": symbol}}
        )
    validation = [epochs[f"validation_{quantity}"] for epochs in runs.values()]
    layout = _layout(np.concatenate([*validation, []]), quantity, f"validation {quantity}")
    last = int(max((epochs["epoch"].max(initial=1) for epochs in runs.values()), default=1))
    apart = -(-last // 10)
    ticks = list(range(apart, last + 1, apart))
    layout["xaxis"] |= {"range": [0.5, last + 0.5], "title": {"text": "epoch"}, "tickvals": ticks}
    return go.Figure(traces, layout)


def confusion_heatmap(
    matrix: np.ndarray, rows: bool, chosen: tuple[int | None, int | None] = (None, None)
) -> go.Figure:
    """Which digit was read as which: the diagonal muted, errors vivid by their share of a row.

    Plotly tells nothing of clicks on a heatmap, so unseen markers lie over its cells; the
    `customdata` of each is (true digit, digit read).

    Args:
        matrix: integer (10, 10), rows the true digits, as `evaluation.confusion` gives it.
        rows: whether cells hold shares of their row in percent, not counts.
        chosen: true digit and digit read to frame; None is any.
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure = go.Figure(_cells(shares))
    cells = [(true, read) for true in range(10) for read in range(10)]
    unseen = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=[read for _, read in cells],
        y=[true for true, _ in cells],
        customdata=cells,
        text=[_cell_hover(matrix, *cell) for cell in cells],
        mode="markers",
        marker={"symbol": "square", "size": 26, "opacity": 0},
        selected=unseen,
        unselected=unseen,
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    # Annotations, because the text of a trace fades when a marker is selected.
    texts = 100 * shares if rows else matrix
    shown = ".1f" if rows else "d"
    notes = [
        {"x": read, "y": true, "text": f"{texts[true, read]:{shown}}", "showarrow": False}
        for true, read in cells
        if matrix[true, read]
    ]
    if chosen != (None, None):
        figure.add_shape(_frame(*chosen))
    axis = {"tickvals": list(range(10)), "showgrid": False, "zeroline": False}
    axis |= {"fixedrange": True, "constrain": "domain"}
    figure.update_xaxes(axis, title="read as", range=[-0.5, 9.5])
    figure.update_yaxes(
        axis, title="true digit", range=[9.5, -0.5], scaleanchor="x", constraintoward="top"
    )
    still = {"dragmode": False, "clickmode": "event+select", "hovermode": "closest"}
    # All at once, as each that is added makes Plotly look at all before it.
    return figure.update_layout(_LAYOUT | still | {"height": 480, "annotations": notes})


_COSTS: dict[Cost, tuple[str, str]] = {
    "parameters": ("parameters", "%{x:,} parameters"),
    "fit_seconds": ("seconds of training", "%{x:,.1f} s of training"),
    "seconds_to_99": ("seconds of training until validation has 99 %", "%{x:,.1f} s to 99 %"),
    "prediction_ms": ("milliseconds for one image", "%{x:.2f} ms for one image"),
}


def accuracy_over_cost(
    entries: Sequence[Entry],
    cost: Cost,
    styles: Mapping[str, tuple[str, str]],
) -> go.Figure:
    """Validation accuracy over a cost, both logarithmic, and the front that no other beats.

    Args:
        entries: recipes, in grey with their names, and runs; what lacks the cost is left out.
        cost: what is paid.
        styles: the runs' ids to what `run_colour` says of them.
    """
    shown = [entry for entry in entries if getattr(entry, cost) is not None]
    recipes = [entry for entry in shown if not entry.run]
    runs = [entry for entry in shown if entry.run]
    line = {"color": GREY, "width": 1, "shape": "hv"}
    ring = {"size": 9, "color": GREY, "symbol": "circle-open", "line": {"width": 2}}
    dot = {
        "size": 9,
        "color": [styles[entry.run][0] for entry in runs],
        "symbol": [styles[entry.run][1] for entry in runs],
    }
    hover = {"hovertemplate": _cost_hover(cost), "cliponaxis": False}
    values = np.array([entry.validation_accuracy for entry in shown])
    # From what is shown, as few networks of a board read less than 90 %.
    worst = 1 - values.min(initial=0.97)
    accuracies = np.log10([min(1.0, 1.6 * worst), 6e-4])
    costs = np.log10([getattr(entry, cost) for entry in shown] or [1.0])
    # Room for half a name at both ends.
    room = 0.13 * max(1.0, np.ptp(costs))
    ends = [costs.min() - room, costs.max() + room]
    spans = (ends[1] - ends[0], float(np.ptp(accuracies)))
    named = {
        "mode": "markers+text",
        "textposition": _beside(recipes, shown, cost, spans),
        "marker": ring,
    }
    traces = [
        _points(front(shown, cost), cost) | {"line": line, "hoverinfo": "skip"},
        _points(runs, cost) | hover | {"mode": "markers", "marker": dot},
        _points(recipes, cost) | hover | named,  # last, as a name may lie over a marker
    ]
    layout = _layout(values, "accuracy", "validation accuracy")
    layout["yaxis"]["range"] = accuracies.tolist()
    layout["xaxis"] |= {"type": "log", "title": {"text": _COSTS[cost][0]}, "range": ends}
    # Short, as "20k": in a narrow window longer ones would touch.
    layout["xaxis"] |= {"dtick": "D2", "tickformat": "~s" if cost == "parameters" else ",~r"}
    return go.Figure(traces, layout | {"height": 420, "showlegend": False})


def _points(entries: Sequence[Entry], cost: Cost) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [getattr(entry, cost) for entry in entries],
        "y": heights(np.array([entry.validation_accuracy for entry in entries]), "accuracy"),
        "text": [html.escape(entry.name) for entry in entries],
        "customdata": [
            (100 * entry.validation_accuracy, 100 * entry.test_accuracy, _reliable(entry))
            for entry in entries
        ],
    }


def _beside(
    named: Sequence[Entry], shown: Sequence[Entry], cost: Cost, spans: tuple[float, float]
) -> list[str]:
    """Where each name stands: the first of four places that covers fewest marks and earlier names.

    `spans` are the lengths of both axes, in powers of ten. How long they are in pixels is the
    window's affair, so a name is taken for as large as it is in one of medium width.
    """

    def place(entry: Entry) -> tuple[float, float]:
        error = heights(np.array([entry.validation_accuracy]), "accuracy")[0]
        x, y = math.log10(getattr(entry, cost)), math.log10(error)
        return 700 * x / spans[0], 340 * y / spans[1]  # pixels; an error falls upwards

    marks = [(*place(entry), 5.0, 5.0) for entry in shown]  # centre, half width, half height
    names: list[tuple[float, float, float, float]] = []
    taken = []
    for entry in named:
        x, y = place(entry)
        half = 3.3 * len(entry.name)
        boxes = {
            "top center": (x, y - 12, half, 7.0),
            "bottom center": (x, y + 12, half, 7.0),
            "middle right": (x + 8 + half, y, half, 7.0),
            "middle left": (x - 8 - half, y, half, 7.0),
        }
        own = (x, y, 5.0, 5.0)
        others = [mark for mark in marks if mark != own] + names
        covered = {at: sum(_overlap(box, one) for one in others) for at, box in boxes.items()}
        taken.append(min(covered, key=covered.__getitem__))
        names.append(boxes[taken[-1]])
    return taken


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(abs(one[i] - other[i]) < one[i + 2] + other[i + 2] for i in (0, 1))


def _reliable(entry: Entry) -> str:
    if entry.interval:
        low, high = entry.interval
        return f"({100 * low:.2f}–{100 * high:.2f})"
    return f"± {100 * (entry.spread or 0):.2f} (n = {entry.seeds})"


def _cost_hover(cost: Cost) -> str:
    return (
        f"%{{text}}<br>{_COSTS[cost][1]}<br>%{{customdata[0]:.2f}} % validation<br>"
        "%{customdata[1]:.2f} % test %{customdata[2]}<extra></extra>"
    )


def _cells(shares: np.ndarray) -> list[go.Heatmap]:
    diagonal = np.eye(10, dtype=bool)
    right = np.where(diagonal, shares, np.nan)
    # Square roots, so that one error in a thousand is seen at all.
    wrong = np.where(diagonal, np.nan, np.sqrt(shares))
    most = max(float(np.nanmax(wrong)), 0.02)
    more = {"zmin": 0, "xgap": 1, "ygap": 1, "showscale": False, "hoverinfo": "skip"}
    return [
        go.Heatmap(z=right, zmax=1, colorscale=_fade("138,138,138", 0.3), **more),
        go.Heatmap(z=wrong, zmax=most, colorscale=_fade("213,94,0", 0.8), **more),
    ]


def _layout(values: np.ndarray, quantity: Quantity, title: str) -> dict[str, Any]:
    ends = np.log10(y_range(values, quantity)).tolist()
    ticks = TICKS[quantity]
    yaxis = {"type": "log", "range": ends, "zeroline": False}
    yaxis |= {"tickvals": list(ticks), "ticktext": list(ticks.values())}
    legend = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"}
    heading = {"text": title, "x": 0, "y": 0.99, "yanchor": "top", "font": {"size": 14}}
    margin = {"l": 8, "r": 8, "t": 36, "b": 8}
    more = {"height": HEIGHT, "legend": legend, "title": heading, "margin": margin}
    return {**_LAYOUT, **more, "xaxis": {"zeroline": False}, "yaxis": yaxis}


def _drawn(steps: np.ndarray, values: np.ndarray, end: float) -> np.ndarray:
    """Which points of a line are drawn: their places, integer, in order."""
    stretches = (MAX_POINTS - 1) // 2
    # They stand still while points come, so that what is drawn does not flicker.
    edges = np.searchsorted(steps, np.linspace(0, end, stretches + 1))
    edges[-1] = len(steps)
    drawn = {*range(len(steps))[-1:]}
    for begin, after in itertools.pairwise(edges.tolist()):
        if begin < after:
            part = values[begin:after]  # a value that is no number is both, and leaves its gap
            drawn |= {begin + int(part.argmin()), begin + int(part.argmax())}
    return np.array(sorted(drawn), dtype=int)


def _line(
    x: np.ndarray, values: np.ndarray, quantity: Quantity, colour: str, **more: Any
) -> dict[str, Any]:
    shown = 100 * values if quantity == "accuracy" else values
    return {
        "type": "scatter",
        "x": x.astype(int).tolist(),
        "y": heights(values, quantity),
        "customdata": shown,
        "mode": "lines",
        "line": {"color": colour, "width": 2},
        **more,
    }


def _validation(epochs: Columns, quantity: Quantity, x: str = "step") -> dict[str, Any]:
    return _line(
        epochs[x],
        epochs[f"validation_{quantity}"],
        quantity,
        BLUE,
        mode="lines+markers",
        marker={"size": 7, "color": BLUE},
        cliponaxis=False,
        name="validation",
        text=[f"epoch {number:.0f}" for number in epochs["epoch"]],
        hovertemplate=f"%{{text}} · {_shown(quantity)} validation<extra></extra>",
    )


def _best(epochs: Columns, quantity: Quantity, end: float) -> dict[str, Any]:
    best = best_epoch(epochs)
    steps = epochs["step"][best]
    # Its name stands where the lines are not, and within the axes.
    height = "bottom" if quantity == "loss" else "top"
    side = "left" if (steps > end / 2).any() else "right"
    return _line(
        steps,
        epochs[f"validation_{quantity}"][best],
        quantity,
        BLUE,
        mode="markers+text",
        marker={
            "size": 17,
            "color": BLUE,
            "symbol": "star",
            "line": {"color": "white", "width": 1},
        },
        text=[f"best: epoch {number:.0f}" for number in epochs["epoch"][best]],
        textposition=f"{height} {side}",
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )


def _shown(quantity: Quantity) -> str:
    return "%{customdata:.2f} %" if quantity == "accuracy" else "%{customdata:.4f}"


def _fade(colour: str, opacity: float) -> list[tuple[float, str]]:
    return [(0.0, f"rgba({colour},0)"), (1.0, f"rgba({colour},{opacity})")]


def _cell_hover(matrix: np.ndarray, true: int, read: int) -> str:
    count, shown = int(matrix[true, read]), int(matrix[true].sum())
    what = f"{true} read right" if true == read else f"{true} read as {read}"
    share = f", {100 * count / shown:.2f} % of the {true}s" if shown else ""
    return f"{what}: {count:,} digit{'' if count == 1 else 's'}{share}"


def _frame(true: int | None, read: int | None) -> dict[str, Any]:
    x = (-0.5, 9.5) if read is None else (read - 0.5, read + 0.5)
    y = (-0.5, 9.5) if true is None else (true - 0.5, true + 0.5)
    line = {"color": GREY, "width": 3}
    return {"type": "rect", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], "line": line}
