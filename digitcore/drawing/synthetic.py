"""Synthetic handwriting: digits in styles that MNIST hardly contains, and outliers.

MNIST was written by Americans in the nineties. Elsewhere a one has a flag and a foot, a seven
a bar, a zero a slash, and a four is open. `synthetic.toml` holds each style as strokes through
a few points; each sample varies the points, the ends of strokes, slant, proportions and bends
(elastic templates of strokes: Revow, Williams and Hinton, 1996).

Outliers are drawings that show no digit; from them a network learns low confidence (outlier
exposure: Hendrycks, Mazeika and Dietterich, 2019).
"""

from __future__ import annotations

import functools
import itertools
import math
import tomllib
from collections.abc import Callable
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from digitcore.drawing.input_image import AS_MNIST, PEN_WIDTH, Floats
from digitcore.drawing.strokes import from_strokes

_POINTS_PER_SPAN = 6  # between two points of a stroke
# Digits of which the first half looks like no digit.
_TORN = (0, 2, 3, 4, 5, 8)


def write(digit: int, random: np.random.Generator) -> list[Floats]:
    """One sample of a digit, as a person might write it.

    Args:
        digit: 0 to 9.
        random: source of all variation.

    Returns:
        Strokes: arrays (n, 2) of points, x right and y down, about 100 high.
    """
    return _bent(_drawn(_style(str(digit), random), random), random)


def scribble(random: np.random.Generator) -> list[Floats]:
    """One outlier: a letter, a sign, random lines, or part of a digit.

    Args:
        random: source of all variation.

    Returns:
        Strokes as in `write`.
    """
    kind = random.choice(("sign", "lines", "torn"), p=(0.45, 0.4, 0.15))
    while True:
        if kind == "sign":
            strokes = _drawn(_style("no digit", random), random)
        elif kind == "lines":
            strokes = _lines(random)
        else:
            strokes = _torn(write(int(random.choice(_TORN)), random), random.uniform(0.2, 0.42))
        strokes = strokes if kind == "torn" else _bent(strokes, random)
        if not _like_a_one(strokes):
            return strokes


def images(
    digits: int, outliers: int, seed: int, before_each: Callable[[], object] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    """Input images of digits and outliers in random order, the same for the same arguments.

    Args:
        digits: number of digits.
        outliers: number of outliers.
        seed: 0 or more.
        before_each: called before each image, some milliseconds apart; what it raises is
            passed on.

    Returns:
        Images, uint8 (N, 28, 28) for N = digits + outliers; labels, uint8 (N,), 0 to 9, and a
        meaningless 0 for outliers; whether each is an outlier, bool (N,).
    """
    random = np.random.default_rng([seed, digits, outliers])
    order = random.permutation(digits + outliers)
    is_outlier = order >= digits
    labels = np.where(is_outlier, 0, order % 10).astype(np.uint8)
    made = np.zeros((len(order), *AS_MNIST.shape), np.uint8)
    for image, label, outlier in zip(made, labels, is_outlier, strict=True):
        if before_each:
            before_each()
        strokes = scribble(random) if outlier else write(int(label), random)
        image[:] = from_strokes(strokes, pen_width(random))
    return made, labels, is_outlier


def pen_width(random: np.random.Generator) -> float:
    """A random pen width in pixels of the input image, as `images` uses for each sample."""
    return float(np.clip(random.normal(PEN_WIDTH, 0.45), 1.5, 4.0))


def varied(strokes: list[Floats], random: np.random.Generator) -> list[Floats]:
    """A variation of a drawing, as the same person might draw it again.

    Args:
        strokes: float arrays (n, 2) of pixels, x right and y down, with at least one point.
        random: source of all variation.

    Returns:
        The same number of strokes, about 100 high.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 100 / max(float((high - low).max()), 1e-6)
    strokes = [(stroke - (low + high) / 2) * scale + random.normal(0, 1.5, 2) for stroke in strokes]
    return _bent(strokes, random, slant=(0, 6), turn=5, width=(0, 0.12))


def path(stroke: str) -> Floats:
    """The pen's path of a stroke of `synthetic.toml`, as it stands there.

    Args:
        stroke: such as "10,4 88,4! 40,100".

    Returns:
        Points, float (N, 2), x right and y down, about 100 high.
    """
    return _smooth(*_parsed(stroke))


Stroke = tuple[Floats, NDArray[np.bool_]]


def _style(of: str, random: np.random.Generator) -> list[Stroke]:
    styles, fractions = _styles()[of]
    return styles[random.choice(len(styles), p=fractions)]


@functools.cache
def _styles() -> dict[str, tuple[list[list[Stroke]], Floats]]:
    """For each digit and "no digit", the styles and the fraction of samples in each."""
    text = (resources.files("digitcore") / "drawing" / "synthetic.toml").read_text(encoding="utf-8")
    table = {}
    for of, styles in tomllib.loads(text).items():
        weights = np.array([float(weight) for weight, *_ in styles])
        strokes = [[_parsed(stroke) for stroke in style] for _, *style in styles]
        table[of] = (strokes, weights / weights.sum())
    return table


def _parsed(stroke: str) -> Stroke:
    words = stroke.split()
    points = [[float(number) for number in word.rstrip("!").split(",")] for word in words]
    return np.array(points) - 50, np.array([word.endswith("!") for word in words])


def _drawn(style: list[Stroke], random: np.random.Generator) -> list[Floats]:
    """The pen's paths. Bars, slashes and feet vary more than what is drawn first."""
    first, *others = (_traced(stroke, random) for stroke in style)
    return [first, *(_turned(line, random) for line in others)]


def _turned(line: Floats, random: np.random.Generator) -> Floats:
    """The line rotated about its centre, and longer or shorter."""
    centre = line.mean(axis=0)
    matrix = _rotation(random.normal(0, 6)) * math.exp(random.normal(0, 0.12))
    return np.asarray((line - centre) @ matrix.T + centre)


def _rotation(degrees: float) -> Floats:
    angle = math.radians(degrees)
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _traced(stroke: Stroke, random: np.random.Generator) -> Floats:
    """The pen's path through a stroke's points, each slightly displaced."""
    points, sharp = stroke
    wobble = random.uniform(1, 5)
    points = points + random.normal(0, wobble, points.shape) + random.normal(0, 2, 2)
    line = _smooth(points, sharp & (random.random(len(sharp)) < 0.85))
    if random.random() < 0.5:  # the pen starts late or lifts early
        line = _cut(line, abs(random.normal(0, 0.04)), bool(random.random() < 0.5))
    if random.random() < 0.15:  # a hook at one end
        at = random.choice((0, -1))
        hook = line[at] + random.normal(0, 5, (1, 2))
        line = np.concatenate([hook, line] if at == 0 else [line, hook])
    return line


def _cut(line: Floats, fraction: float, at_end: bool) -> Floats:
    count = min(int(len(line) * fraction), len(line) - 2)
    return line[: len(line) - count] if at_end else line[max(count, 0) :]


def _smooth(points: Floats, sharp: NDArray[np.bool_]) -> Floats:
    """A curve through the points (Catmull and Rom, 1974), with corners at the sharp ones."""
    t = np.arange(_POINTS_PER_SPAN)[:, None] / _POINTS_PER_SPAN
    corners = [0, *(np.flatnonzero(sharp[1:-1]) + 1), len(points) - 1]
    spans = []
    for first, last in itertools.pairwise(corners):
        p = points[first : last + 1]
        # Extended straight beyond both ends.
        p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
        for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
            linear, square, cube = c - a, 2 * a - 5 * b + 4 * c - d, 3 * b - a - 3 * c + d
            spans.append((2 * b + linear * t + square * t**2 + cube * t**3) / 2)
    return np.concatenate([*spans, points[-1:]])


def _bent(
    strokes: list[Floats],
    random: np.random.Generator,
    slant: tuple[float, float] = (6, 12),
    turn: float = 6,
    width: tuple[float, float] = (-0.25, 0.25),
) -> list[Floats]:
    """The strokes slanted, rotated, stretched, and bent by long waves.

    `slant` has mean and standard deviation in degrees, `turn` is a standard deviation in degrees,
    and `width` has mean and standard deviation of the factor's logarithm.
    """
    lean = math.tan(math.radians(random.normal(*slant)))
    turned = _rotation(random.normal(0, turn))
    factor = math.exp(random.normal(*width))
    matrix = turned @ np.array([[factor, -lean], [0, 1]])
    height, phase = random.normal(0, 3, (2, 2)), random.uniform(0, 2 * math.pi, (2, 2))

    def bent(line: Floats) -> Floats:
        waves = np.sin(line[:, None, :] / 25 + phase) * height
        return np.asarray((line + waves.sum(axis=2)) @ matrix.T)

    return [bent(line) for line in strokes]


def _lines(random: np.random.Generator) -> list[Floats]:
    """A few random strokes, straight or curved; many begin on an earlier one, as in letters."""
    strokes: list[Floats] = []
    for _ in range(random.integers(1, 5)):
        count = int(random.choice((2, 3, 4, 5, 8), p=(0.3, 0.3, 0.2, 0.15, 0.05)))
        points = random.uniform(-50, 50, (count, 2))
        if strokes and random.random() < 0.6:
            points[0] = random.choice(strokes[random.integers(len(strokes))])
        strokes.append(_smooth(points, random.random(count) < random.choice((0, 0.3, 1))))
    return strokes


def _like_a_one(strokes: list[Floats]) -> bool:
    """Whether the whole drawing is little more than a line."""
    points = np.concatenate(strokes)
    narrow, long = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)).clip(0))
    return bool(narrow < 0.25 * long)


def _torn(strokes: list[Floats], fraction: float) -> list[Floats]:
    """The first points of a drawing, a fraction of all."""
    left = max(4, round(fraction * sum(map(len, strokes))))
    kept = []
    for stroke in strokes:
        kept.append(stroke[:left])
        left -= len(kept[-1])
        if left <= 0:
            break
    return kept
