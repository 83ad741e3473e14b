"""What a person drew becomes a digit image, made the way MNIST was made.

MNIST's digits fit a box of 20×20 pixels with their aspect ratio kept, and lie
in 28×28 pixels with their centre of mass in the middle (LeCun et al., 1998,
"Gradient-based learning applied to document recognition", section III A).
Strokes are drawn from their vectors, so that every digit gets the same pen.

    DrawingError (ValueError)   there is no ink, or it is not a drawing at all
"""

from __future__ import annotations

import io
import math
import reprlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

SIDE = 28
BOX = 20
# MNIST's median stroke is 2.5 px wide; at 2.4 px real pen strokes leave as much
# ink, digit by digit, as MNIST's images have (mean of 33.5 of 255).
PEN_WIDTH = 2.4
# The pixel index where MNIST's centres of mass lie: 14.0 ± 0.3 on both axes.
CENTRE = 14
MAX_PIXELS = 50_000_000
# Far more than a hand draws; without a bound, what a browser sends could take minutes.
MAX_STROKES = 1_000
MAX_POINTS = 1_000_000

MAX_FILE_BYTES = 20_000_000
# What phones, scanners and screens write. Pillow's other decoders are many and rarely used.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
# A JPEG is decoded small; of another image each pixel takes up to 20 bytes on the way.
MAX_FILE_PIXELS = {"JPEG": MAX_PIXELS, "MPO": MAX_PIXELS}
MAX_OTHER_PIXELS = 25_000_000
# Cameras and programs write up to ten or so. Each takes a few bytes and a pass over all pixels,
# so that a JPEG of many decodes for hours.
MAX_SCANS = 100

Floats = NDArray[np.float64]
DigitImage = NDArray[np.uint8]


class DrawingError(ValueError):
    """There is no ink, or what came is not a drawing."""


# --- strokes -----------------------------------------------------------------

_MAX_LINES = 1000  # more would cost time and no longer show
_GRID_Y, _GRID_X = (a.ravel().astype(np.float32) + 0.5 for a in np.mgrid[:SIDE, :SIDE])


def from_strokes(
    strokes: Iterable[ArrayLike], pen_width: float = PEN_WIDTH, *, centred: bool = True
) -> DigitImage:
    """Draw pen strokes as a digit image, anti-aliased, with round ends and joins.

    Args:
        strokes: arrays (n, 2) of finite pixels, x right and y down, at any place
            and scale, up to 1,000 with up to a million points together; one point is a
            dot, and strokes without points are skipped.
        pen_width: width of the line in pixels of the digit image, above 0 and up to 10.
        centred: False leaves out the last step, which moves the mass to the middle.

    Returns:
        uint8 (28, 28), white ink on black; the ink's longer side is 20 pixels.

    Raises:
        DrawingError: there is no point, or the strokes or the width are not as above.
    """
    lines, shift = _placed_lines(strokes, pen_width)
    return _uint8(_ink(lines + np.tile(shift, 2) if centred else lines, pen_width))


def from_strokes_within(
    drawings: Iterable[list[Floats]], whole: Iterable[ArrayLike], pen_width: float = PEN_WIDTH
) -> NDArray[np.uint8]:
    """Digit images of some strokes each, at the place and size that they have in a whole drawing.

    Args:
        drawings: of each the strokes, arrays (n, 2) of pixels, with at least one point.
        whole: all strokes, as of `from_strokes`, which decide place and size.
        pen_width: as of `from_strokes`.

    Returns:
        uint8 (N, 28, 28).

    Raises:
        DrawingError: as of `from_strokes`.
    """
    whole = _listed(whole)
    _, shift = _placed_lines(whole, pen_width)
    found = [_points(stroke) for stroke in whole]
    images = [
        _ink(_lines(_boxed(strokes, pen_width, found)) + np.tile(shift, 2), pen_width)
        for strokes in drawings
    ]
    return _uint8(np.array(images).reshape(-1, SIDE, SIDE))


def _placed_lines(strokes: Iterable[ArrayLike], pen_width: float) -> tuple[Floats, Floats]:
    """Lines (n, 4) of the strokes in their box, and the shift (x, y) that centres their mass."""
    if not 0 < pen_width <= 10:
        raise DrawingError(f"A pen is above 0 and up to 10 pixels wide. Received: {pen_width!r}")
    found = [p for p in map(_points, _listed(strokes)) if len(p)]
    check_count(sum(map(len, found)), MAX_POINTS, "points")
    if not found:
        raise DrawingError("A drawing has at least one point. Received: no point")
    lines = _lines(_boxed(found, pen_width))
    return lines, _shift(_ink(lines, pen_width), lines, pen_width)


def _listed(strokes: Iterable[ArrayLike]) -> list[ArrayLike]:
    if isinstance(strokes, (str, bytes, dict)) or not isinstance(strokes, Iterable):
        raise DrawingError(f"Strokes are a list of (n, 2) arrays. Received: {brief(strokes)}")
    listed = list(strokes)
    check_count(len(listed), MAX_STROKES, "strokes")
    return listed


def check_count(count: int, most: int, what: str) -> None:
    """Raises DrawingError if there are more."""
    if count > most:
        raise DrawingError(f"A drawing has up to {most:,} {what}. Received: {count:,}")


def brief(value: Any) -> str:
    """As repr, but in bounded time and depth, whatever a browser sent."""
    return f"{reprlib.repr(value):.80}"


def _points(stroke: ArrayLike) -> Floats:
    try:
        points = np.asarray(stroke, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DrawingError(
            f"A stroke is an (n, 2) array of numbers. Received: {brief(stroke)}"
        ) from None
    if points.size == 0:
        return points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise DrawingError(f"A stroke is an (n, 2) array. Received: shape {points.shape}")
    if not np.isfinite(points).all():
        bad = points[~np.isfinite(points).all(axis=1)][0]
        raise DrawingError(f"Every point of a stroke is finite. Received: ({bad[0]}, {bad[1]})")
    return points


def _boxed(
    strokes: list[Floats], pen_width: float, whole: list[Floats] | None = None
) -> list[Floats]:
    """The strokes scaled so that the longer side of all ink is 20 px and lies in mid-image."""
    points, everything = np.concatenate(strokes), np.concatenate(whole or strokes)
    # Halves of numbers up to 1: no span overflows, however large the coordinates.
    largest = np.abs(everything).max() or 1.0
    points, everything = points / largest / 2, everything / largest / 2
    low, high = everything.min(axis=0), everything.max(axis=0)
    span = (high - low).max()
    # Less is not drawn but rounded, and dividing by it would overflow.
    scale = (BOX - pen_width) / span if span > 1e-12 else 0.0
    points = (points - (low + high) / 2) * scale + SIDE / 2
    return np.split(points, np.cumsum([len(stroke) for stroke in strokes])[:-1])


def _lines(strokes: list[Floats]) -> Floats:
    """Straight lines (n, 4) from x, y to x, y that show the strokes; a dot is a line to itself.

    Never more than 1000: where there are many, the points between two steps of
    the pen are left out, and of many short strokes some.
    """
    if sum(map(len, strokes)) > 200:
        length = sum(np.hypot(*np.diff(p, axis=0).T).sum() for p in strokes if len(p) > 1)
        step = max(0.25, length / _MAX_LINES)
        strokes = [_thinned(p, step) if len(p) > 2 else p for p in strokes]
    lines = np.concatenate([np.hstack([p[:-1], p[1:]] if len(p) > 1 else [p, p]) for p in strokes])
    if len(lines) > _MAX_LINES:
        lines = np.unique(np.round(lines * 8) / 8, axis=0)
        lines = lines[:: math.ceil(len(lines) / _MAX_LINES)]
    return lines


def _thinned(points: Floats, step: float) -> Floats:
    """The first point, the last, and one for every `step` pixels of the pen's way."""
    way = np.cumsum(np.hypot(*np.diff(points, axis=0, prepend=points[:1]).T))
    keep = np.diff(np.floor(way / step), prepend=-1) > 0
    keep[-1] = True
    return points[keep]


def _ink(lines: Floats, pen_width: float) -> Floats:
    """Share of each pixel (28, 28) under the pen, from its distance to the nearest line."""
    ax, ay, bx, by = lines.astype(np.float32).T[:, :, None]
    dx, dy = bx - ax, by - ay
    px, py = _GRID_X - ax, _GRID_Y - ay
    squared = dx * dx + dy * dy
    along = np.clip((px * dx + py * dy) / np.where(squared > 0, squared, 1), 0, 1)
    px -= along * dx
    py -= along * dy
    distance = np.sqrt((px * px + py * py).min(axis=0))
    return np.asarray(np.clip(pen_width / 2 + 0.5 - distance, 0, 1), np.float64).reshape(SIDE, SIDE)


def _shift(ink: Floats, lines: Floats, pen_width: float) -> Floats:
    """Pixels (x, y) that bring the mass to the centre, as far as no ink leaves the image.

    Not rounded to whole pixels as in MNIST: measured on real strokes, exact is read
    a little better.
    """
    points = lines.reshape(-1, 2)
    low, high = points.min(axis=0) - pen_width / 2, points.max(axis=0) + pen_width / 2
    return np.asarray(np.clip(CENTRE - _mass_centre(ink), -low, SIDE - high))


def _uint8(ink: Floats) -> DigitImage:
    return np.round(255 * ink).astype(np.uint8)


def _mass_centre(ink: Floats) -> Floats:
    """Centre of mass (x, y) in pixel indices."""
    y, x = ndimage.center_of_mass(ink)
    return np.array([x, y])


# --- images ------------------------------------------------------------------

_WORK_SIDE = 512  # larger images are averaged down to this first
_MIN_CONTRAST = 20  # grey levels between paper and ink
_EDGE = 0.2  # ink from here on counts for the size; a blurred photo needs it high
_THIN_PEN = 1.6  # thinner than nearly all of MNIST (1.75 px is its 5th percentile)


def read_image(source: str | Path | bytes) -> NDArray[np.uint8]:
    """An image file as `from_image` takes it, upright as the camera held it (EXIF).

    Of a file with several pictures, the first.

    Args:
        source: the path of a PNG, JPEG, WebP, BMP or GIF file, or what is in one; up to
            20 MB and 25 million pixels (50 million in a JPEG), which its header says
            before anything is decoded.

    Returns:
        uint8 (H, W) of a grey image, (H, W, 4) of one with transparency, else (H, W, 3).
        A large photo comes at half its size or less.

    Raises:
        DrawingError: the file is no such image, is too large, or is damaged.
        OSError: the file cannot be read.
    """
    name, data = "an upload", source
    if not isinstance(data, bytes):
        name = str(source)
        with open(data, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise DrawingError(
            f"An image file has up to {MAX_FILE_BYTES // 10**6} MB. Received: {name}, which has more"
        )
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            width, height = opened.size
            most = MAX_FILE_PIXELS.get(opened.format or "", MAX_OTHER_PIXELS)
            if width * height > most:
                raise DrawingError(
                    f"An image of this format has up to {most // 10**6} million pixels. "
                    f"Received: {name}, {width:,}×{height:,}"
                )
            if opened.format in MAX_FILE_PIXELS and data.count(b"\xff\xda") > MAX_SCANS:
                raise DrawingError(f"A JPEG has up to {MAX_SCANS} scans. Received: {name}")
            return _decoded(opened)
    except DrawingError:
        raise
    except UnidentifiedImageError:
        raise DrawingError(
            f"An image file is a PNG, JPEG, WebP, BMP or GIF. Received: {name}"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DrawingError(
            f"An image has up to {MAX_PIXELS // 10**6} million pixels. Received: {name}, "
            "which has more"
        ) from None
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise DrawingError(f"The image {name} is damaged: {error}") from None


def _decoded(opened: Image.Image) -> NDArray[np.uint8]:
    # A JPEG can be decoded at a fraction of its size, in a fraction of the time and memory.
    opened.draft(None, (2 * _WORK_SIDE, 2 * _WORK_SIDE))
    opened.load()
    # How the camera was held; a garbled note of it is no reason to refuse the picture.
    with suppress(Exception):
        ImageOps.exif_transpose(opened, in_place=True)
    if opened.mode.startswith("I;16"):  # Pillow would cut, not scale, 16 bits to 8
        return np.asarray(np.asarray(opened) // 257, dtype=np.uint8)
    mode = "L" if opened.mode in ("1", "L") else "RGB"
    if opened.has_transparency_data:
        mode = "RGBA"
    # Not to the mode that it has, as this would be a copy.
    return np.asarray(opened if opened.mode == mode else opened.convert(mode))


def from_image(image: NDArray[np.uint8]) -> DigitImage:
    """Find the digit in a photo, scan or screenshot and make a digit image of it.

    Dark ink on light ground or light on dark, told by the image's border. Uneven
    light, specks and a thin pen are evened out.

    Args:
        image: uint8 (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, up to 50 million
            pixels. Where the border is transparent, what is opaque is the ink.

    Returns:
        uint8 (28, 28), white ink on black; the ink's longer side is 20 pixels.

    Raises:
        DrawingError: the image is plain, too large, or not as above.
    """
    return from_ink(_clean(_contrast(grey_levels(image))))


def from_ink(ink: Floats) -> DigitImage:
    """Make a digit image of the ink that was found in a photo; a thin pen is evened out.

    Args:
        ink: float (h, w), 0 (ground) to 1; more ground around the ink changes nothing.

    Returns:
        uint8 (28, 28), white ink on black; the ink's longer side is 20 pixels.

    Raises:
        DrawingError: no ink reaches 0.2.
    """
    ink = _thickened(ink)
    rows, columns = _extent(ink)
    step = max(rows.stop - rows.start, columns.stop - columns.start) / BOX
    weights = [_area_weights(s, step, n) for s, n in zip((rows, columns), ink.shape, strict=True)]
    small = weights[0] @ ink @ weights[1].T
    # Rounded to whole pixels as in MNIST, so that MNIST's own images stay as they are.
    return _uint8(_placed(small))


def grey_levels(image: NDArray[np.uint8], side: int = _WORK_SIDE) -> Floats:
    """Grey levels (h, w), 0 to 255, of an image as `from_image` takes it.

    A larger image is averaged down to at most `side` pixels on a side.

    Raises:
        DrawingError: the image is too large, or not as `from_image` takes it.
    """
    image = np.asarray(image)
    if (
        image.dtype != np.uint8
        or image.ndim not in (2, 3)
        or image.shape[2:] not in ((), (3,), (4,))
    ):
        raise DrawingError(
            f"An image is uint8 (H, W), (H, W, 3) or (H, W, 4). Received: {image.dtype} {image.shape}"
        )
    if image.size == 0 or image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise DrawingError(f"An image has 1 to 50 million pixels. Received: {image.shape[:2]}")
    picture = Image.fromarray(image)
    if picture.mode == "RGBA":
        # Premultiplied, so that the hidden colour of clear pixels weighs nothing in a mean.
        picture = picture.convert("RGBa")
    picture = picture.reduce(math.ceil(max(picture.size) / side))
    values = np.asarray(picture, dtype=np.float64)
    if values.ndim == 2:
        return values
    # Luma of ITU-R BT.601.
    grey: Floats = values[..., :3] @ np.array([0.299, 0.587, 0.114])
    if values.shape[2] == 3:
        return grey
    alpha = values[..., 3]
    return alpha if np.median(_border(alpha)) < 128 else grey + 255 - alpha


def _contrast(grey: Floats) -> Floats:
    """Ink (h, w) from 0 to 1: how far each pixel stands out from the paper around it."""
    paper = np.median(_border(grey))
    if grey.max() - paper > paper - grey.min():
        grey = 255 - grey
    # A closing removes what is dark and narrower than its window, and leaves the light.
    depth = ndimage.grey_closing(grey, size=[max(3, max(grey.shape) // 2)] * 2) - grey
    quiet, quarter = np.percentile(depth, [5, 25])
    noise = quarter - quiet  # about one standard deviation, were the noise Gaussian
    floor = quarter + 5 * noise
    if depth.max() - floor < _MIN_CONTRAST:
        raise DrawingError(
            f"There is no ink in this image. Received: contrast of {depth.max():.0f} of 255"
        )
    full = np.median(depth[depth > (depth.max() + floor) / 2])
    return np.asarray(np.clip((depth - floor) / (full - floor), 0, 1))


def _clean(ink: Floats) -> Floats:
    """The ink without specks: pieces below 3 % of it all."""
    pieces, count = ndimage.label(ink > 0.05, np.ones((3, 3)))
    mass = ndimage.sum_labels(ink, pieces, np.arange(count + 1))
    mass[0] = 0
    return np.where((mass >= 0.03 * mass.sum())[pieces] & (pieces > 0), ink, 0.0)


def _thickened(ink: Floats) -> Floats:
    """The ink at MNIST's pen width, where the pen was much thinner."""
    rows, columns = _extent(ink)
    step = max(rows.stop - rows.start, columns.stop - columns.start) / BOX
    width = line_width(ink) / step
    missing = round((PEN_WIDTH - width) * step)
    if width > _THIN_PEN or missing < 1:
        return ink
    distance = ndimage.distance_transform_edt(np.pad(ink, missing) < 0.5)
    return np.asarray(np.clip(missing / 2 + 1 - distance, 0, 1))


def line_width(ink: Floats) -> float:
    """Mean width of the line in pixels, by its area and its outline.

    Args:
        ink: (H, W), 0 to 1.
    """
    # A line of width w and length l has area w l and an outline of 2 l; counting
    # steps along rows and columns makes an outline 4/π too long on average.
    outline = sum(np.abs(np.diff(np.pad(ink, 1), axis=axis)).sum() for axis in (0, 1)) * math.pi / 4
    return float(2 * ink.sum() / max(outline, 1e-9))


def _extent(ink: Floats) -> tuple[slice, slice]:
    """Rows and columns that hold ink."""
    found: list[tuple[slice, slice]] = ndimage.find_objects((ink > _EDGE).astype(np.uint8))
    if not found:
        raise DrawingError(
            "There is no digit in this image: a digit is one piece, or a few. "
            "Received: specks, each less than 3 % of the ink"
        )
    return found[0]


def _area_weights(extent: slice, step: float, length: int) -> Floats:
    """Matrix (pixels, length) that averages `step` source pixels into each pixel of the box.

    The box has a pixel more at either end, for the pale edge of the ink.
    """
    count = math.ceil((extent.stop - extent.start) / step - 1e-9) + 2
    start = (extent.start + extent.stop - count * step) / 2
    edges = start + step * np.arange(count + 1)
    source = np.arange(length)
    overlap = np.minimum(edges[1:, None], source + 1) - np.maximum(edges[:-1, None], source)
    return np.asarray(np.clip(overlap, 0, None) / step)


def _placed(ink: Floats) -> Floats:
    """The box's ink (h, w) in an image (28, 28), its mass in the middle as far as it fits."""
    x, y = np.round(CENTRE - _mass_centre(ink)).astype(int)
    height, width = ink.shape
    # The box's spare pixels may hang over the edge.
    top, left = np.clip([y + 1, x + 1], 0, [SIDE + 2 - height, SIDE + 2 - width])
    image = np.zeros((SIDE + 2, SIDE + 2))
    image[top : top + height, left : left + width] = ink
    return image[1:-1, 1:-1]


def _border(values: Floats) -> Floats:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
