"""A number of several digits, read from pen strokes: where each digit lies, and which it is.

The strokes, and the pieces of those that run on through several digits, are parts in
order from left to right. Any few neighbours may be a digit: a network says how much they
look like one, and their sizes and gaps how well they would stand in a number. The best way
to part all into digits is found by dynamic programming (heuristic over-segmentation and
Viterbi's algorithm: LeCun et al., 1998, "Gradient-based learning applied to document
recognition", section V). Scores are log-linear with weights of the highest likelihood
(semi-Markov conditional random fields: Sarawagi and Cohen, 2004).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitcore.drawing.segments import Part, Parted, parted, together
from digitcore.drawing.strokes import from_strokes

Ask = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

MAX_PARTS_A_DIGIT = 8
MAX_WIDTH = 1.75  # of several parts that may be a digit, in heights of the number


class Digit(NamedTuple):
    """One digit of a number.

    Attributes:
        strokes: which strokes it is made of, by their place in what was read, ascending; a
            stroke that runs on through several digits is in each of them.
        box: left, top, right and bottom of the pen's way, in pixels of the strokes.
        image: the digit image, uint8 (28, 28).
        probabilities: what the network says of it, float32 (10,).
    """

    strokes: tuple[int, ...]
    box: tuple[float, float, float, float]
    image: NDArray[np.uint8]
    probabilities: NDArray[np.float32]

    @property
    def value(self) -> int:
        """The digit that it is read as, 0 to 9."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """The probability of `value`."""
        return float(self.probabilities.max())


class Number(NamedTuple):
    """A number as it was read.

    Attributes:
        digits: from left to right, one or more.
        confidence: how likely the whole is right, 0 to 1: the probability that the strokes
            part into these digits, times the probability of each.
    """

    digits: tuple[Digit, ...]
    confidence: float

    @property
    def text(self) -> str:
        """The digits as they were written, with noughts in front."""
        return "".join(str(digit.value) for digit in self.digits)


class Measures(NamedTuple):
    """What speaks against a would-be digit, 0 or more; lengths are in heights of the number."""

    unsure: float  # -log of the highest probability
    small: float  # square of the height that is missing
    wide: float  # width beyond one height
    gap: float  # free width within it
    overlap: float  # width over which it and what comes after it both lie
    cut: float  # 1 where it ends within a stroke
    each: float = 1.0


class Trial(NamedTuple):
    """The parts `first` to `last - 1` as a would-be digit."""

    first: int
    last: int
    digit: Digit
    measures: Measures


# What each measure adds to a score; `benchmarks/whole_numbers.py --fit` finds them.
WEIGHTS = Measures(
    unsure=-2.99, small=-21.6, wide=-9.68, gap=-3.66, overlap=-12.92, cut=-3.45, each=3.54
)


def read(strokes: Iterable[ArrayLike], ask: Ask) -> Number:
    """Read a number of one or more digits, written from left to right.

    The strokes of a digit may come in any order, also late: a bar is often drawn last.
    All that may be a digit, 328 images at most, is asked in one call. What is taken for
    a single digit has the very image that `drawing.from_strokes` makes of it.

    Args:
        strokes: as `drawing.from_strokes` takes them.
        ask: gives of digit images, uint8 (N, 28, 28), what they show, float32 (N, 10), each
            row summing to 1: a Predictor's `probabilities`.

    Raises:
        DrawingError: as of `drawing.from_strokes`.
    """
    return best(trials(strokes, ask), WEIGHTS)


def best(tried: list[Trial], weights: Measures) -> Number:
    """The best way to part a drawing into digits; `tried` is what `trials` gave of it."""
    scores = np.array([trial.measures for trial in tried]) @ np.array(weights)
    end = max(trial.last for trial in tried)
    high = np.full(end + 1, -np.inf)  # score of the best way to part all that lies before
    total = np.full(end + 1, -np.inf)  # log of the sum over all ways of exp(score)
    high[0] = total[0] = 0.0
    ways: list[tuple[Digit, ...]] = [()] * (end + 1)
    for trial, score in sorted(zip(tried, scores, strict=True), key=lambda pair: pair[0].last):
        first, last = trial.first, trial.last
        total[last] = np.logaddexp(total[last], total[first] + score)
        if high[first] + score > high[last]:
            high[last] = high[first] + score
            ways[last] = (*ways[first], trial.digit)
    share = math.exp(min(0.0, high[end] - total[end]))
    return Number(ways[end], share * math.prod(digit.confidence for digit in ways[end]))


def trials(strokes: Iterable[ArrayLike], ask: Ask) -> list[Trial]:
    """All that may be a digit, asked and measured; arguments and errors as of `read`."""
    given = list(strokes) if isinstance(strokes, Iterator) else strokes
    from_strokes(given)  # refuses what is no drawing
    lines = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in given]
    # Spans of the largest numbers would overflow; a power of two changes none of their digits.
    largest = max(float(np.abs(line).max()) for line in lines if len(line))
    scale = 2.0 ** max(0, math.frexp(largest)[1] - 300)
    found = parted([line / scale for line in lines])
    places = _places(found)
    drawings = [found.drawings(group) for _, _, group in places]
    images = np.array([from_strokes(one) for ways in drawings for one in ways])
    answers = ask(images)
    tried: list[Trial] = []
    at = 0
    for (first, last, group), ways in zip(places, drawings, strict=True):
        chosen = at + int(answers[at : at + len(ways)].max(axis=1).argmax())
        at += len(ways)
        left, top, right, bottom = (edge * scale for edge in group[1:])
        box = (left, top, right, bottom)
        digit = Digit(group.strokes, box, images[chosen], answers[chosen])
        measures = _measures(found, first, last, group, digit.confidence)
        tried.append(Trial(first, last, digit, measures))
    return tried


def _places(found: Parted) -> list[tuple[int, int, Part]]:
    """First part, the one after the last, and all of it together, of whatever is tried."""
    places = []
    count = len(found.parts)
    for first in range(count):
        for last in range(first + 1, min(first + MAX_PARTS_A_DIGIT, count) + 1):
            group = together(found.parts[first:last])
            narrow = group.right - group.left <= MAX_WIDTH * found.height
            if narrow or last - first in (1, count):
                places.append((first, last, group))
    return places


def _measures(found: Parted, first: int, last: int, group: Part, confidence: float) -> Measures:
    ends = {(piece.stroke, piece.last) for piece in group.pieces}
    after = {(piece.stroke, piece.first) for part in found.parts[last:] for piece in part.pieces}
    return Measures(
        unsure=-math.log(max(confidence, 1e-9)),
        small=max(0.0, 1 - (group.bottom - group.top) / found.height) ** 2,
        wide=max(0.0, (group.right - group.left) / found.height - 1),
        gap=float(found.gaps[first : last - 1].clip(min=0).sum()),
        overlap=max(0.0, -float(found.gaps[last - 1])),
        cut=float(len(ends & after)),
    )
