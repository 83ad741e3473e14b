"""Loss and accuracy while networks learn: one run by step, or several by epoch, for pages.

`quantity` is "loss" (nats) or "accuracy" (a fraction, 0 to 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from digitcore.analysis.outcome import least_useful
from digitcore.figures.layout import as_text, with_axes
from digitcore.figures.style import BLUE, PALE, Quantity, beyond, heights, smooth, y_range
from digitcore.runs.events import Columns, EventLog, best_epoch

# As many as a browser window of ordinary width can show of a line.
MAX_POINTS = 400
MOST_IN_LEGEND = 6


def learning_curves(log: EventLog, quantity: Quantity, classes: int = 10) -> go.Figure:
    """Training (pale, raw and smoothed) and validation (blue, one point an epoch) by step.

    Args:
        log: the run's events. At most `MAX_POINTS` batches are drawn: the lowest and the
            highest of each stretch of the axis. The last epoch marked best gets a star, unless it
            is hardly better than guessing. Where a line leaves the figure stands an arrow.
        quantity: what is drawn.
        classes: of the dataset.
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
    ]
    if (epochs["validation_accuracy"][best_epoch(epochs)] >= least_useful(classes)).all():
        traces.append(_best(epochs, quantity, end))
    drawn_values = np.concatenate([mean, validation])
    layout = with_axes(drawn_values, quantity, quantity)
    top = y_range(drawn_values, quantity)[1]
    traces += _arrows(steps, mean[drawn], quantity, top, PALE)
    traces += _arrows(epochs["step"], validation, quantity, top, BLUE)
    layout["xaxis"] |= {"range": [0, end], "title": {"text": "step"}, "tickformat": ",d"}
    if end < 5:  # there is no half a step
        layout["xaxis"]["dtick"] = 1
    return go.Figure(traces, layout)


def compare_curves(
    runs: Mapping[str, Sequence[Columns]],
    styles: Mapping[str, tuple[str, str]],
    quantity: Quantity,
) -> go.Figure:
    """Validation by epoch of several runs. Those that differ only in their seed are one line.

    Args:
        runs: name to the epochs of that run, as `EventLog.epochs` holds them; of several seeds, the epochs
            of each. These are drawn as their mean, with a band of one standard deviation (ddof 1) to either
            side, as far as all of them trained.
        styles: the same names to the colour and symbol that `run_colour` gives.
        quantity: what is drawn.
    """
    means = {name: _over_seeds(seeds, quantity) for name, seeds in runs.items()}
    drawn = {name: epochs for name, (epochs, _) in means.items()}
    traces = []
    for name, (epochs, deviation) in means.items():
        colour, symbol = styles[name]
        if len(runs[name]) > 1:
            traces.append(_band(epochs, deviation, quantity, colour))
        traces.append(
            _validation(epochs, quantity, x="epoch")
            | {"name": as_text(name), "line": {"color": colour, "width": 2}}
            | {"marker": {"size": 7, "color": colour, "symbol": symbol}}
            | {"text": [f"{as_text(name)}, epoch {n:.0f}" for n in epochs["epoch"]]}
        )
    validation = [epochs[f"validation_{quantity}"] for epochs in drawn.values()]
    everything = np.concatenate([*validation, []])
    layout = with_axes(everything, quantity, f"validation {quantity}")
    top = y_range(everything, quantity)[1]
    for (name, epochs), values in zip(drawn.items(), validation, strict=True):
        traces += _arrows(epochs["epoch"], values, quantity, top, styles[name][0])
    last = int(max((epochs["epoch"].max(initial=1) for epochs in drawn.values()), default=1))
    apart = -(-last // 10)
    ticks = list(range(apart, last + 1, apart))
    layout["xaxis"] |= {"range": [0.5, last + 0.5], "title": {"text": "epoch"}, "tickvals": ticks}
    # A longer one would take the curves' room; hover tells the name, and the page has a table of them.
    layout["showlegend"] = len(runs) <= MOST_IN_LEGEND
    return go.Figure(traces, layout)


def _over_seeds(seeds: Sequence[Columns], quantity: Quantity) -> tuple[Columns, np.ndarray]:
    """Mean and standard deviation of each epoch that all seeds have; of one seed its epochs, and zeros."""
    key = f"validation_{quantity}"
    if len(seeds) == 1:
        return seeds[0], np.zeros(len(seeds[0][key]))
    ends = min(len(epochs[key]) for epochs in seeds)
    values = np.stack([epochs[key][:ends] for epochs in seeds])
    columns = {"epoch": seeds[0]["epoch"][:ends], key: values.mean(axis=0)}
    return columns, values.std(axis=0, ddof=1)


def _band(
    epochs: Columns, deviation: np.ndarray, quantity: Quantity, colour: str
) -> dict[str, Any]:
    """One standard deviation to either side of the mean."""
    mean = epochs[f"validation_{quantity}"]
    edge = np.concatenate([mean + deviation, (mean - deviation)[::-1]])
    x = np.concatenate([epochs["epoch"], epochs["epoch"][::-1]])
    channels = ", ".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return {
        "type": "scatter",
        "x": x.astype(int).tolist(),
        "y": heights(edge, quantity),
        "fill": "toself",
        "fillcolor": f"rgba({channels}, 0.35)",
        "mode": "lines",
        "line": {"width": 1, "color": f"rgba({channels}, 0.8)"},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _drawn(steps: np.ndarray, values: np.ndarray, end: float) -> np.ndarray:
    """Indices of the points to draw, int64 (K,), ascending: K is at most `MAX_POINTS`."""
    stretches = (MAX_POINTS - 1) // 2
    # Edges are fixed on the axis, so that earlier points do not flicker when more arrive.
    edges = np.searchsorted(steps, np.linspace(0, end, stretches + 1))
    edges[-1] = len(steps)
    drawn = {*range(len(steps))[-1:]}
    for begin, after in itertools.pairwise(edges.tolist()):
        if begin < after:
            part = values[begin:after]  # argmin and argmax both find a NaN: its gap stays
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
    values = epochs[f"validation_{quantity}"]
    inside = not len(beyond(values, quantity, y_range(values, quantity)[1]))
    return _line(
        epochs[x],
        values,
        quantity,
        BLUE,
        mode="lines+markers",
        marker={"size": 7, "color": BLUE},
        # A marker on an edge is whole, and one beyond it is not over the title.
        cliponaxis=not inside,
        name="validation",
        text=[f"epoch {number:.0f}" for number in epochs["epoch"]],
        hovertemplate=f"%{{text}} · {_shown(quantity)} validation<extra></extra>",
    )


def _best(epochs: Columns, quantity: Quantity, end: float) -> dict[str, Any]:
    best = best_epoch(epochs)
    steps = epochs["step"][best]
    # Its text lies inside the axes, where no line runs.
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


def _arrows(
    x: np.ndarray, values: np.ndarray, quantity: Quantity, top: float, colour: str
) -> list[dict[str, Any]]:
    """Where a line leaves the figure, as a trace if it does; hover tells its value."""
    outside = beyond(values, quantity, top)
    if not len(outside):
        return []
    arrows = {
        "type": "scatter",
        "x": x[outside].astype(int).tolist(),
        "y": [top] * len(outside),
        "customdata": values[outside],
        "mode": "markers",
        "marker": {"symbol": "triangle-up", "size": 12, "color": colour},
        "cliponaxis": False,
        "hovertemplate": "%{customdata:,.4g}, above the figure<extra></extra>",
        "showlegend": False,
    }
    return [arrows]


def _shown(quantity: Quantity) -> str:
    return "%{customdata:.2f} %" if quantity == "accuracy" else "%{customdata:.4f}"
