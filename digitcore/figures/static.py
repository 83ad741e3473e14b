"""Matplotlib figures to save, for reports: on white, with the colours of the pages.

They use Matplotlib's objects and never pyplot, whose state is global.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Sequence
from typing import Literal, get_args

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from digitcore.analysis import written
from digitcore.analysis.outcome import least_useful
from digitcore.figures.style import (
    BLUE,
    MOST_NUMBERED,
    PALE,
    TICKS,
    VERMILION,
    Quantity,
    beyond,
    heights,
    smooth,
    y_range,
)
from digitcore.runs.events import EventLog, best_epoch

Kind = Literal["png", "pdf", "svg"]

_COLUMNS = 8
_ERRORS = LinearSegmentedColormap.from_list("errors", ["white", VERMILION])
# Matplotlib's text layout is shared by all figures, and several threads save files.
_DRAWING = threading.Lock()


def curves_file(log: EventLog, title: str = "", classes: int = 10) -> Figure:
    """Loss and accuracy by step, as `curves.learning_curves` shows them.

    Args:
        log: the run's events.
        title: a person's text, drawn as it is.
        classes: of the dataset.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(title, parse_math=False)
    loss, accuracy = figure.subplots(1, 2)
    _curves(loss, log, "loss", classes)
    _curves(accuracy, log, "accuracy", classes)
    loss.legend(frameon=False)
    return figure


def confusion_file(
    matrix: np.ndarray,
    normalised: bool = False,
    title: str = "",
    names: Sequence[str] = (),
) -> Figure:
    """Confusion matrix, as `confusion.confusion_heatmap` shows it.

    Args:
        matrix: integer (classes, classes), rows are true classes.
        normalised: whether cells show percentages normalised by true class instead of counts.
        title: a person's text, drawn as it is.
        names: of the classes; their numbers where none are given.
    """
    fractions = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    count = len(matrix)
    many = count > MOST_NUMBERED
    diagonal = np.eye(count, dtype=bool)
    wrong = np.sqrt(np.where(diagonal, 0, fractions))
    figure = Figure(figsize=(9, 9) if many else (6, 6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(wrong, cmap=_ERRORS, vmin=0, vmax=max(float(wrong.max()), 0.02))
    axes.imshow(np.where(diagonal, 0.2, np.nan), cmap="Greys", vmin=0, vmax=1)
    for true, predicted in () if many else np.argwhere(matrix):
        number = matrix[true, predicted]
        text = f"{100 * fractions[true, predicted]:.1f}" if normalised else str(number)
        axes.text(predicted, true, text, ha="center", va="center", fontsize=9)
    labels = names or [str(label) for label in range(count)]
    long = max(map(len, labels)) > 3
    axes.set_xticks(range(count), labels, rotation=90 if long else 0, fontsize=7 if many else 10)
    axes.set_yticks(range(count), labels, fontsize=7 if many else 10)
    axes.set(xlabel="predicted", ylabel="true")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if many:
        # A cell is far from the names of its classes, so they stand on each side, with lines between.
        axes.tick_params(labeltop=True, labelright=True)
        lines = np.arange(1, count) - 0.5
        axes.vlines(lines, -0.5, count - 0.5, color="0.9", linewidth=0.4)
        axes.hlines(lines, -0.5, count - 0.5, color="0.9", linewidth=0.4)
    axes.set_title(title, parse_math=False)
    return figure


def images_file(
    images: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    title: str = "",
    names: Sequence[str] = (),
    confidence: Sequence[float] = (),
) -> Figure:
    """A grid of images, each over `true → predicted`: blue if correct, vermilion if wrong.

    Args:
        images: uint8 (N, height, width), white ink on black; all are drawn, so pass some dozens at most.
        labels: integer (N,), the true classes.
        predicted: integer (N,), the predicted classes.
        title: a person's text, drawn as it is.
        names: of the classes; their numbers where none are given.
        confidence: of each image, 0 to 1, written beside the classes; empty for none.

    Raises:
        ValueError: the arrays differ in length.
    """
    if not len(images) == len(labels) == len(predicted):
        raise ValueError(
            "images, labels and predicted have the same length. "
            f"Received: {len(images)}, {len(labels)} and {len(predicted)}"
        )
    rows = max(1, -(-len(images) // _COLUMNS))
    long = max(map(len, names or ("",))) > 3
    figure = Figure(figsize=(_COLUMNS, (1.5 if long else 1.3) * rows + 0.5), layout="constrained")
    figure.suptitle(title, parse_math=False)
    for place, axes in enumerate(figure.subplots(rows, _COLUMNS, squeeze=False).flat):
        axes.set_axis_off()
        if place < len(images):
            true, guess = int(labels[place]), int(predicted[place])
            axes.imshow(images[place], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            colour = BLUE if true == guess else VERMILION
            told = [f"{names[true]}", f"→ {names[guess]}"] if names else [f"{true}", f"→ {guess}"]
            told += [written.confidence(one) for one in confidence[place : place + 1]]
            # Long names would run into the next image's, so they stand below each other.
            words = "\n".join(told) if long else " ".join(told)
            size = min(
                9.0 if long or len(confidence) else 11.0, 110 / max(map(len, words.split("\n")))
            )
            look = {"fontsize": size, "color": colour, "parse_math": False}
            axes.text(0.5, -0.06, words, ha="center", va="top", transform=axes.transAxes, **look)
    return figure


def to_bytes(figure: Figure, kind: Kind) -> bytes:
    """The content of the file; equal figures give equal bytes.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind is one of {', '.join(get_args(Kind))}. Received: {kind}")
    buffer = io.BytesIO()
    dateless = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
    # Without it, an SVG's names of its own pieces are random.
    salted = matplotlib.rc_context({"svg.hashsalt": "digitcore"})
    with _DRAWING, salted, warnings.catch_warnings():
        # A person's text may have letters that no font here has: a box is drawn for them.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(buffer, format=kind, dpi=200, metadata=dateless)
    return buffer.getvalue()


def _curves(axes: Axes, log: EventLog, quantity: Quantity, classes: int) -> None:
    training, steps = log.batches[quantity], log.batches["step"]
    validation, ends = log.epochs[f"validation_{quantity}"], log.epochs["step"]
    mean = smooth(training)
    axes.plot(steps, heights(training, quantity), color=PALE, linewidth=0.5, alpha=0.4)
    axes.plot(steps, heights(mean, quantity), color=PALE, label="training")
    axes.plot(ends, heights(validation, quantity), "o-", color=BLUE, label="validation")
    best = best_epoch(log.epochs)
    if (log.epochs["validation_accuracy"][best] >= least_useful(classes)).all():
        at = heights(validation[best], quantity)
        axes.plot(ends[best], at, "*", color=BLUE, markersize=14, label="best epoch")
    bottom, top = y_range(np.concatenate([mean, validation]), quantity)
    for x, values, colour in ((steps, mean, PALE), (ends, validation, BLUE)):
        for outside in beyond(values, quantity, top):
            axes.plot(x[outside], top, "^", color=colour, markersize=9, clip_on=False, zorder=3)
            axes.annotate(
                f"{values[outside]:,.4g}", (x[outside], top), (0, -14), textcoords="offset points"
            )
    axes.set_yscale("log")
    axes.set_yticks(list(TICKS[quantity]), list(TICKS[quantity].values()))
    axes.set_yticks([], minor=True)
    axes.set_ylim(bottom, top)
    axes.xaxis.set_major_formatter("{x:,.9g}")
    axes.set(xlabel="step", title=quantity)
    axes.grid(alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
