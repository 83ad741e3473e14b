"""Separates ink from paper in a photo: uneven light, shadows, printed lines, light on dark.

The paper is the photo after a closing, which fills what is dark and narrower than its window
(Serra, 1982): strokes vanish, edges of shadows stay. So the window must be wider than the
pen's line, but no wider than necessary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitcore.drawing.input_image import DrawingError, Floats
from digitcore.drawing.ruled_lines import Box, without_lines

_MOST_PENS = 3
_WINDOW = 3.0  # width of the closing's window over that of the pen's line
_MIN_CONTRAST = 24  # grey levels between paper and ink
_PAPER = 200.0  # grey level that paper is normalised to


@dataclass(frozen=True)
class Pen:
    """The kind of pen that may have written on the paper."""

    light: bool
    """Whether its ink is lighter than what it is written on."""
    width: float
    """About how wide its lines are, in pixels."""


class Ink(NamedTuple):
    """What may be written in a picture.

    Attributes:
        ink: float64 (h, w), 0 to 1.
        edge: whether what touches the picture's edge is ink. "unlikely": a desk or a shadow does.
        lines: that were erased as printed: left, top, right and bottom of each, in pixels.
        rival: whether the next way is about as likely: one or two long lines are in one, not in the
            other.
    """

    ink: Floats
    edge: Literal["likely", "possible", "unlikely"] = "unlikely"
    lines: tuple[Box, ...] = ()
    rival: bool = False


def likely_pens(grey: Floats) -> list[Pen]:
    """Up to three pens that may have written on the paper, the likeliest first.

    A difference of two blurs responds most to lines of its own width (Marr and Hildreth,
    1980), and with one sign, while it responds to a shadow's edge with both.

    Args:
        grey: grey levels (h, w), 0 to 255.
    """
    level = _smooth(grey)
    responses: dict[float, float] = {}
    size = 1
    while min(level.shape) >= 8:
        for blur in (1.0, 1.4):
            width = 2.5 * blur * size
            if width > min(grey.shape) / 8:
                break
            away = ndimage.gaussian_filter(level, blur) - ndimage.gaussian_filter(level, 2.5 * blur)
            # Wide lines cover more area, and spots of light even more: normalise by the width.
            away = away.astype(np.float64)
            fifth = away * away * (away * away) * away  # a power is ten times slower
            responses[width] = float(fifth.mean()) / width**1.5
        level = np.asarray(Image.fromarray(level).reduce(2))
        size *= 2
    pens: list[Pen] = []
    for width in sorted(responses, key=lambda width: -abs(responses[width])):
        if all(
            max(width, other) > 2.5 * min(width, other) for other in (pen.width for pen in pens)
        ):
            pens.append(Pen(responses[width] > 0, width))
    return pens[:_MOST_PENS] or [Pen(False, 1.0)]


def written_with(pen: Pen, grey: Floats) -> Iterator[Ink]:
    """The ink of a pen, without noise: one or two ways, the likelier first.

    Where there are long thin lines, the ink without them is one way and the ink with them is the
    other. It comes first where the lines do not repeat, as those of printed paper do.

    Args:
        pen: one of `likely_pens`.
        grey: grey levels (h, w), 0 to 255.

    Raises:
        DrawingError: nothing contrasts with the paper.
    """
    depth = _depth(_smooth(grey), pen)
    quiet, quarter = np.percentile(depth, [5, 25])
    floor = quarter + 5 * (quarter - quiet)
    strongest = _strongest(depth)
    floor = max(floor, 0.1 * strongest)
    if strongest - floor < _MIN_CONTRAST:
        raise DrawingError(
            f"There is no ink in this image. Received: contrast of {max(strongest, 0):.0f} of 255"
        )
    marks = depth > floor
    unruled = without_lines(marks)
    lines = (*unruled.across, *unruled.down)
    ways: list[tuple[NDArray[np.bool_], tuple[Box, ...]]] = [(marks, ())]
    if lines:
        ways.insert(0 if unruled.repeats else 1, (unruled.ink, lines))
    # What touches the edge may be a desk, far darker than the ink.
    inner = _strongest(depth[_inner(unruled.ink)])
    strongest = inner if inner - floor >= _MIN_CONTRAST else strongest
    for mask, erased in ways:
        strong = depth[mask & (depth > (floor + strongest) / 2)]
        full = float(np.median(strong)) if len(strong) else strongest
        ink = _hysteresis(np.clip((depth - floor) / (full - floor), 0, 1) * mask)
        rival = mask is marks and len(ways) > 1 and not unruled.repeats
        yield Ink(ink, lines=erased, rival=rival)


def _strongest(depth: Floats) -> float:
    """Mean of the hundred strongest contrasts; 0 where there are not so many."""
    # Sorted, because on a regular pattern a partition takes ten times longer than that.
    return float(np.sort(depth, axis=None)[-100:].mean()) if depth.size > 100 else 0.0


def _inner(marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The marks without those connected with the picture's edge."""
    pieces, count = ndimage.label(marks, np.ones((3, 3)))
    outer = np.zeros(count + 1, bool)
    outer[np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])] = True
    outer[0] = True
    return np.asarray(~outer[pieces])


def _smooth(grey: Floats) -> NDArray[np.float32]:
    """Grey levels with less noise, as float32 to halve the memory."""
    return np.asarray(ndimage.gaussian_filter(grey.astype(np.float32), 0.7))


def _depth(grey: NDArray[np.float32], pen: Pen) -> Floats:
    """Contrast of each pixel (h, w) with the paper around it, in grey levels."""
    if pen.light:
        grey = 255 - grey
    window = min(max(9, round(_WINDOW * pen.width)), *grey.shape)
    paper = ndimage.grey_closing(ndimage.gaussian_filter(grey, 1.0), (window, window))
    depth = paper - grey
    # Ink absorbs a fraction of the light; chalk adds to that of the blackboard.
    return np.asarray(depth if pen.light else depth * (_PAPER / np.maximum(paper, 40)))


def _hysteresis(ink: Floats) -> Floats:
    """The ink of connected pieces that are dark enough somewhere (hysteresis: Canny, 1986)."""
    pieces, count = ndimage.label(ink > 0.2, np.ones((3, 3)))
    dark = ndimage.sum_labels(ink > 0.5, pieces, np.arange(count + 1)) > 0
    dark[0] = False
    return np.where(dark[pieces], ink, 0.0)
