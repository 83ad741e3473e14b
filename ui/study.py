"""What every view of Explore is shown: a run, one of its splits, and what it predicted there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digitcore.datasets import Split
from digitcore.runs import Run


@dataclass(frozen=True)
class Study:
    """A run on one of its splits. Arrays are shared with other sessions, and read-only.

    Attributes:
        run: the run.
        split_name: "test" or "validation".
        splits: images and labels of both.
        tables: the run's probabilities of both, float32 (N, classes).
        known_writers: of the splits whose writers are known, who wrote each image, int (N,).
    """

    run: Run
    split_name: str
    splits: Mapping[str, Split]
    tables: Mapping[str, np.ndarray]
    known_writers: Mapping[str, np.ndarray]

    @property
    def split(self) -> Split:
        return self.splits[self.split_name]

    @property
    def probabilities(self) -> np.ndarray:
        return self.tables[self.split_name]

    @property
    def writers(self) -> np.ndarray | None:
        return self.known_writers.get(self.split_name)

    @property
    def names(self) -> Sequence[str]:
        """Of the classes."""
        return self.run.recipe.info.classes
