"""Handwriting samples of one person: drawings with their digits, to fine-tune a network on.

Drawings are kept as strokes, not as images, so that each can be varied as people vary their writing:
another slant, another width, bends, another pen. They become input images as any dataset of digits
has them.

    SamplesError (ValueError)   a drawing or a file of drawings cannot be taken
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
from digitcore.drawing.input_image import (
    AS_MNIST,
    PEN_WIDTH,
    DrawingError,
    DrawingInput,
    Floats,
    InputImage,
)
from digitcore.drawing.strokes import from_strokes

MAX_DRAWINGS = 300
MAX_POINTS = 5_000
MAX_FILE_BYTES = 10_000_000
_DIGITS = range(10)
_HELD_OUT = 3
_DECIMALS = 2
# An earlier name of the samples; it stays, because people have exported such files.
_FORMAT = "digit-studio-hand-1"

Bytes = NDArray[np.uint8]


class SamplesError(ValueError):
    """A drawing or a file of drawings cannot be taken."""


class Example(NamedTuple):
    """A drawing: its digit, 0 to 9, its strokes (n, 2) in canvas pixels, whether it is
    held out from training, and its input image as MNIST has them."""

    digit: int
    strokes: list[Floats]
    held_out: bool
    image: InputImage


_Number = Annotated[float, pydantic.Field(allow_inf_nan=False)]
_Points = list[tuple[_Number, _Number]]


@dataclass(frozen=True)
class _Drawing:
    digit: Annotated[int, pydantic.Field(ge=_DIGITS[0], le=_DIGITS[-1])]
    strokes: list[_Points]
    held_out: bool | None = None


@dataclass(frozen=True)
class _File:
    format: Literal["digit-studio-hand-1"]
    drawings: Annotated[list[_Drawing], pydantic.Field(max_length=MAX_DRAWINGS)]


_FILE = pydantic.TypeAdapter(_File)


@dataclass(frozen=True, eq=False)
class HandwritingSamples:
    """Drawings of one person in the order in which they were added; immutable.

    Every third drawing of a digit is held out: no network is trained on it, so that it measures
    what fine-tuning gains. This is decided when it is added, and stays when others are removed.
    """

    examples: tuple[Example, ...] = ()

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def training(self) -> HandwritingSamples:
        """The drawings to train on."""
        return HandwritingSamples(tuple(one for one in self.examples if not one.held_out))

    @property
    def held_out(self) -> HandwritingSamples:
        """The drawings to measure on."""
        return HandwritingSamples(tuple(one for one in self.examples if one.held_out))

    @property
    def counts(self) -> list[int]:
        """How many drawings there are of each digit, 0 to 9."""
        found = Counter(example.digit for example in self.examples)
        return [found[digit] for digit in _DIGITS]

    def added(
        self, digit: int, strokes: Iterable[ArrayLike], held_out: bool | None = None
    ) -> HandwritingSamples:
        """These samples and one more drawing.

        Args:
            digit: 0 to 9, what it is.
            strokes: as in `drawing.from_strokes`, up to 5,000 points together.
            held_out: whether it is; by default every third one of its digit.

        Raises:
            SamplesError: the digit is not 0 to 9, nothing is drawn, or a limit would be exceeded.
        """
        if len(self) >= MAX_DRAWINGS:
            raise SamplesError(f"There may be up to {MAX_DRAWINGS} drawings. Received: one more")
        if digit not in _DIGITS:
            raise SamplesError(f"A digit is 0 to 9. Received: {digit}")
        listed = list(strokes)
        try:
            from_strokes(listed)
            found = [np.asarray(stroke, dtype=np.float64).round(_DECIMALS) for stroke in listed]
            found = [stroke for stroke in found if len(stroke)]
            # Of what is kept, so that a file gives the same image.
            image = from_strokes(found)
        except DrawingError as error:
            raise SamplesError(str(error)) from None
        if (points := sum(map(len, found))) > MAX_POINTS:
            raise SamplesError(f"A drawing has up to {MAX_POINTS:,} points. Received: {points:,}")
        if held_out is None:
            kept = [one.held_out for one in self.examples if one.digit == digit]
            held_out = kept.count(False) >= (_HELD_OUT - 1) * (kept.count(True) + 1)
        return HandwritingSamples((*self.examples, Example(int(digit), found, held_out, image)))

    def without(self, number: int) -> HandwritingSamples:
        """These samples without that drawing, 0 for the first."""
        return HandwritingSamples(self.examples[:number] + self.examples[number + 1 :])

    def images(self, like: DrawingInput = AS_MNIST) -> tuple[Bytes, Bytes]:
        """The drawings as input images like a dataset's, MNIST's unless given.

        Returns:
            uint8 (N, height, width), and uint8 labels, 0 to 9.
        """
        made = [
            one.image if like == AS_MNIST else from_strokes(one.strokes, like=like)
            for one in self.examples
        ]
        labels = np.array([example.digit for example in self.examples], np.uint8)
        return np.array(made, np.uint8).reshape(-1, *like.shape), labels

    def variations(
        self, count: int, seed: int, like: DrawingInput = AS_MNIST
    ) -> tuple[Bytes, Bytes]:
        """Input images of the drawings in turn, each varied at random.

        Args:
            count: how many.
            seed: 0 or more; the same seed gives the same images.
            like: as in `images`.

        Returns:
            uint8 (count, height, width), and uint8 labels, 0 to 9; none where there is no drawing.
        """
        random = np.random.default_rng([seed, count])
        turns = [self.examples[i % len(self)] for i in range(count if self.examples else 0)]
        images = np.zeros((len(turns), *like.shape), np.uint8)
        for image, example in zip(images, turns, strict=True):
            strokes = synthetic.varied(example.strokes, random)
            image[:] = from_strokes(
                strokes, like.pen_width / PEN_WIDTH * synthetic.pen_width(random), like=like
            )
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
        """The samples in that text.

        Raises:
            SamplesError: it is not a file of drawings, or one of the drawings cannot be taken.
        """
        if len(text) > MAX_FILE_BYTES:
            raise SamplesError(
                f"A file of drawings has up to {MAX_FILE_BYTES:,} bytes. Received: {len(text):,}"
            )
        try:
            file = _FILE.validate_json(text)
        except pydantic.ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"][:4]))
            # Of a file that is no JSON it helps nobody to know at which character.
            why = f": {where}: {fault['msg']}" if where else ""
            raise SamplesError(
                f"This is not a file of drawings, as the page Draw exports it{why}"
            ) from None
        samples = HandwritingSamples()
        for number, one in enumerate(file.drawings, start=1):
            try:
                samples = samples.added(
                    one.digit, [np.array(s).reshape(-1, 2) for s in one.strokes], one.held_out
                )
            except SamplesError as error:
                raise SamplesError(f"Drawing {number} of the file: {error}") from None
        return cls(samples.examples)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The samples in that file.

        Raises:
            SamplesError: it is not a file of drawings.
            OSError: it cannot be read.
        """
        try:
            return cls.from_json(files.read(path, MAX_FILE_BYTES))
        except ValueError as error:
            raise SamplesError(f"{path}: {error}") from None

    def save(self, path: Path) -> None:
        """Replaces the file, atomically.

        Raises:
            OSError: it cannot be written; the old one is still there.
        """
        files.write_atomic(path, self.to_json().encode())
