"""Converts the canvas's drawing, Fabric.js JSON, to strokes."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from digitcore.drawing.input_image import DrawingError, Floats, brief, check_count
from digitcore.drawing.strokes import MAX_STROKES

MAX_COMMANDS = 20_000  # a curve is one command, but many points
MAX_POINTS = 100_000

Point = tuple[float, float]


def strokes(json_data: Any) -> list[Floats]:
    """Strokes of a drawing.

    Args:
        json_data: the `json_data` that `st_canvas` returns: a dict with a list `objects` of
            up to 1,000 objects, with up to 20,000 path commands in all. Objects other than
            paths are skipped.

    Returns:
        float64 arrays (n, 2) of canvas pixels, x right and y down; [] for an empty canvas.

    Raises:
        DrawingError: it is not such a dict, is too large, or contains a malformed path.
    """
    if not isinstance(json_data, dict) or not isinstance(json_data.get("objects"), list):
        raise DrawingError(f"A canvas drawing has a list of objects. Received: {brief(json_data)}")
    check_count(len(json_data["objects"]), MAX_STROKES, "strokes")
    polylines: list[Floats] = []
    commands = points = 0
    for thing in json_data["objects"]:
        try:
            if thing["type"] in ("path", "Path"):
                commands += len(thing["path"])
                check_count(commands, MAX_COMMANDS, "commands")
                lines = _moved(list(_path(thing["path"])), thing)
                points += sum(map(len, lines))
                check_count(points, MAX_POINTS, "points")
                polylines += lines
        except DrawingError:
            raise
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError):
            raise DrawingError(
                f"A path of the canvas cannot be read. Received: {brief(thing)}"
            ) from None
    check_count(len(polylines), MAX_STROKES, "strokes")
    return polylines


def _path(commands: list[Any]) -> Iterator[Floats]:
    """Polylines of a path of absolute SVG commands (M, L, Q, C, Z), in the path's own coordinates."""
    points: list[Point] = []
    for name, *numbers in commands:
        # Eight numbers are enough to tell that a command has too many.
        control = [(float(x), float(y)) for x, y in zip(*[iter(numbers[:8])] * 2, strict=True)]
        if len(control) != {"M": 1, "L": 1, "Q": 2, "C": 3, "Z": 0}[name]:
            raise ValueError(name)
        if name == "M":
            if points:
                yield np.array(points)
            points = control
        else:
            points += _curve([points[-1], *(control or points[:1])])
            check_count(len(points), MAX_POINTS, "points")
    if points:
        yield np.array(points)


def _curve(control: list[Point]) -> list[Point]:
    """Points on a Bézier curve without its first, about two pixels apart."""
    if len(control) == 2:
        return control[1:]
    length = sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in itertools.pairwise(control))
    count = int(min(max(length / 2, 4), 64))
    return [(x, y) for x, y in (_bernstein(len(control) - 1, count) @ control).tolist()]


@functools.cache  # bounded: 2 degrees and 61 counts
def _bernstein(degree: int, count: int) -> Floats:
    """Weights (count, degree + 1) of a Bézier curve's control points at even steps after the first."""
    t = np.arange(1, count + 1)[:, None] / count
    k = np.arange(degree + 1)
    binomials = np.array([math.comb(degree, i) for i in k])
    return np.asarray(binomials * t**k * (1 - t) ** (degree - k))


@np.errstate(over="ignore", invalid="ignore")  # checked for finite values at the end
def _moved(polylines: list[Floats], thing: dict[str, Any]) -> list[Floats]:
    """A path's polylines with its object's transform: scaled, rotated and moved."""
    everything = np.concatenate(polylines)
    low, high = everything.min(axis=0), everything.max(axis=0)
    flip = np.where([thing.get("flipX", False), thing.get("flipY", False)], -1.0, 1.0)
    scale = np.array([thing.get("scaleX", 1), thing.get("scaleY", 1)], dtype=np.float64)
    angle = math.radians(thing.get("angle", 0))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    # The object's position is that of its centre, or of a corner of its box, pen included.
    offset = {"left": 0.5, "top": 0.5, "center": 0.0, "right": -0.5, "bottom": -0.5}
    origin = np.array([offset[thing.get("originX", "left")], offset[thing.get("originY", "top")]])
    size = (high - low + thing.get("strokeWidth", 1)) * scale
    place = np.array([thing["left"], thing["top"]], dtype=np.float64) + (origin * size) @ turn
    moved = [((p - (low + high) / 2) * scale * flip) @ turn + place for p in polylines]
    if not all(np.isfinite(p).all() for p in moved):
        raise ValueError("not finite")
    # A dot: Fabric draws it as a line of 0.04 pixels.
    return [place[None]] if (high - low).max() < 0.1 else moved
