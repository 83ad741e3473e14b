"""One person's hand: digits that they drew, each with what it is, for a network to learn.

Drawings are kept as strokes, not as images, so that each can be varied as a hand varies:
another slant, another width, bends, another pen.

    HandError (ValueError)   a drawing or a file of drawings cannot be taken
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
import pydantic
from numpy.typing import ArrayLike, NDArray

from digitcore import files
from digitcore.drawing import synthetic
from digitcore.drawing.input_image import SIDE, DrawingError, Floats, InputImage
from digitcore.drawing.strokes import from_strokes

MAX_DRAWINGS = 300
MAX_POINTS = 5_000
MAX_FILE_BYTES = 10_000_000
_HELD_OUT = 3
_DECIMALS = 2
_FORMAT = "digit-studio-hand-1"

Bytes = NDArray[np.uint8]


class HandError(ValueError):
    """A drawing or a file of drawings cannot be taken."""


class Example(NamedTuple):
    """A digit, 0 to 9, the strokes (n, 2) that a person drew for it, in canvas pixels, whether
    it is held out, and its digit image."""

    digit: int
    strokes: list[Floats]
    held_out: bool
    image: InputImage


_Number = Annotated[float, pydantic.Field(allow_inf_nan=False)]
_Points = list[tuple[_Number, _Number]]


@dataclass(frozen=True)
class _Drawing:
    digit: Annotated[int, pydantic.Field(ge=0, le=9)]
    strokes: list[_Points]
    held_out: bool | None = None


@dataclass(frozen=True)
class _File:
    format: Literal["digit-studio-hand-1"]
    drawings: Annotated[list[_Drawing], pydantic.Field(max_length=MAX_DRAWINGS)]


_FILE = pydantic.TypeAdapter(_File)


@dataclass(frozen=True, eq=False)
class Hand:
    """Drawings of one person in the order in which they came; never changed in place.

    Every third drawing of a digit is held out: it is never learned, so that it can tell how
    much was gained. That is decided when it comes, and stays when others are removed.
    """

    examples: tuple[Example, ...] = ()

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def taught(self) -> Hand:
        """The drawings that are learned."""
        return Hand(tuple(one for one in self.examples if not one.held_out))

    @property
    def held_out(self) -> Hand:
        """The drawings that are only read."""
        return Hand(tuple(one for one in self.examples if one.held_out))

    @property
    def counts(self) -> list[int]:
        """How many drawings there are of each digit, 0 to 9."""
        found = Counter(example.digit for example in self.examples)
        return [found[digit] for digit in range(10)]

    def added(self, digit: int, strokes: Iterable[ArrayLike], held_out: bool | None = None) -> Hand:
        """This hand and one more drawing.

        Args:
            digit: 0 to 9, what it is.
            strokes: as of `drawing.from_strokes`, up to 5,000 points together.
            held_out: whether it is; unless given, the third of its digit is, and so on.

        Raises:
            HandError: the digit is none, nothing is drawn, or there would be too much of it.
        """
        if len(self) >= MAX_DRAWINGS:
            raise HandError(f"A hand has up to {MAX_DRAWINGS} drawings. Received: one more")
        if digit not in range(10):
            raise HandError(f"A digit is 0 to 9. Received: {digit}")
        listed = list(strokes)
        try:
            from_strokes(listed)
            found = [np.asarray(stroke, dtype=np.float64).round(_DECIMALS) for stroke in listed]
            found = [stroke for stroke in found if len(stroke)]
            # Of what is kept, so that a file gives the same image.
            image = from_strokes(found)
        except DrawingError as error:
            raise HandError(str(error)) from None
        if (points := sum(map(len, found))) > MAX_POINTS:
            raise HandError(f"A drawing has up to {MAX_POINTS:,} points. Received: {points:,}")
        if held_out is None:
            kept = [one.held_out for one in self.examples if one.digit == digit]
            held_out = kept.count(False) >= (_HELD_OUT - 1) * (kept.count(True) + 1)
        return Hand((*self.examples, Example(int(digit), found, held_out, image)))

    def without(self, number: int) -> Hand:
        """This hand without the drawing of that place, 0 for the first."""
        return Hand(self.examples[:number] + self.examples[number + 1 :])

    def images(self) -> tuple[Bytes, Bytes]:
        """The drawings as digit images: uint8 (N, 28, 28), and uint8 labels, 0 to 9."""
        made = [example.image for example in self.examples]
        labels = np.array([example.digit for example in self.examples], np.uint8)
        return np.array(made, np.uint8).reshape(-1, SIDE, SIDE), labels

    def variations(self, count: int, seed: int) -> tuple[Bytes, Bytes]:
        """Digit images of the drawings in turn, each drawn a little differently every time.

        Args:
            count: how many.
            seed: decides all of them, 0 or more.

        Returns:
            uint8 (count, 28, 28), and uint8 labels, 0 to 9; none where there is no drawing.
        """
        random = np.random.default_rng([seed, count])
        turns = [self.examples[i % len(self)] for i in range(count if self.examples else 0)]
        images = np.zeros((len(turns), SIDE, SIDE), np.uint8)
        for image, example in zip(images, turns, strict=True):
            strokes = synthetic.varied(example.strokes, random)
            image[:] = from_strokes(strokes, synthetic.pen_width(random))
        return images, np.array([example.digit for example in turns], np.uint8)

    def to_json(self) -> str:
        """The text of a file that `from_json` reads back to the same drawings."""
        drawings = [
            {
                "digit": one.digit,
                "held_out": one.held_out,
                "strokes": [stroke.tolist() for stroke in one.strokes],
            }
            for one in self.examples
        ]
        return json.dumps({"format": _FORMAT, "drawings": drawings}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The hand in that text.

        Raises:
            HandError: it is not the text of a hand, or one of its drawings cannot be taken.
        """
        if len(text) > MAX_FILE_BYTES:
            raise HandError(
                f"A file of drawings has up to {MAX_FILE_BYTES:,} bytes. Received: {len(text):,}"
            )
        try:
            file = _FILE.validate_json(text)
        except pydantic.ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"][:4])) or "the file"
            raise HandError(
                f"This is not a file of drawings from Digit Studio: {where}: {fault['msg']}"
            ) from None
        hand = Hand()
        for number, one in enumerate(file.drawings, start=1):
            try:
                hand = hand.added(
                    one.digit, [np.array(s).reshape(-1, 2) for s in one.strokes], one.held_out
                )
            except HandError as error:
                raise HandError(f"Drawing {number} of the file: {error}") from None
        return cls(hand.examples)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The hand in that file.

        Raises:
            HandError: it is not a file of drawings.
            OSError: it cannot be read.
        """
        try:
            return cls.from_json(files.read(path, MAX_FILE_BYTES))
        except HandError:
            raise
        except ValueError as error:
            raise HandError(f"{path}: {error}") from None

    def save(self, path: Path) -> None:
        """Replaces the file, atomically.

        Raises:
            OSError: it cannot be written; the old one is still there.
        """
        files.write_atomic(path, self.to_json().encode())
