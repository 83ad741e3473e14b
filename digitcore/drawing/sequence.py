"""Recognises a number of several digits from pen strokes.

The strokes are cut into segments, from left to right. Each group of neighbouring segments is a
candidate for a digit: the network's confidence, sizes and gaps give its score. Dynamic
programming finds the best sequence of candidates (heuristic over-segmentation and Viterbi's
algorithm: LeCun et al., 1998, "Gradient-based learning applied to document recognition",
section V). Scores are log-linear with maximum-likelihood weights (semi-Markov conditional
random fields: Sarawagi and Cohen, 2004).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitcore.drawing.input_image import AS_MNIST, DrawingInput, Predict
from digitcore.drawing.segments import Segment, Segmentation, joined, segmented
from digitcore.drawing.strokes import from_strokes

MAX_SEGMENTS_PER_DIGIT = 8
MAX_WIDTH = 1.75  # of a candidate of several segments, in units of the number's height


class Digit(NamedTuple):
    """One digit of a number.

    Attributes:
        strokes: indices of its strokes in the drawing, ascending; a stroke that runs through
            several digits is in each of them.
        box: left, top, right and bottom of the pen's path, in pixels of the strokes.
        image: the input image, uint8 (height, width).
        probabilities: of the classes 0 to 9, float32 (10,).
    """

    strokes: tuple[int, ...]
    box: tuple[float, float, float, float]
    image: NDArray[np.uint8]
    probabilities: NDArray[np.float32]

    @property
    def value(self) -> int:
        """The predicted digit, 0 to 9."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """The probability of `value`."""
        return float(self.probabilities.max())


class Number(NamedTuple):
    """A recognised number.

    Attributes:
        digits: from left to right, one or more.
        confidence: probability that the whole number is correct, 0 to 1: that of this
            segmentation times that of each digit.
    """

    digits: tuple[Digit, ...]
    confidence: float

    @property
    def text(self) -> str:
        """All digits, leading zeros included."""
        return "".join(str(digit.value) for digit in self.digits)


class Measures(NamedTuple):
    """Evidence against a candidate, each 0 or more; lengths are in units of the number's height."""

    unsure: float  # -log of the highest probability
    small: float  # square of the height that is missing
    wide: float  # width beyond one height
    gap: float  # free width within it
    overlap: float  # width of the overlap with what follows
    cut: float  # 1 if it ends within a stroke
    each: float = 1.0  # so that the number of digits has a weight too


class Candidate(NamedTuple):
    """The segments `first` to `last - 1` as one digit."""

    first: int
    last: int
    digit: Digit
    measures: Measures


# Weight of each measure in a score; `benchmarks/whole_numbers.py --fit` finds them.
WEIGHTS = Measures(
    unsure=-2.99, small=-21.6, wide=-9.68, gap=-3.66, overlap=-12.92, cut=-3.45, each=3.54
)


def read(strokes: Iterable[ArrayLike], predict: Predict, like: DrawingInput = AS_MNIST) -> Number:
    """Recognise a number of one or more digits, written from left to right.

    The strokes of a digit may come in any order and late: a bar is often drawn last. All
    candidates, at most 328, are predicted in one call. A single digit has exactly the image
    that `drawing.from_strokes` makes of it.

    Args:
        strokes: as in `drawing.from_strokes`.
        predict: the network, such as a Predictor's `probabilities`.
        like: as in `drawing.from_strokes`.

    Raises:
        DrawingError: as in `drawing.from_strokes`.
    """
    return best(candidates(strokes, predict, like), WEIGHTS)


def best(tried: list[Candidate], weights: Measures) -> Number:
    """The number with the highest score.

    Args:
        tried: what `candidates` returns for a drawing.
        weights: of each measure in a score.
    """
    scores = np.array([candidate.measures for candidate in tried]) @ np.array(weights)
    end = max(candidate.last for candidate in tried)
    high = np.full(end + 1, -np.inf)  # score of the best sequence up to each segment
    total = np.full(end + 1, -np.inf)  # log of the sum of exp(score) over all sequences
    high[0] = total[0] = 0.0
    sequences: list[tuple[Digit, ...]] = [()] * (end + 1)
    for candidate, score in sorted(zip(tried, scores, strict=True), key=lambda pair: pair[0].last):
        first, last = candidate.first, candidate.last
        total[last] = np.logaddexp(total[last], total[first] + score)
        if high[first] + score > high[last]:
            high[last] = high[first] + score
            sequences[last] = (*sequences[first], candidate.digit)
    digits = sequences[end]
    segmentation = math.exp(min(0.0, high[end] - total[end]))
    return Number(digits, segmentation * math.prod(digit.confidence for digit in digits))


def candidates(
    strokes: Iterable[ArrayLike], predict: Predict, like: DrawingInput = AS_MNIST
) -> list[Candidate]:
    """All groups of segments that may be a digit; arguments and errors as in `read`."""
    given = list(strokes) if isinstance(strokes, Iterator) else strokes
    from_strokes(given)  # raises DrawingError
    lines = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in given]
    # Spans of the largest floats would overflow; dividing by a power of two loses no digits.
    largest = max(float(np.abs(line).max()) for line in lines if len(line))
    scale = 2.0 ** max(0, math.frexp(largest)[1] - 300)
    segmentation = segmented([line / scale for line in lines])
    groups = _groups(segmentation)
    drawings = [segmentation.drawings(group) for _, _, group in groups]
    images = np.array([from_strokes(one, like=like) for variants in drawings for one in variants])
    table = predict(images)
    tried: list[Candidate] = []
    at = 0
    for (first, last, group), variants in zip(groups, drawings, strict=True):
        chosen = at + int(table[at : at + len(variants)].max(axis=1).argmax())
        at += len(variants)
        left, top, right, bottom = (edge * scale for edge in group[1:])
        box = (left, top, right, bottom)
        digit = Digit(group.strokes, box, images[chosen], table[chosen])
        measures = _measures(segmentation, first, last, group, digit.confidence)
        tried.append(Candidate(first, last, digit, measures))
    return tried


def _groups(segmentation: Segmentation) -> list[tuple[int, int, Segment]]:
    """Neighbouring segments that may be one digit: the first, the one after the last, joined."""
    groups = []
    segments = segmentation.segments
    count = len(segments)
    for first in range(count):
        for last in range(first + 1, min(first + MAX_SEGMENTS_PER_DIGIT, count) + 1):
            group = joined(segments[first:last])
            narrow = group.right - group.left <= MAX_WIDTH * segmentation.height
            if narrow or last - first in (1, count):
                groups.append((first, last, group))
    return groups


def _measures(
    segmentation: Segmentation, first: int, last: int, group: Segment, confidence: float
) -> Measures:
    ends = {(piece.stroke, piece.last) for piece in group.pieces}
    after = {
        (piece.stroke, piece.first)
        for segment in segmentation.segments[last:]
        for piece in segment.pieces
    }
    return Measures(
        unsure=-math.log(max(confidence, 1e-9)),
        small=max(0.0, 1 - (group.bottom - group.top) / segmentation.height) ** 2,
        wide=max(0.0, (group.right - group.left) / segmentation.height - 1),
        gap=float(segmentation.gaps[first : last - 1].clip(min=0).sum()),
        overlap=max(0.0, -float(segmentation.gaps[last - 1])),
        cut=float(len(ends & after)),
    )
