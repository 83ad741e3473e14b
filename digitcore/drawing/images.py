"""Converts a photo, scan or screenshot of one digit or letter to an input image (see `input_image`)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitcore.drawing.input_image import (
    AS_MNIST,
    PEN_WIDTH,
    DrawingError,
    DrawingInput,
    Floats,
    InputImage,
    mass_centre,
    to_uint8,
)

MAX_PIXELS = 50_000_000

_WORK_SIDE = 512  # larger images are averaged down to this first
_MIN_CONTRAST = 20  # grey levels between paper and ink
_PALEST = 5  # where the paper is plain
_EDGE = 0.2  # least ink that counts for the size; high, for blurred photos
# Over the usual width; thinner than nearly all of MNIST (1.75 px is its 5th percentile).
_THIN_PEN = 1.6 / PEN_WIDTH


def from_image(image: NDArray[np.uint8], like: DrawingInput = AS_MNIST) -> InputImage:
    """Find what a photo, scan or screenshot shows and convert it to an input image.

    The image's border decides whether ink is dark on light or light on dark. Uneven light
    and specks are removed, and a thin pen is thickened.

    Args:
        image: uint8 (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, up to 50 million
            pixels. If the border is transparent, what is opaque is ink.
        like: how the input image is made, as MNIST's unless given.

    Returns:
        uint8 (height, width) as in `like.shape`, white ink on black; the ink's longer side is
        `like.box` pixels.

    Raises:
        DrawingError: the image is plain, too large, or not as above.
    """
    return from_ink(_clean(contrast(grey_levels(image))), like)


def from_ink(ink: Floats, like: DrawingInput = AS_MNIST) -> InputImage:
    """Convert the ink found in a photo to an input image; a thin pen is thickened.

    Args:
        ink: float (h, w), 0 (background) to 1 (ink); the width of the margin does not matter.
        like: as in `from_image`.

    Returns:
        As `from_image`.

    Raises:
        DrawingError: no ink reaches 0.2.
    """
    ink = _thickened(ink, like)
    rows, columns = extent = _extent(ink, like)
    step = max(rows.stop - rows.start, columns.stop - columns.start) / like.box
    # The middle of the ink's box in the middle of the whole image, or of just enough pixels.
    counts = like.shape if like.centring == "box" else [_pixels(s, step) for s in extent]
    down, across = map(_area_weights, extent, (step, step), ink.shape, counts)
    small = down @ ink @ across.T
    # Rounded to whole pixels as in MNIST, so that MNIST's own images do not change.
    return to_uint8(small if like.centring == "box" else _placed(small, like))


def grey_levels(image: NDArray[np.uint8], side: int = _WORK_SIDE) -> Floats:
    """Grey levels, float64 (h, w), 0 to 255, of an image as in `from_image`.

    A larger image is averaged down to at most `side` pixels on a side.

    Raises:
        DrawingError: the image is too large, or not as in `from_image`.
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
        # Premultiplied, so that the hidden colour of transparent pixels has no weight in a mean.
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


def contrast(grey: Floats) -> Floats:
    """Ink (h, w) from 0 to 1: the contrast of each pixel with the paper around it.

    The picture's border is paper. Ink may touch it.

    Args:
        grey: grey levels (h, w), 0 to 255.

    Raises:
        DrawingError: nothing contrasts with the paper.
    """
    paper = np.median(_border(grey))
    if grey.max() - paper > paper - grey.min():
        grey = 255 - grey
    # A closing removes what is dark and narrower than its window; the lighting remains.
    depth = ndimage.grey_closing(grey, size=[max(3, max(grey.shape) // 2)] * 2) - grey
    quiet, quarter = np.percentile(depth, [5, 25])
    noise = quarter - quiet  # about one standard deviation of Gaussian noise
    floor = quarter + 5 * noise
    # On paper without grain the palest ink stands out.
    least = min(_MIN_CONTRAST, max(_PALEST, _MIN_CONTRAST * noise))
    if depth.max() - floor < least:
        got = f"contrast of {depth.max():.0f} of 255"
        if floor >= least:
            got += f", and paper that varies by {floor:.0f}"
        raise DrawingError(f"There is no ink in this image. Received: {got}")
    full = np.median(depth[depth > (depth.max() + floor) / 2])
    return np.asarray(np.clip((depth - floor) / (full - floor), 0, 1))


def _clean(ink: Floats) -> Floats:
    """The ink without specks, that is pieces with less than 3 % of all ink."""
    pieces, count = ndimage.label(ink > 0.05, np.ones((3, 3)))
    mass = ndimage.sum_labels(ink, pieces, np.arange(count + 1))
    mass[0] = 0
    return np.where((mass >= 0.03 * mass.sum())[pieces] & (pieces > 0), ink, 0.0)


def _thickened(ink: Floats, like: DrawingInput) -> Floats:
    """The ink with the usual pen width if the pen was much thinner, else unchanged."""
    rows, columns = _extent(ink, like)
    step = max(rows.stop - rows.start, columns.stop - columns.start) / like.box
    width = line_width(ink) / step
    missing = round((like.pen_width - width) * step)
    if width > _THIN_PEN * like.pen_width or missing < 1:
        return ink
    distance = ndimage.distance_transform_edt(np.pad(ink, missing) < 0.5)
    return np.asarray(np.clip(missing / 2 + 1 - distance, 0, 1))


def line_width(ink: Floats) -> float:
    """Mean width of the line in pixels, from its area and its outline.

    Args:
        ink: float (H, W), 0 to 1.
    """
    # A line of width w and length l has area w l and outline 2 l. Counted along rows and
    # columns, an outline is too long by a factor of 4/π on average.
    outline = (_steps(ink) + _steps(ink.T)) * math.pi / 4
    return float(2 * ink.sum() / max(outline, 1e-9))


def _steps(ink: Floats) -> float:
    """Sum of all changes from row to row, also from and to the paper around."""
    return float(np.abs(ink[1:] - ink[:-1]).sum() + ink[0].sum() + ink[-1].sum())


def _extent(ink: Floats, like: DrawingInput) -> tuple[slice, slice]:
    """Rows and columns that hold ink."""
    boxes: list[tuple[slice, slice]] = ndimage.find_objects((ink > _EDGE).astype(np.uint8))
    if not boxes:
        raise DrawingError(
            f"There is no {like.item} in this image: a {like.item} is one piece, or a few. "
            "Received: specks, each less than 3 % of the ink"
        )
    return boxes[0]


def _pixels(extent: slice, step: float) -> int:
    """How many pixels the ink takes, and one more at each end for its pale edge."""
    return math.ceil(float(extent.stop - extent.start) / step - 1e-9) + 2


def _area_weights(extent: slice, step: float, length: int, count: int) -> Floats:
    """Matrix (count, length) that averages `step` source pixels into each pixel around the extent."""
    start = (extent.start + extent.stop - count * step) / 2
    edges = start + step * np.arange(count + 1)
    source = np.arange(length)
    overlap = np.minimum(edges[1:, None], source + 1) - np.maximum(edges[:-1, None], source)
    return np.asarray(np.clip(overlap, 0, None) / step)


def _placed(ink: Floats, like: DrawingInput) -> Floats:
    """The box's ink (h, w) in an input image, its mass as near the middle as it fits."""
    x, y = np.round(like.middle - mass_centre(ink)).astype(int)
    height, width = ink.shape
    # The extra pixels of the box may lie outside the image.
    image = np.zeros((like.shape[0] + 2, like.shape[1] + 2))
    top, left = np.clip([y + 1, x + 1], 0, np.array(image.shape) - (height, width))
    image[top : top + height, left : left + width] = ink
    return image[1:-1, 1:-1]


def _border(values: Floats) -> Floats:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
