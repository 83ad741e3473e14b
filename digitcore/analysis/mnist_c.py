"""Fifteen corruptions in the manner of MNIST-C, a suite by which networks are summed up in one number.

Mu and Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision (2019). Theirs are files; these are computed
of any dataset's images, by code of our own, with the strengths that they published. An accuracy on these is
none on their files, with which they have not been compared. What differs besides the random numbers:

glass blur    a pixel takes the value of a neighbour; theirs swaps the two, one pixel after the other
motion blur   computed here; theirs by ImageMagick
fog           a sum of random grids, each half as coarse as the one before; theirs by diamonds and squares
dotted line, zigzag   brightness falls linearly from the line's middle; theirs by a logarithm
canny edges   an edge detector of our own, with the same smoothing and thresholds
scale, shear, rotate, translate   linear interpolation in another library

A severity is in percent of theirs. Below 100 % the four that move the image do so by less; the others
mix the image with its corrupted self.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from digitcore.analysis.corruptions import (
    Alter,
    Corruption,
    Ink,
    affine,
    blurred,
    moved,
    scaled,
)

Full = Callable[[Ink, np.random.Generator], Ink]

_ANGLE = 0.4  # radians
_FOG, _FOG_DECAY, _FOG_SIZE = 3.0, 1.4, 256
_MUD = 63 / 255
_EDGE_LOW, _EDGE_HIGH = 0.1, 0.2


def shot_noise(ink: Ink, rng: np.random.Generator) -> Ink:
    """Photon noise: a Poisson count for each pixel, three of which are white."""
    return (rng.poisson(3 * ink) / 3).astype(np.float32)


def impulse_noise(ink: Ink, rng: np.random.Generator) -> Ink:
    """17 % of the pixels black or white."""
    drawn = rng.random(ink.shape, np.float32)
    return np.where(drawn < 0.085, np.float32(0), np.where(drawn > 0.915, np.float32(1), ink))


def glass_blur(ink: Ink, rng: np.random.Generator) -> Ink:
    """Through frosted glass: blurred, every second pixel from beside it, twice, and blurred again."""
    count, height, width = ink.shape
    image, row, column = np.ogrid[:count, :height, :width]
    hazy = blurred(ink, 0.7, rng)
    for _ in range(2):
        by = rng.integers(-1, 2, (2, *ink.shape)) * (rng.random(ink.shape) < 0.5)
        rows, columns = np.clip(row + by[0], 0, height - 1), np.clip(column + by[1], 0, width - 1)
        hazy = hazy[image, rows, columns]
    return blurred(hazy, 0.7, rng)


def motion_blur(ink: Ink, rng: np.random.Generator) -> Ink:
    """Dragged over 10 pixels in a direction at most 45° from the horizontal, fading out."""
    angles = rng.uniform(-math.pi / 4, math.pi / 4, len(ink))
    direction = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    weights = np.exp(-(np.arange(11) ** 2) / (2 * 3**2)).astype(np.float32)
    trail = sum(w * moved(ink, i * direction) for i, w in enumerate(weights))
    return np.asarray(trail / weights.sum(), np.float32)


def sheared(ink: Ink, amount: float, rng: np.random.Generator) -> Ink:
    """Slanted by 0.4 radians to either side."""
    tangent = math.tan(amount * _ANGLE)
    return _either_way(ink, np.array([[1, 0], [tangent, 1]]), rng)


def rotated(ink: Ink, amount: float, rng: np.random.Generator) -> Ink:
    """Turned by 0.4 radians to either side."""
    cos, sin = math.cos(amount * _ANGLE), math.sin(amount * _ANGLE)
    return _either_way(ink, np.array([[cos, sin], [-sin, cos]]), rng)


def shrunk(ink: Ink, amount: float, rng: np.random.Generator) -> Ink:
    """To 0.7 of its size."""
    return scaled(ink, -30 * amount, rng)


def translated(ink: Ink, amount: float, rng: np.random.Generator) -> Ink:
    """By three pixels along each axis, in any of the four directions."""
    return moved(ink, 3 * amount * rng.choice([-1.0, 1.0], (len(ink), 2)))


def brightness(ink: Ink, _: np.random.Generator) -> Ink:
    """Half of white added to all."""
    return ink + np.float32(0.5)


def stripe(ink: Ink, _: np.random.Generator) -> Ink:
    """Inverted to the left and right of the middle half."""
    quarter = ink.shape[2] // 4
    result = 1 - ink
    result[:, :, quarter:-quarter] = ink[:, :, quarter:-quarter]
    return result


def fog(ink: Ink, rng: np.random.Generator) -> Ink:
    """Behind clouds three times as bright as white ink, the whole then as bright as before."""
    count, height, width = ink.shape
    octaves = int(math.log2(_FOG_SIZE))
    amplitudes = _FOG_DECAY ** -np.arange(octaves)
    clouds = np.zeros(ink.shape)
    for octave, amplitude in enumerate(amplitudes):
        rows, columns = (_between(length, _FOG_SIZE / 2**octave) for length in (height, width))
        grid = rng.random((count, rows.shape[1], columns.shape[1]))
        clouds += amplitude * (rows @ grid @ columns.T)
    clouds *= _FOG / amplitudes.sum()
    most = ink.max(axis=(1, 2), keepdims=True)
    return np.asarray((ink + clouds) * most / (most + _FOG), np.float32)


def spatter(ink: Ink, rng: np.random.Generator) -> Ink:
    """Spots of mud over the image."""
    liquid = blurred(rng.normal(0.65, 0.3, ink.shape).astype(np.float32), 1, rng)
    mud = blurred((liquid > 0.65).astype(np.float32), 1.5, rng)
    mud[mud < 0.8] = 0
    return ink * (1 - mud) + np.float32(_MUD) * mud


def dotted_line(ink: Ink, rng: np.random.Generator) -> Ink:
    """A dotted line from the left edge to the right, from anywhere to anywhere."""
    count, height, width = ink.shape
    ends = rng.integers(0, height - 1, (count, 2))
    columns = np.arange(width)
    slope = (ends[:, 1] - ends[:, 0]) / (width - 1)
    line = _line(height, ends[:, :1] + slope[:, None] * columns, slope)
    return ink + line * (columns // 2 % 2)


def zigzag(ink: Ink, rng: np.random.Generator) -> Ink:
    """A bright zigzag across the image, its peaks two pixels from a line that rises or falls a little."""
    count, height, width = ink.shape
    start = rng.integers(0, height - 1, (count, 1))
    rise = rng.integers(-5, 5, (count, 1))
    along = np.arange(width) - 2
    peaks = 2 - np.abs((along + 2) % 8 - 4)  # from 0 up to 2, down to −2 and back, in 8 pixels
    rows = start + rise * along / (width - 5) + peaks
    line = _line(height, rows, np.ones(count))
    line *= (along >= 0) & (along <= width - 5)
    return ink + line


def canny_edges(ink: Ink, rng: np.random.Generator) -> Ink:
    """The edges alone (Canny, 1986): gradients that are the steepest across, and join a steep one."""
    from scipy import ndimage

    def slope(along: int, across: int) -> Ink:
        # Not `ndimage.sobel`, which smooths from image to image as well.
        rise = ndimage.correlate1d(smooth, [-1, 0, 1], along, mode="constant")
        result: Ink = ndimage.correlate1d(rise, [1, 2, 1], across, mode="constant")
        return result

    smooth = blurred(ink, 1, rng)
    down, right = slope(1, 2), slope(2, 1)
    steepness = np.hypot(down, right)
    # Of the four directions that neighbours lie in, the one that the gradient points to.
    sector = np.rint(np.arctan2(down, right) / (math.pi / 4)).astype(int) % 4
    framed = np.pad(steepness, ((0, 0), (1, 1), (1, 1)))
    height, width = ink.shape[1:]

    def beside(dy: int, dx: int) -> NDArray[np.float32]:
        return framed[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    steps = ((0, 1), (1, 1), (1, 0), (1, -1))
    highest = np.choose(sector, [np.maximum(beside(dy, dx), beside(-dy, -dx)) for dy, dx in steps])
    ridge = (steepness >= highest) & (steepness > _EDGE_LOW)
    pieces = ndimage.label(ridge, _WITHIN_AN_IMAGE)[0]
    strong = np.unique(pieces[ridge & (steepness > _EDGE_HIGH)])
    edges: Ink = np.isin(pieces, strong[strong > 0]).astype(np.float32)
    return edges


_WITHIN_AN_IMAGE = np.zeros((3, 3, 3), bool)
_WITHIN_AN_IMAGE[1] = True


def _either_way(ink: Ink, matrix: NDArray[np.float64], rng: np.random.Generator) -> Ink:
    """By the matrix, or by its inverse, as is drawn for each image."""
    forth = rng.random(len(ink)) < 0.5
    result = np.empty_like(ink)
    result[forth] = affine(ink[forth], matrix)
    result[~forth] = affine(ink[~forth], np.linalg.inv(matrix).astype(np.float64))
    return result


def _between(length: int, spacing: float) -> NDArray[np.float64]:
    """Weights (length, M) that make a line of pixels of M points `spacing` pixels apart."""
    at = np.arange(length) / spacing
    points = np.arange(int(at[-1]) + 2)
    weights: NDArray[np.float64] = np.maximum(0, 1 - np.abs(at[:, None] - points))
    return weights


def _line(height: int, rows: NDArray[np.float64], slope: NDArray[np.float64]) -> Ink:
    """Lines that cross each column at a row, (N, width), with their slopes (N,): 1 on them, 0 from 1.5 px on."""
    away = np.abs(np.arange(height)[None, :, None] - rows[:, None, :])
    across = away / np.sqrt(1 + slope**2)[:, None, None]
    return np.clip(1 - across / 1.5, 0, 1).astype(np.float32)


def _mixed(full: Full) -> Alter:
    def alter(ink: Ink, percent: float, rng: np.random.Generator) -> Ink:
        corrupted = np.clip(full(ink, rng), 0, 1)
        return ink + np.float32(percent / 100) * (corrupted - ink)

    return alter


def _by_less(moves: Alter) -> Alter:
    return lambda ink, percent, rng: moves(ink, percent / 100, rng)


def _one(title: str, alter: Alter, what: str) -> Corruption:
    # Some are called as a transform is.
    name = f"mnist_c_{title.lower().replace(' ', '_')}"
    return Corruption(name, title, " %", (0.0, 100.0), 5.0, what, alter)


SUITE = (
    _one("Shot noise", _mixed(shot_noise), "Photon noise."),
    _one("Impulse noise", _mixed(impulse_noise), "Some pixels black or white."),
    _one("Glass blur", _mixed(glass_blur), "Through frosted glass."),
    _one("Motion blur", _mixed(motion_blur), "Dragged aside."),
    _one("Shear", _by_less(sheared), "Slanted to either side."),
    _one("Scale", _by_less(shrunk), "Smaller."),
    _one("Rotate", _by_less(rotated), "Turned to either side."),
    _one("Brightness", _mixed(brightness), "Brighter all over."),
    _one("Translate", _by_less(translated), "Moved along both axes."),
    _one("Stripe", _mixed(stripe), "Inverted to the left and right."),
    _one("Fog", _mixed(fog), "Behind bright clouds."),
    _one("Spatter", _mixed(spatter), "Spots of mud."),
    _one("Dotted line", _mixed(dotted_line), "A dotted line across."),
    _one("Zigzag", _mixed(zigzag), "A zigzag across."),
    _one("Canny edges", _mixed(canny_edges), "Edges alone."),
)
