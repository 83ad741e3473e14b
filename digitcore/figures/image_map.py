"""The images of a split as points on a page, by what a network makes of them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import plotly.graph_objects as go

from digitcore.analysis import written
from digitcore.figures.layout import LAYOUT
from digitcore.figures.style import BLUE, GREY, MOST_NUMBERED, VERMILION, class_colours

Colouring = Literal["class", "prediction", "correctness", "confidence"]
COLOURINGS: tuple[Colouring, ...] = get_args(Colouring)
# Drawn as SVG, which every browser has; each more takes time whenever the map is drawn.
MOST_POINTS = 4_000
# From what stands out on light and dark to the quiet grey of what is sure.
_SURENESS = [(0, "#A020F0"), (0.6, "#D58CF0"), (1, GREY)]


def drawn(wrong: np.ndarray, most: int = MOST_POINTS) -> np.ndarray:
    """Which images have a point, int64, in order: all that are wrong, and evenly spaced correct ones.

    Args:
        wrong: bool (N,).
        most: how many points there may be; errors have a point even where they are more.
    """
    correct = np.flatnonzero(~wrong)
    room = max(0, most - int(wrong.sum()))
    if len(correct) > room:
        correct = correct[np.linspace(0, len(correct) - 1, room).astype(np.int64)]
    return np.sort(np.concatenate([np.flatnonzero(wrong), correct]))


def image_map(
    points: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    colouring: Colouring,
    names: Sequence[str],
    explained: np.ndarray,
    areas: Sequence[np.ndarray] = (),
) -> go.Figure:
    """A point for each image, errors on top and ringed; its `customdata` is the image's index.

    Args:
        points: float (N, 2), where each image is.
        labels: int (N,), true classes.
        probabilities: float32 (N, classes).
        colouring: what the colours show.
        names: of the classes.
        explained: float (2,), the fraction of the variance along each axis, 0 to 1.
        areas: of areas whose points are selected, the corners of each, float (M, 2).
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = predicted != labels
    colours = _colours(colouring, labels, predicted, confidence, len(names))
    figure = go.Figure()
    for are_wrong in (False, True):
        indices = drawn(wrong)
        indices = indices[wrong[indices] == are_wrong]
        rows = zip(labels[indices], predicted[indices], confidence[indices], strict=True)
        figure.add_scatter(
            x=points[indices, 0].astype(np.float32),
            y=points[indices, 1].astype(np.float32),
            customdata=indices.astype(np.int32),
            text=[_hover(names[t], names[p], c) for t, p, c in rows],
            mode="markers",
            marker=_marker(colours, indices, are_wrong),
            selected={"marker": {"opacity": 0.9}},
            unselected={"marker": {"opacity": 0.12}},
            hovertemplate="%{text} · image %{customdata}<extra></extra>",
            showlegend=False,
        )
    told = predicted if colouring == "prediction" else labels
    selections = [_outline(area) for area in areas]
    axes = {
        f"{name}axis": {
            "title": f"component {place + 1} · {100 * explained[place]:.0f} % of variance",
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
        }
        for place, name in enumerate("xy")
    }
    return figure.update_layout(
        LAYOUT
        | axes
        | {"height": 560, "dragmode": "lasso", "hovermode": "closest"}
        | {"modebar": {"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": GREY}}
        | {"selections": selections, "annotations": _captions(points, told, names)}
    )


def _colours(
    colouring: Colouring,
    labels: np.ndarray,
    predicted: np.ndarray,
    confidence: np.ndarray,
    classes: int,
) -> dict[str, Any]:
    """What a marker has of its colour, `color` for all images."""
    if colouring == "correctness":
        steps = [(0, BLUE), (0.5, BLUE), (0.5, VERMILION), (1, VERMILION)]
        return {"color": predicted != labels, "colorscale": steps, "cmin": 0, "cmax": 1}
    if colouring == "confidence":
        # Within the axes, so that the map keeps its place.
        bar = {"tickformat": ".0%", "thickness": 8, "len": 0.35, "outlinewidth": 0}
        bar |= {"x": 1, "xanchor": "right", "y": 0, "yanchor": "bottom"}
        ends = {"cmin": 1 / classes, "cmax": 1}
        return {"color": confidence, "colorscale": _SURENESS, "colorbar": bar, **ends}
    steps = []
    for place, colour in enumerate(class_colours(classes)):
        steps += [(place / classes, colour), ((place + 1) / classes, colour)]
    values = labels if colouring == "class" else predicted
    return {"color": values, "colorscale": steps, "cmin": -0.5, "cmax": classes - 0.5}


def _marker(colours: dict[str, Any], indices: np.ndarray, wrong: bool) -> dict[str, Any]:
    values = colours["color"][indices]
    small = values.astype(np.float32 if values.dtype.kind == "f" else np.uint8)
    marker = {**colours, "color": small, "size": 4, "opacity": 0.55, "line": {"width": 0}}
    if wrong:
        marker |= {"size": 8, "opacity": 0.95, "line": {"width": 1.5, "color": VERMILION}}
    # One of the two tells what the colours mean.
    return marker | {"showscale": "colorbar" in colours and not wrong}


def _hover(true: str, predicted: str, confidence: float) -> str:
    # Plotly would interpret tags in a name.
    pair = f"{html.escape(true)} → {html.escape(predicted)}"
    return f"{pair} · {written.confidence(confidence)}"


def _captions(
    points: np.ndarray, classes: np.ndarray, names: Sequence[str]
) -> list[dict[str, Any]]:
    """The name of each class in the middle of its points."""
    many = len(names) > MOST_NUMBERED
    captions = []
    for place, name in enumerate(names):
        own = points[classes == place]
        if len(own):
            x, y = np.median(own, axis=0)
            font = {"size": 11 if many else 16}
            captions.append(
                {"x": float(x), "y": float(y), "text": f"<b>{html.escape(name)}</b>", "font": font}
                | {"showarrow": False, "bgcolor": "rgba(138,138,138,0.4)", "borderpad": 1}
            )
    return captions


def _outline(area: np.ndarray) -> dict[str, Any]:
    path = "L".join(f"{x:.6g},{y:.6g}" for x, y in area)
    return {"type": "path", "xref": "x", "yref": "y", "path": f"M{path}Z"}
