"""Which images of a split are meant: one selection, in whatever way the images are shown.

A selection has facets, each of which lets some images pass. A view that draws one of them itself (a
confusion matrix its cells, a map its areas) leaves that one out and shows what passes the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from digitcore.analysis import classification
from digitcore.analysis.projection import inside

Order = Literal["most confident", "least confident", "highest loss", "in order"]
ORDERS: tuple[Order, ...] = get_args(Order)
Beside = Literal[
    "only the other is right", "only this one is right", "both are wrong", "they differ"
]
BESIDES: tuple[Beside, ...] = get_args(Beside)
# A corner is x and y in a map's own coordinates.
Area = tuple[tuple[float, float], ...]
Mask = NDArray[np.bool_]

# What a confusion matrix itself shows of an image.
CELL = frozenset({"true", "predicted", "only_errors"})
# What depends on whether the answer is right.
RIGHT_OR_WRONG = frozenset({"true", "only_errors", "beside"})
_MOST_TERMS = 100


@dataclass(frozen=True)
class Images:
    """What a selection may ask of the N images of a split. Arrays are not changed.

    Attributes:
        names: of the classes.
        labels: int64 (N,), true classes.
        predicted: int64 (N,), predicted classes.
        confidence: float32 (N,), probability of the predicted class, 0 to 1.
        losses: float64 (N,), cross-entropy in nats.
        writers: int64 (N,), who wrote each; None where that is not known.
        points: float32 (N, 2), where each is on the map; None while there is no map.
        other: int (N,), what another run predicted; None where none was chosen.
    """

    names: Sequence[str]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    losses: NDArray[np.float64]
    writers: NDArray[np.int64] | None = None
    points: NDArray[np.float32] | None = None
    other: NDArray[np.integer] | None = None

    @property
    def wrong(self) -> Mask:
        """Which are predicted wrong."""
        return np.asarray(self.predicted != self.labels)


def images(probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> Images:
    """The images as a network sees them.

    Args:
        probabilities: float (N, classes), rows sum to 1.
        labels: integer (N,), true classes.
        names: of the classes.

    Raises:
        ValueError: the arrays do not fit together.
    """
    losses = classification.losses(probabilities, labels)
    guesses = probabilities.argmax(axis=1).astype(np.int64)
    sure = probabilities.max(axis=1) if len(guesses) else np.zeros(0, np.float32)
    return Images(names, labels.astype(np.int64), guesses, sure.astype(np.float32), losses)


@dataclass(frozen=True)
class Selection:
    """Lets an image pass that passes each facet; without any, all do.

    Attributes:
        true, predicted: the class that an image must show, and be predicted as; None is any.
        confidence: lowest and highest confidence, 0 to 1, both included.
        only_errors: only images that are predicted wrong.
        areas: of a map, in one of which an image must lie; none is everywhere.
        writer: who must have written it; None is anybody.
        text: numbers of images (`17`), ranges of them (`100-199`), and words of a class's name, with
            commas between: an image must be one of them, or show or be predicted as such a class.
        beside: how this run's answer and the other's must compare; None where it does not matter.

    A facet that asks for what is not known of the images lets all pass.
    """

    true: int | None = None
    predicted: int | None = None
    confidence: tuple[float, float] = (0.0, 1.0)
    only_errors: bool = False
    areas: tuple[Area, ...] = ()
    writer: int | None = None
    text: str = ""
    beside: Beside | None = None

    def passes(self, of: Images, but: Collection[str] = ()) -> Mask:
        """Which images pass every facet, bool (N,), but for those left out by name."""
        mask = np.ones(len(of.labels), bool)
        for name, facet in _FACETS.items():
            if name not in but and getattr(self, name) != getattr(EVERYTHING, name):
                passed = facet(self, of)
                if passed is not None:
                    mask &= passed
        return mask

    def only(self, *names: str) -> Selection:
        """The same with these facets alone."""
        return Selection(**{name: getattr(self, name) for name in names})

    def without(self, names: Collection[str]) -> Selection:
        """The same without these facets."""
        return self.only(*(one.name for one in fields(self) if one.name not in names))


EVERYTHING = Selection()


def ordered(mask: Mask, of: Images, order: Order) -> NDArray[np.int64]:
    """Indices of the images that passed, int64 (K,), sorted; ties keep the order of the images.

    Raises:
        ValueError: there is no such order.
    """
    if order not in ORDERS:
        raise ValueError(f"order is one of {', '.join(ORDERS)}. Received: {order}")
    indices = np.flatnonzero(mask)
    if order == "in order":
        return indices
    if order == "highest loss":
        keys: NDArray[np.floating] = -of.losses[indices]
    else:
        keys = of.confidence[indices] * (-1 if order == "most confident" else 1)
    return indices[np.argsort(keys, kind="stable")]


def _confident(self: Selection, of: Images) -> Mask:
    low, high = self.confidence
    # As the probabilities are, or 0.7 would be above the 0.7 of float32.
    return np.asarray((of.confidence >= np.float32(low)) & (of.confidence <= np.float32(high)))


def _in_an_area(self: Selection, of: Images) -> Mask | None:
    if of.points is None:
        return None
    points = of.points
    each = [inside(points, np.array(area, np.float64)) for area in self.areas]
    return np.asarray(np.any(each, axis=0))


def _named(self: Selection, of: Images) -> Mask:
    mask = np.zeros(len(of.labels), bool)
    called = np.zeros(len(of.names), bool)
    for term in [one.strip() for one in self.text.split(",")][:_MOST_TERMS]:
        numbers = re.fullmatch(r"(\d{1,9})(?:\s*[-–]\s*(\d{1,9}))?", term)
        if numbers:
            first = int(numbers[1])
            mask[first : int(numbers[2] or first) + 1] = True
        elif term:
            called |= np.array([term.casefold() in name.casefold() for name in of.names])
    return np.asarray(mask | called[of.labels] | called[of.predicted])


def _beside(self: Selection, of: Images) -> Mask | None:
    if of.other is None:
        return None
    here, there = ~of.wrong, of.other == of.labels
    return np.asarray(
        {
            "only the other is right": there & ~here,
            "only this one is right": here & ~there,
            "both are wrong": ~here & ~there,
            "they differ": of.other != of.predicted,
        }[self.beside or "they differ"]
    )


_FACETS: dict[str, Callable[[Selection, Images], Mask | None]] = {
    "true": lambda self, of: np.asarray(of.labels == self.true),
    "predicted": lambda self, of: np.asarray(of.predicted == self.predicted),
    "confidence": _confident,
    "only_errors": lambda self, of: of.wrong,
    "areas": _in_an_area,
    "writer": lambda self, of: None if of.writers is None else of.writers == self.writer,
    "text": _named,
    "beside": _beside,
}
