"""What commands print: accuracies, percentages, errors of one line, and bars on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from digitcore.analysis import written

Result = dict[str, Any]
# How this process was started, as a person types it.
PROGRAM = "digitcore" if Path(sys.argv[0]).stem == "digitcore" else "python -m digitcore"
_MOST_OF_A_LINE = 600


def accuracy(scores: Result, split: str) -> str:
    """The accuracy of that split with its interval; nothing where none is known."""
    fraction = scores.get(f"{split}_accuracy")
    return "" if fraction is None else written.accuracy(fraction, scores.get(f"{split}_interval"))


def table(rows: Iterable[Iterable[str]]) -> list[str]:
    """Lines with the cells of each column below each other, all but the first to the right."""
    cells = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def sentence(error: Exception) -> str:
    """What the error says, a file's name first where it is about a file."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def one_line(text: str) -> str:
    """The text on one line that steers no terminal; of a long one the middle is left out.

    So a message keeps its rule and its way out, whatever it quotes.
    """
    seen = (c if c.isprintable() or c.isspace() else ascii(c)[1:-1] for c in text)
    line = " ".join("".join(seen).split())
    half = _MOST_OF_A_LINE // 2
    return line if len(line) <= _MOST_OF_A_LINE else f"{line[:half]} … {line[-half:]}"


def to_json(result: Result) -> str:
    """One line of strict JSON, which has no NaN and no Infinity: they become null."""

    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: finite(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [finite(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(finite(result), allow_nan=False)


class DownloadBar:
    """A progress bar that appears only when something is downloaded."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=total, unit="B", unit_scale=True, file=sys.stderr, desc=self._title
            )
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._bar.close()
