"""Writes digits with a pen: pencil, ballpoint, felt pen or chalk.

MNIST's digits are enlarged smoothly, thinned to a pen's width along their middle (the lines that
thinning leaves, drawn anew), turned and spaced a little, and put side by side. A pencil is grainy and
pale, a ballpoint thin and blue, a felt pen wide and even, chalk wide, pale and full of holes.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from PIL import Image
from scipy import ndimage

WIDTH, HEIGHT = (
    1280,
    960,
)  # of the sheet and the photo, as a messenger makes a phone's photo smaller
ENLARGED = 7  # times, before a digit's middle line is found
# Light that passes each pen's line in red, green and blue, and the line's width as a fraction
# of a digit's height: from, to.
PENS = {
    "pencil": ((0.42, 0.42, 0.44), (0.035, 0.07)),
    "ballpoint": ((0.13, 0.16, 0.42), (0.03, 0.06)),
    "felt pen": ((0.07, 0.07, 0.09), (0.07, 0.13)),
}


def written(
    images: np.ndarray, height: float, pen_width: float, random: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """Ink (HEIGHT, WIDTH), 0 to 1, of digits side by side, and its middle (x, y).

    Args:
        images: uint8 (n, 28, 28).
        height: of a digit, in pixels.
        pen_width: the pen's width as a fraction of the height.
        random: where size, turn and spacing come from.
    """
    digits = [one(image, height, pen_width, random) for image in images]
    gaps = height * random.uniform(0.08, 0.35, len(digits))
    width = sum(digit.shape[1] for digit in digits) + gaps[1:].sum()
    if width > 0.84 * WIDTH:
        return written(images, 0.8 * height * WIDTH / width, pen_width, random)
    x = (WIDTH - width) / 2 + random.uniform(-0.5, 0.5) * (WIDTH - width) * 0.4
    y = HEIGHT / 2 + random.uniform(-0.5, 0.5) * (HEIGHT - height) * 0.4
    middle = (x + width / 2, y)
    ink = np.zeros((HEIGHT, WIDTH), np.float32)
    for digit, gap in zip(digits, gaps, strict=True):
        top = int(y - digit.shape[0] / 2 + random.normal(0, 0.04) * height)
        left = int(x)
        top, left = max(top, 0), max(left, 0)
        place = ink[top : top + digit.shape[0], left : left + digit.shape[1]]
        np.maximum(place, digit[: place.shape[0], : place.shape[1]], out=place)
        x += digit.shape[1] + gap
    return ink, middle


def one(
    image: np.ndarray, height: float, pen_width: float, random: np.random.Generator
) -> np.ndarray:
    """A digit's ink (h, w), cut to its box, as written with a pen of that width."""
    large = ndimage.zoom(np.pad(image, 4).astype(np.float32), ENLARGED, order=3)
    large = ndimage.rotate(large, random.normal(0, 2), order=1)
    large = ndimage.gaussian_filter(large, 0.35 * ENLARGED)
    line = thinned(large > 0.35 * large.max())
    rows, columns = np.nonzero(line)
    # A lying digit is not made much wider than digits are high.
    pen = pen_width * height
    scale = height * random.uniform(0.9, 1.1) - pen
    scale = min(scale / (np.ptp(rows) + 1), (1.2 * height - pen) / (np.ptp(columns) + 1))
    away = ndimage.gaussian_filter(ndimage.distance_transform_edt(~line).astype(np.float32), 1)
    around = math.ceil(pen / 2 / scale) + 2
    away = np.pad(away, around, mode="linear_ramp", end_values=float(away.max()))
    away = away[rows.min() : rows.max() + 2 * around, columns.min() : columns.max() + 2 * around]
    return np.clip(pen / 2 + 0.8 - ndimage.zoom(away, scale, order=1, mode="nearest") * scale, 0, 1)


def thinned(shape: np.ndarray) -> np.ndarray:
    """The middle lines of a shape, bool (h, w), one pixel wide (Zhang and Suen, 1984)."""
    shape = np.pad(shape, 1)
    while True:
        before = shape.sum()
        for first in (True, False):
            # The eight around each pixel, clockwise from above it.
            n, ne, e, se, s, sw, w, nw = (
                np.roll(shape, move, (0, 1))
                for move in ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))
            )
            ring = [n, ne, e, se, s, sw, w, nw, n]
            count = sum(around.astype(np.int8) for around in ring[:-1])
            steps = sum((~a & b).astype(np.int8) for a, b in itertools.pairwise(ring))
            corner = ~(n & e & s) & ~(e & s & w) if first else ~(n & e & w) & ~(n & s & w)
            shape = shape & ~((count >= 2) & (count <= 6) & (steps == 1) & corner)
        if shape.sum() == before:
            return shape[1:-1, 1:-1]


def grainy(ink: np.ndarray, pen: str, random: np.random.Generator) -> np.ndarray:
    """How much of the line's colour lies on each pixel: pressure and grain."""
    pressure = 1 + 0.5 * clouds(ink.shape, 60, random)
    grain = clouds(ink.shape, 1.1, random)
    if pen == "pencil":
        ink = ink * np.clip(0.8 * pressure + 0.45 * grain, 0, 1)
    elif pen == "chalk":
        ink = ink * np.clip(0.8 * pressure + 0.9 * grain, 0.05, 1)
    elif pen == "ballpoint":
        ink = ink * np.clip(0.92 * pressure + 0.15 * grain, 0.35, 1)
    else:
        ink = ink * np.clip(0.97 + 0.08 * clouds(ink.shape, 12, random), 0, 1)
    return ink


def clouds(shape: tuple[int, int], size: float, random: np.random.Generator) -> np.ndarray:
    """Smooth noise (h, w) of mean 0 and standard deviation 0.33, with spots of about `size` pixels."""
    step = max(1, int(size / 2))
    small = random.standard_normal([n // step + 3 for n in shape], np.float32)
    small = ndimage.gaussian_filter(small, size / step / 2)
    small *= 0.33 / max(small.std(), 1e-6)
    if step > 1:
        picture = Image.fromarray(small).resize(
            (shape[1] + 2 * step, shape[0] + 2 * step), Image.Resampling.BICUBIC
        )
        small = np.asarray(picture)
    return small[: shape[0], : shape[1]]
