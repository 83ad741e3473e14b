"""Digits that the project writes itself: ways of writing that MNIST hardly holds.

MNIST was written by Americans on forms in the nineties. Elsewhere a one has a flag and a
foot, a seven a bar, a nought a slash, and a four stands open. Each way is a few strokes
through points; each writing of it varies the points, the ends of strokes, slant,
proportions and bends, much as letters were modelled for recognition before (elastic
templates of strokes: Revow, Williams and Hinton, 1996).

Things that are no digits are written, too, for a network to learn to be unsure of them
(outlier exposure: Hendrycks, Mazeika and Dietterich, 2019).
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

from digitcore.drawing.input_image import PEN_WIDTH, SIDE, Floats
from digitcore.drawing.strokes import from_strokes

_POINTS_A_PART = 6
# Digits of which less than half is neither a whole digit nor another one.
_TORN = (0, 2, 3, 4, 5, 8)


def write(digit: int, random: np.random.Generator) -> list[Floats]:
    """One writing of a digit, as a hand might do it.

    Args:
        digit: 0 to 9.
        random: where all variation comes from.

    Returns:
        Strokes: arrays (n, 2) of points, x right and y down, about 100 high.
    """
    return _bent([_traced(stroke, random) for stroke in _way(str(digit), random)], random)


def scribble(random: np.random.Generator) -> list[Floats]:
    """One writing that is no digit: a letter, a sign, random lines, or a part of a digit.

    Returns:
        Strokes as of `write`.
    """
    kind = random.choice(("sign", "lines", "torn"), p=(0.45, 0.4, 0.15))
    while True:
        if kind == "sign":
            strokes = [_traced(stroke, random) for stroke in _way("no digit", random)]
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
    """Digit images of writings in mixed order, the same for the same arguments.

    Args:
        digits: how many digits.
        outliers: how many writings that are no digits.
        seed: decides all of them, 0 or more.
        before_each: called before each is written, some milliseconds apart; what it raises
            ends the writing.

    Returns:
        Images, uint8 (N, 28, 28) for N = digits + outliers; labels, uint8 (N,), 0 to 9, and 0
        for outliers, where they mean nothing; whether each is an outlier, bool (N,).
    """
    random = np.random.default_rng([seed, digits, outliers])
    order = random.permutation(digits + outliers)
    is_outlier = order >= digits
    labels = np.where(is_outlier, 0, order % 10).astype(np.uint8)
    made = np.zeros((len(order), SIDE, SIDE), np.uint8)
    for image, label, outlier in zip(made, labels, is_outlier, strict=True):
        if before_each:
            before_each()
        strokes = scribble(random) if outlier else write(int(label), random)
        image[:] = from_strokes(strokes, pen_width(random))
    return made, labels, is_outlier


def pen_width(random: np.random.Generator) -> float:
    """A pen's width in pixels of the digit image, as `images` takes one for each writing."""
    return float(np.clip(random.normal(PEN_WIDTH, 0.45), 1.5, 4.0))


def varied(strokes: list[Floats], random: np.random.Generator) -> list[Floats]:
    """A drawing as the same hand might do it again.

    Args:
        strokes: arrays (n, 2) of pixels, x right and y down, with one point or more.
        random: where all variation comes from.

    Returns:
        As many strokes, about 100 high.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 100 / max(float((high - low).max()), 1e-6)
    strokes = [(stroke - (low + high) / 2) * scale + random.normal(0, 1.5, 2) for stroke in strokes]
    return _bent(strokes, random, slant=(0, 6), turn=5, width=(0, 0.12))


Stroke = tuple[Floats, NDArray[np.bool_]]


def _way(of: str, random: np.random.Generator) -> list[Stroke]:
    ways, shares = _ways()[of]
    return ways[random.choice(len(ways), p=shares)]


@functools.cache
def _ways() -> dict[str, tuple[list[list[Stroke]], Floats]]:
    """The ways of writing by what is written, and how often each is taken."""
    text = (resources.files("digitcore") / "drawing" / "synthetic.toml").read_text(encoding="utf-8")
    found = {}
    for of, ways in tomllib.loads(text).items():
        weights = np.array([float(weight) for weight, *_ in ways])
        strokes = [[_parsed(stroke) for stroke in way] for _, *way in ways]
        found[of] = (strokes, weights / weights.sum())
    return found


def _parsed(stroke: str) -> Stroke:
    words = stroke.split()
    points = [[float(number) for number in word.rstrip("!").split(",")] for word in words]
    return np.array(points) - 50, np.array([word.endswith("!") for word in words])


def _traced(stroke: Stroke, random: np.random.Generator) -> Floats:
    """The pen's way through a stroke's points, each a little elsewhere."""
    points, sharp = stroke
    wobble = random.uniform(1, 5)
    points = points + random.normal(0, wobble, points.shape) + random.normal(0, 2, 2)
    line = _smooth(points, sharp & (random.random(len(sharp)) < 0.85))
    if random.random() < 0.5:  # the pen comes late, or leaves early
        line = _cut(line, abs(random.normal(0, 0.04)), bool(random.random() < 0.5))
    if random.random() < 0.15:  # a hook where it comes or leaves
        at = random.choice((0, -1))
        hook = line[at] + random.normal(0, 5, (1, 2))
        line = np.concatenate([hook, line] if at == 0 else [line, hook])
    return line


def _cut(line: Floats, share: float, at_end: bool) -> Floats:
    count = min(int(len(line) * share), len(line) - 2)
    return line[: len(line) - count] if at_end else line[max(count, 0) :]


def _smooth(points: Floats, sharp: NDArray[np.bool_]) -> Floats:
    """A curve through the points (Catmull and Rom, 1974), turning sharply where it is said."""
    t = np.arange(_POINTS_A_PART)[:, None] / _POINTS_A_PART
    corners = [0, *(np.flatnonzero(sharp[1:-1]) + 1), len(points) - 1]
    parts = []
    for first, last in itertools.pairwise(corners):
        p = points[first : last + 1]
        # As if the curve went on straight before its first point and after its last.
        p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
        for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
            linear, square, cube = c - a, 2 * a - 5 * b + 4 * c - d, 3 * b - a - 3 * c + d
            parts.append((2 * b + linear * t + square * t**2 + cube * t**3) / 2)
    return np.concatenate([*parts, points[-1:]])


def _bent(
    strokes: list[Floats],
    random: np.random.Generator,
    slant: tuple[float, float] = (6, 12),
    turn: float = 6,
    width: tuple[float, float] = (-0.25, 0.25),
) -> list[Floats]:
    """The strokes slanted, turned, stretched, and bent in slow waves.

    `slant` is the mean and the spread in degrees, `turn` the spread in degrees, and `width`
    the mean and the spread of the logarithm of the factor.
    """
    lean = math.tan(math.radians(random.normal(*slant)))
    angle = math.radians(random.normal(0, turn))
    factor = math.exp(random.normal(*width))
    turned = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = turned @ np.array([[factor, -lean], [0, 1]])
    height, phase = random.normal(0, 3, (2, 2)), random.uniform(0, 2 * math.pi, (2, 2))

    def bent(line: Floats) -> Floats:
        waves = np.sin(line[:, None, :] / 25 + phase) * height
        return np.asarray((line + waves.sum(axis=2)) @ matrix.T)

    return [bent(line) for line in strokes]


def _lines(random: np.random.Generator) -> list[Floats]:
    """A few strokes, straight, curved or wild; many begin on an earlier one, as letters do."""
    strokes: list[Floats] = []
    for _ in range(random.integers(1, 5)):
        count = int(random.choice((2, 3, 4, 5, 8), p=(0.3, 0.3, 0.2, 0.15, 0.05)))
        points = random.uniform(-50, 50, (count, 2))
        if strokes and random.random() < 0.6:
            points[0] = random.choice(strokes[random.integers(len(strokes))])
        strokes.append(_smooth(points, random.random(count) < random.choice((0, 0.3, 1))))
    return strokes


def _like_a_one(strokes: list[Floats]) -> bool:
    """Whether all of it is hardly more than a line."""
    points = np.concatenate(strokes)
    narrow, long = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)).clip(0))
    return bool(narrow < 0.25 * long)


def _torn(strokes: list[Floats], share: float) -> list[Floats]:
    """The first part of a writing, by its points."""
    left = max(4, round(share * sum(map(len, strokes))))
    kept = []
    for stroke in strokes:
        kept.append(stroke[:left])
        left -= len(kept[-1])
        if left <= 0:
            break
    return kept
