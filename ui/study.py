"""What every view of Explore is shown: a run, one of its splits, what it predicted there, and what is selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from digitcore import runs
from digitcore.analysis import selection
from digitcore.analysis.selection import EVERYTHING, Images, Order, Selection
from digitcore.datasets import Split
from digitcore.runs import Run, RunError

MOST_OTHERS = 50


@dataclass(frozen=True)
class Study:
    """A run on one of its splits. Arrays are shared with other sessions, and read-only.

    Attributes:
        run: the run.
        split_name: "test" or "validation".
        splits: images and labels of both.
        tables: the run's probabilities of both, float32 (N, classes).
        known_writers: of the splits whose writers are known, who wrote each image, int (N,).
        images: what the selection asks of the split's images.
        selection: which of them are selected.
        order: of those.
    """

    run: Run
    split_name: str
    splits: Mapping[str, Split]
    tables: Mapping[str, np.ndarray]
    known_writers: Mapping[str, np.ndarray]
    images: Images
    selection: Selection = EVERYTHING
    order: Order = "in order"

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

    @cached_property
    def selected(self) -> np.ndarray:
        """Which images are selected, bool (N,)."""
        return self.selection.passes(self.images)

    @property
    def narrowed(self) -> bool:
        """Whether a person selected something, and not just errors, which are selected at first."""
        return self.selection.without({"only_errors"}) != EVERYTHING

    @cached_property
    def shown(self) -> np.ndarray:
        """Indices of the selected images in their order, int64 (K,)."""
        return selection.ordered(self.selected, self.images, self.order)

    @cached_property
    def others(self) -> list[Run]:
        """Other runs that predicted these images, the newest first, `MOST_OTHERS` at most."""
        same: list[Run] = []
        for run, state in runs.list_states():
            if run.id != self.run.id and state.status in ("finished", "stopped"):
                if self._saw_the_same(run):
                    same.append(run)
                if len(same) == MOST_OTHERS:
                    break
        return same

    def _saw_the_same(self, other: Run) -> bool:
        # As `comparable.check`, which reads each run's state again.
        try:
            recipe, own = other.recipe, self.run.recipe
            metrics, here = other.metrics, self.run.metrics
        except RunError:
            return False
        if not metrics or not here or metrics.data_checksum != here.data_checksum:
            return False
        if recipe.dataset != own.dataset or not (other.path / "probabilities.npz").exists():
            return False
        if self.split_name == "test":
            return True
        # The last training images validate, so a larger part of the same ones holds these.
        images = metrics.validation_images or 0
        return recipe.training_images == own.training_images and images >= len(self.split)
