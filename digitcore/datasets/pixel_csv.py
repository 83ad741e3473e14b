"""Images as lines of a CSV file, as Kaggle's digit recognizer has them.

The first line names the columns: `pixel0`, `pixel1` and so on, row by row from the top left, and for
labelled images `label` before them. Each other line is an image, its pixels 0 (black) to 255 (white).
"""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitcore.datasets.formats import MOST_BYTES, DataError

SUFFIXES = (".csv", ".csv.gz")
_LINES_AT_ONCE = 2000


class PixelTable(NamedTuple):
    """Images, uint8 (N, height, width), and their labels, uint8 (N,), or None where there are none."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None


def is_pixel_csv(path: str | Path) -> bool:
    """Whether the file's name says that it is such a file."""
    return str(path).lower().endswith(SUFFIXES)


def read(path: Path, shape: tuple[int, int], classes: int) -> PixelTable:
    """Reads the images of a CSV file, plain or gzip.

    Args:
        path: `.csv` or `.csv.gz`, up to 1 GB unpacked.
        shape: height and width of an image.
        classes: labels are 0 to below this.

    Raises:
        DataError: it is no such file, or a line of it is not as above; the message names the line.
        OSError: it cannot be read.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            return _read(file, path, shape, classes)
    except (UnicodeDecodeError, csv.Error, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is no CSV file: {error}") from None


def _read(file: IO[str], path: Path, shape: tuple[int, int], classes: int) -> PixelTable:
    rows = csv.reader(file)
    names = [name.strip().lower() for name in next(rows, [])]
    labelled = names[:1] == ["label"]
    pixels = shape[0] * shape[1]
    if names[labelled:] != [f"pixel{number}" for number in range(pixels)]:
        raise DataError(
            f"The first line of {path} names the columns pixel0 to pixel{pixels - 1}, and label before "
            f"them if there are labels. Received: {len(names)} columns, {', '.join(names[:3])}…"
        )
    blocks: list[NDArray[np.uint8]] = []
    lines: list[list[str]] = []
    size = 0
    for row in rows:
        if not row:  # an empty line
            continue
        lines.append(row)
        size += pixels
        if size > MOST_BYTES:
            raise DataError(f"{path} has more than {MOST_BYTES // 10**9} GB of images.")
        if len(lines) == _LINES_AT_ONCE:
            blocks.append(_numbers(lines, len(names), rows.line_num, path))
            lines = []
    blocks.append(_numbers(lines, len(names), rows.line_num, path))
    values = np.concatenate(blocks)
    if not len(values):
        raise DataError(f"{path} holds no image: there is no line after the first.")
    labels = values[:, 0] if labelled else None
    if labels is not None and labels.max() >= classes:
        raise DataError(
            f"Labels in {path} are 0 to {classes - 1}. "
            f"Received: {labels.max()} for image {int(labels.argmax()) + 1}"
        )
    return PixelTable(values[:, int(labelled) :].reshape(-1, *shape), labels)


def _numbers(lines: list[list[str]], columns: int, last: int, path: Path) -> NDArray[np.uint8]:
    """The lines as numbers 0 to 255, (lines, columns); `last` is the last one's line number."""
    try:
        numbers = np.array(lines, dtype=np.float64).reshape(len(lines), columns)
        if not len(lines) or (
            ((numbers >= 0) & (numbers <= 255)).all() and not (numbers % 1).any()
        ):
            return numbers.astype(np.uint8)
    except ValueError:
        pass
    for place, line in enumerate(lines):
        wrong = [value for value in line if not (value.strip().isdecimal() and int(value) <= 255)]
        if len(line) != columns or wrong:
            what = f"{len(line)} of them" if len(line) != columns else repr(wrong[0][:40])
            raise DataError(
                f"An image in {path} is {columns} whole numbers from 0 to 255. "
                f"Received: {what}, near line {last - len(lines) + 1 + place}"
            )
    raise DataError(f"An image in {path} is {columns} whole numbers from 0 to 255.")
