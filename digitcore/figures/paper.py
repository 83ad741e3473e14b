"""Matplotlib figures of a report: told apart without colour as well, as a report may be printed in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from digitcore.analysis.calibration import Reliability
from digitcore.figures.style import (
    BLUE,
    GREY,
    TICKS,
    VERMILION,
    Quantity,
    heights,
    run_colour,
    y_range,
)
from digitcore.runs.events import Columns

_MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^"}
_DASHES = ("-", "--", ":", "-.")


def reliability_file(diagrams: Mapping[str, Reliability]) -> Figure:
    """Accuracy by confidence, one diagram beside the other, each against the diagonal of a calibrated network.

    A bar's hatched end is the gap to the mean confidence of its images, and above it stands their number.

    Args:
        diagrams: what stands above each, and what `calibration.reliability` returns; one or more.
    """
    figure = Figure(figsize=(4.4 * len(diagrams), 3.9), layout="constrained")
    for axes, (title, one) in zip(
        figure.subplots(1, len(diagrams), squeeze=False).flat, diagrams.items(), strict=True
    ):
        _reliability(axes, one)
        axes.set_title(title, fontsize=10, pad=26, parse_math=False)
    return figure


def curves_of_several(runs: Mapping[str, Sequence[Columns]], positions: Sequence[int]) -> Figure:
    """Validation loss and accuracy by epoch of several runs, each with its colour, marker and dashes.

    Args:
        runs: name, a person's text, to the epochs of that run, as `EventLog.epochs` holds them; of several
            seeds, the epochs of each, drawn as their mean, as far as all of them trained.
        positions: the number of each run, which decides colour and marker as on pages.
    """
    rows = -(-len(runs) // 3)
    figure = Figure(figsize=(10, 4 + 0.24 * rows), layout="constrained")
    looks: list[dict[str, Any]] = [
        {
            "color": run_colour(position)[0],
            "marker": _MARKERS[run_colour(position)[1]],
            "linestyle": _DASHES[place % len(_DASHES)],
            "markersize": 5,
        }
        for place, position in enumerate(positions)
    ]
    both: tuple[Quantity, Quantity] = ("loss", "accuracy")
    for axes, quantity in zip(figure.subplots(1, 2), both, strict=True):
        drawn = [_mean(seeds, quantity) for seeds in runs.values()]
        for look, values in zip(looks, drawn, strict=True):
            axes.plot(np.arange(1, len(values) + 1), heights(values, quantity), **look)
        bottom, top = y_range(np.concatenate([*drawn, []]), quantity)
        axes.set_yscale("log")
        axes.set_yticks(list(TICKS[quantity]), list(TICKS[quantity].values()))
        axes.set_yticks([], minor=True)
        axes.set_ylim(bottom, top)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="epoch", title=f"validation {quantity}")
        axes.grid(alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    lines = [Line2D([], [], **look) for look in looks]
    below: dict[str, Any] = {"loc": "outside lower center", "ncols": 3, "frameon": False}
    legend = figure.legend(lines, [""] * len(lines), **below)
    # Set one by one: a legend leaves out names that begin with an underscore.
    for text, name in zip(legend.get_texts(), runs, strict=True):
        text.set_parse_math(False)
        text.set_text(name)
    return figure


def severity_curves(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Accuracy over how strongly images are transformed, a small diagram for each transform.

    Args:
        curves: what stands above each, to severities and accuracies (0 to 1); one or more.
    """
    across = min(3, len(curves))
    rows = -(-len(curves) // across)
    figure = Figure(figsize=(9, 2.2 * rows), layout="constrained")
    every = figure.subplots(rows, across, squeeze=False, sharey=True).flat
    for axes in list(every)[len(curves) :]:
        axes.set_axis_off()
    for axes, (title, points) in zip(figure.axes, curves.items(), strict=False):
        severities, accuracies = np.transpose(points)
        axes.plot(severities, 100 * accuracies, "o-", color=BLUE, markersize=4)
        axes.axvline(0, color=GREY, linewidth=0.8, linestyle="--")
        axes.set_title(title, fontsize=10)
        axes.set_ylim(0, 102)
        axes.grid(alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in figure.axes[::across]:
        axes.set_ylabel("accuracy, %")
    return figure


def _mean(seeds: Sequence[Columns], quantity: Quantity) -> np.ndarray:
    values = [epochs[f"validation_{quantity}"] for epochs in seeds]
    ends = min(map(len, values))
    mean: np.ndarray = np.mean([one[:ends] for one in values], axis=0)
    return mean


def _reliability(axes: Axes, one: Reliability) -> None:
    drawn = np.flatnonzero(one.counts)
    centres = (100 * (one.edges[:-1] + one.edges[1:]) / 2)[drawn]
    widths = (100 * np.diff(one.edges) * 0.92)[drawn]
    accuracy, confidence = 100 * one.accuracy[drawn], 100 * one.confidence[drawn]
    low, high = 100 * one.low[drawn], 100 * one.high[drawn]
    axes.bar(centres, accuracy, widths, color=BLUE, alpha=0.65)
    axes.bar(
        centres,
        np.abs(accuracy - confidence),
        widths,
        np.minimum(accuracy, confidence),
        facecolor="none",
        edgecolor=VERMILION,
        hatch="////",
        linewidth=0.8,
    )
    # An interval of Wilson's contains the accuracy but for rounding.
    ends = np.maximum([accuracy - low, high - accuracy], 0)
    axes.errorbar(centres, accuracy, ends, fmt="none", ecolor="black", elinewidth=0.8, capsize=2)
    axes.plot([0, 100], [0, 100], "--", color=GREY, linewidth=1.2)
    for x, count in zip(centres, one.counts[drawn], strict=True):
        axes.annotate(
            f"{count:,}",
            (x, 100),
            (0, 3),
            textcoords="offset points",
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=7,
            annotation_clip=False,
        )
    axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="confidence, %", ylabel="accuracy, %")
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
