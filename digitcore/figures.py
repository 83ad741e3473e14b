"""Arrays and events become Plotly figures for pages; `figure_files` makes those for files.

Backgrounds are transparent and fonts inherited, so that a figure suits either theme.

Events are the dicts of `events.jsonl`, kinds "batch" and "epoch"; `quantity` is "loss"
(nats) or "accuracy" (a share, 0 to 1).
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from digitcore.scales import (
    BLUE,
    GREY,
    OKABE_ITO,
    PALE,
    TICKS,
    VERMILION,
    Events,
    Quantity,
    heights,
    run_colour,
    smooth,
    values_of,
    y_range,
)

__all__ = [
    "BLUE",
    "OKABE_ITO",
    "PALE",
    "VERMILION",
    "compare_curves",
    "confusion_heatmap",
    "learning_curves",
    "run_colour",
]

MAX_POINTS = 1000
HEIGHT = 280
_LAYOUT: dict[str, Any] = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
    "uirevision": "kept",
}


def learning_curves(
    batches: Events, epochs: Events, quantity: Quantity, total_steps: int | None = None
) -> go.Figure:
    """Training (pale, raw and smoothed) and validation (blue, one point an epoch) by step.

    Args:
        batches: events of kind "batch"; at most `MAX_POINTS` of them are drawn.
        epochs: events of kind "epoch"; the last one marked best gets a star.
        quantity: what is drawn.
        total_steps: where the x axis ends; the last step so far, if not given.
    """
    values = values_of(batches, quantity)
    mean = smooth(values)
    kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), MAX_POINTS)).astype(int))
    steps = [batches[i]["step"] for i in kept]
    end = total_steps or max((event["step"] for event in (*batches, *epochs)), default=1)
    figure = go.Figure(
        [
            _line(
                steps,
                values[kept],
                quantity,
                PALE,
                line={"color": PALE, "width": 1},
                opacity=0.25,
                hoverinfo="skip",
                showlegend=False,
            ),
            _line(
                steps,
                mean[kept],
                quantity,
                PALE,
                name="training",
                hovertemplate=f"step %{{x:,}} · {_shown(quantity)} training<extra></extra>",
            ),
            _validation(epochs, quantity),
            _best(epochs, quantity, end),
        ]
    )
    validation = values_of(epochs, f"validation_{quantity}")
    _axes(figure, np.concatenate([mean, validation]), quantity, quantity)
    return figure.update_xaxes(range=[0, end], title="step")


def compare_curves(
    runs: Mapping[str, Events], styles: Mapping[str, tuple[str, str]], quantity: Quantity
) -> go.Figure:
    """Validation by epoch of several runs.

    Args:
        runs: a name to each run's events of kind "epoch".
        styles: the same names to what `run_colour` says of them.
        quantity: what is drawn.
    """
    figure = go.Figure()
    for name, epochs in runs.items():
        colour, symbol = styles[name]
        trace = _validation(epochs, quantity, x="epoch")
        # A title is a person's text, and Plotly would read tags in it.
        trace.update(name=html.escape(name), line_color=colour)
        trace.update(marker={"color": colour, "symbol": symbol})
        figure.add_trace(trace)
    validation = [values_of(epochs, f"validation_{quantity}") for epochs in runs.values()]
    _axes(figure, np.concatenate([*validation, []]), quantity, f"validation {quantity}")
    last = max((event["epoch"] for epochs in runs.values() for event in epochs), default=1)
    apart = -(-last // 10)
    ticks = list(range(apart, last + 1, apart))
    return figure.update_xaxes(range=[0.5, last + 0.5], title="epoch", tickvals=ticks)


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
    for true, read in cells:
        if matrix[true, read]:
            text = f"{100 * shares[true, read]:.1f}" if rows else str(matrix[true, read])
            figure.add_annotation(x=read, y=true, text=text, showarrow=False)
    if chosen != (None, None):
        figure.add_shape(_frame(*chosen))
    axis = {"tickvals": list(range(10)), "showgrid": False, "zeroline": False}
    axis |= {"fixedrange": True, "constrain": "domain"}
    figure.update_xaxes(axis, title="read as", range=[-0.5, 9.5])
    figure.update_yaxes(
        axis, title="true digit", range=[9.5, -0.5], scaleanchor="x", constraintoward="top"
    )
    still = {"dragmode": False, "clickmode": "event+select", "hovermode": "closest"}
    return figure.update_layout(_LAYOUT | still | {"height": 480})


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


def _axes(figure: go.Figure, values: np.ndarray, quantity: Quantity, title: str) -> None:
    ends = np.log10(y_range(values, quantity)).tolist()
    ticks = TICKS[quantity]
    figure.update_yaxes(
        type="log", range=ends, tickvals=list(ticks), ticktext=list(ticks.values()), zeroline=False
    )
    figure.update_xaxes(zeroline=False)
    legend = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"}
    heading = {"text": title, "x": 0, "y": 0.99, "yanchor": "top", "font_size": 14}
    margin = {"l": 8, "r": 8, "t": 36, "b": 8}
    figure.update_layout(
        _LAYOUT | {"height": HEIGHT, "legend": legend, "title": heading, "margin": margin}
    )


def _line(
    x: Sequence[float], values: np.ndarray, quantity: Quantity, colour: str, **more: Any
) -> go.Scatter:
    more = {"mode": "lines", "line": {"color": colour, "width": 2}, **more}
    shown = 100 * values if quantity == "accuracy" else values
    return go.Scatter(x=x, y=heights(values, quantity), customdata=shown, **more)


def _validation(epochs: Events, quantity: Quantity, x: str = "step") -> go.Scatter:
    return _line(
        [event[x] for event in epochs],
        values_of(epochs, f"validation_{quantity}"),
        quantity,
        BLUE,
        mode="lines+markers",
        marker={"size": 7, "color": BLUE},
        cliponaxis=False,
        name="validation",
        text=[f"epoch {event['epoch']}" for event in epochs],
        hovertemplate=f"%{{text}} · {_shown(quantity)} validation<extra></extra>",
    )


def _best(epochs: Events, quantity: Quantity, last: int) -> go.Scatter:
    best = [event for event in epochs if event.get("best")][-1:]
    # Its name stands where the lines are not, and within the axes.
    height = "bottom" if quantity == "loss" else "top"
    side = "left" if best and best[0]["step"] > last / 2 else "right"
    return _line(
        [event["step"] for event in best],
        values_of(best, f"validation_{quantity}"),
        quantity,
        BLUE,
        mode="markers+text",
        marker={
            "size": 17,
            "color": BLUE,
            "symbol": "star",
            "line": {"color": "white", "width": 1},
        },
        text=[f"best: epoch {event['epoch']}" for event in best],
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
