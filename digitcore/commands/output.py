"""What commands print: accuracies, percentages, and bars on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

Result = dict[str, Any]
# How this process was started, as a person types it.
PROGRAM = "digitcore" if Path(sys.argv[0]).stem == "digitcore" else "python -m digitcore"


def accuracy(scores: Result, split: str) -> str:
    low, high = scores[f"{split}_interval"]
    return f"{percent(scores[f'{split}_accuracy'])} ({low:.2%}–{high:.2%})"


def percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{fraction:.2%}"


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
