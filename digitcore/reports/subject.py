"""A run of which a report tells, with the images that it was measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitcore.datasets import Dataset
from digitcore.runs import Metrics, Run, RunStateError


@dataclass(frozen=True)
class Subject:
    """A run of which a report tells.

    Attributes:
        run: it has ended.
        dataset: what it was measured on, cut as its recipe says; None where that is not on this machine.
        others: runs that differ from it only in their seed.
        prefix: begins the names of its files, so that they differ from another run's.
    """

    run: Run
    dataset: Dataset | None
    others: Sequence[Run] = ()
    prefix: str = ""

    @property
    def metrics(self) -> Metrics:
        """Raises RunStateError where there are none yet."""
        metrics = self.run.metrics if self.run.status in ("finished", "stopped") else None
        if metrics is None:
            raise RunStateError(
                f"A report tells of runs that have ended. {self.run.id} is {self.run.status}."
            )
        return metrics

    @property
    def recipe_file(self) -> str:
        return f"{self.prefix}recipe.toml"

    @property
    def tables(self) -> dict[str, np.ndarray] | None:
        """The run's probabilities where the images are here that they are of."""
        dataset = self.dataset
        if dataset is None or self.metrics.data_checksum not in (None, dataset.checksum):
            return None
        try:
            tables = self.run.probabilities()
        except RunStateError:
            return None
        splits = {"test": dataset.test, "validation": dataset.validation}
        return tables if all(len(tables[k]) == len(one) for k, one in splits.items()) else None

    @property
    def name(self) -> str:
        """`fast · 31e8`: the run's name and the end of its id; one without another name by its id alone."""
        name = plain(self.run.name)
        return name if name == self.run.id else f"{name} · {self.run.id[-4:]}"


def plain(text: str) -> str:
    """A person's text without what no file can hold, such as half of a pair of surrogates."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
