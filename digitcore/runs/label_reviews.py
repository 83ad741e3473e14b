"""What people say of labels that may be wrong: a file per dataset in the models folder.

`models/.labels/<dataset>.jsonl` is only ever appended to, one line a review, and the last line about an
image counts. So two people who review at once lose nothing, a process that dies leaves at most half
a line, and a damaged line costs that line alone. A review belongs to the images with its checksum.
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pydantic

from digitcore import files
from digitcore.runs.claimable import LOCKS
from digitcore.runs.errors import told
from digitcore.runs.folder import models_dir

Verdict = Literal["keep", "change", "cannot tell", "none"]
SplitName = Literal["test", "training"]
FOLDER = ".labels"
COLUMNS = ("data_checksum", "split", "index", "given", "verdict", "label", "time")
MOST_BYTES = 20_000_000
_LOCK_SECONDS = 10

_Class = Annotated[int, pydantic.Field(ge=0, le=255)]


class LabelReviewError(ValueError):
    """Reviews cannot be read, or do not fit the dataset; the message says where and why."""


@dataclass(frozen=True)
class LabelReview:
    """What a person says of one label.

    Attributes:
        data_checksum: SHA-256 (hex) of the dataset.
        split: "test" or "training".
        index: the image's place there, in the dataset's order.
        given: its label in the dataset.
        verdict: "keep", "change", "cannot tell", or "none", which takes an earlier one back.
        label: what it is changed to; None unless it is.
        time: when, in seconds since 1970.
    """

    data_checksum: Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]
    split: SplitName
    index: Annotated[int, pydantic.Field(ge=0, le=10**9)]
    given: _Class
    verdict: Verdict
    label: _Class | None = None
    time: Annotated[float, pydantic.Field(ge=0, le=1e11)] = 0.0

    def __post_init__(self) -> None:
        if (self.verdict == "change") != (self.label is not None):
            raise ValueError("a label is there where the verdict is to change it, and only there")
        if self.label == self.given:
            raise ValueError("a label is changed to another one")

    @property
    def place(self) -> tuple[str, int]:
        """The split and the index, which tell the image."""
        return self.split, self.index

    @property
    def reviewed(self) -> int | None:
        """The label that the image has by it; None where nobody can tell."""
        return {"keep": self.given, "change": self.label}.get(self.verdict)


_REVIEW = pydantic.TypeAdapter(LabelReview)
Reviews = Mapping[tuple[str, int], LabelReview]


@dataclass(frozen=True)
class Read:
    """What a file of reviews says.

    Attributes:
        by_data: for each checksum of images, the review that counts of each image; not to be changed.
        damaged: lines that are no review, and are passed over.
    """

    by_data: Mapping[str, Reviews]
    damaged: int


def path_of(dataset: str) -> Path:
    """The file of that dataset's reviews; it need not be there."""
    return models_dir() / FOLDER / f"{dataset}.jsonl"


def read(dataset: str) -> Read:
    """All reviews of that dataset's labels.

    Raises:
        LabelReviewError: the file cannot be read, or is longer than 20 MB.
    """
    path = path_of(dataset)
    try:
        return files.remembered(path, _parsed)
    except FileNotFoundError:
        return Read({}, 0)
    except (OSError, ValueError) as error:
        raise LabelReviewError(f"The reviews in {path} cannot be read: {error}") from None


def of(dataset: str, data_checksum: str) -> Reviews:
    """The review of each image that has one, by split and index, on images with that checksum.

    Raises:
        LabelReviewError: as `read`.
    """
    return read(dataset).by_data.get(data_checksum, {})


def labels(reviews: Reviews, split: str) -> dict[int, int | None]:
    """From an index of that split to its label by its review; None where nobody can tell."""
    return {one.index: one.reviewed for one in reviews.values() if one.split == split}


def add(dataset: str, reviews: Iterable[LabelReview]) -> None:
    """Appends reviews, with the time now where they have none.

    Raises:
        OSError: the file cannot be written, as on a full disk; earlier reviews stay.
        LabelReviewError: it would be longer than 20 MB.
    """
    timed = [replace(one, time=one.time or round(time.time(), 3)) for one in reviews]
    lines = b"".join(json.dumps(asdict(one)).encode() + b"\n" for one in timed)
    path = path_of(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = files.lock(models_dir() / LOCKS / f".labels-{dataset}", _LOCK_SECONDS)
    with lock, open(path, "a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size + len(lines) > MOST_BYTES:
            raise LabelReviewError(f"{path} holds at most {MOST_BYTES:,} bytes of reviews.")
        if size:
            file.seek(size - 1)
            # A process that died may have left half a line.
            lines = lines if file.read(1) == b"\n" else b"\n" + lines
        _write_all(file, lines)
        os.fsync(file.fileno())


def _write_all(file: io.FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]


def _parsed(path: Path) -> Read:
    by_data: dict[str, dict[tuple[str, int], LabelReview]] = {}
    damaged = 0
    for line in files.read(path, MOST_BYTES).split(b"\n"):
        if not line.strip():
            continue
        try:
            one = _REVIEW.validate_json(line)
        except ValueError:
            damaged += 1
            continue
        known = by_data.setdefault(one.data_checksum, {})
        known.pop(one.place, None)
        if one.verdict != "none":
            known[one.place] = one
    return Read(by_data, damaged)


def to_csv(reviews: Reviews) -> str:
    """Reviews as CSV, in the order of split and index; `from_csv` reads it back."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(reviews[place]) for place in sorted(reviews))
    return text.getvalue()


def from_csv(
    data: bytes, data_checksum: str, given: Mapping[SplitName, np.ndarray], classes: int
) -> list[LabelReview]:
    """Reviews from CSV, all of them or none.

    Args:
        data: the file, UTF-8.
        data_checksum: of the images here.
        given: the labels of "test" and "training", in the dataset's order.
        classes: how many the dataset has.

    Raises:
        LabelReviewError: a line is no review, or of other images; the message names the line.
    """
    if len(data) > MOST_BYTES:
        raise LabelReviewError(f"A file of reviews has at most {MOST_BYTES:,} bytes.")
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise LabelReviewError(
                f"A file of reviews has the columns {', '.join(COLUMNS)}. "
                f"Received: {', '.join(map(str, rows.fieldnames or ()))[:200] or 'none'}"
            )
        return [
            _row(row, number, data_checksum, given, classes)
            for number, row in enumerate(rows, start=2)
        ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelReviewError(f"A file of reviews is CSV in UTF-8. Received: {error}") from None


def _row(
    row: dict[str, str],
    number: int,
    data_checksum: str,
    given: Mapping[SplitName, np.ndarray],
    classes: int,
) -> LabelReview:
    where = f"Line {number} of the file of reviews"
    try:
        one = _REVIEW.validate_python({**row, "label": row["label"] or None})
    except pydantic.ValidationError as error:
        raise LabelReviewError(f"{where} is no review: {told(error)}") from None
    if one.data_checksum != data_checksum:
        raise LabelReviewError(f"{where} is of other images than those on this machine.")
    those = given[one.split]
    if one.index >= len(those) or int(those[one.index]) != one.given:
        raise LabelReviewError(
            f"{where} names an image that this dataset lacks, or another label of it: "
            f"{one.split} {one.index}, {one.given}"
        )
    if one.label is not None and one.label >= classes:
        raise LabelReviewError(f"{where} changes a label to none of {classes} classes: {one.label}")
    return one
