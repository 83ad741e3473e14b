"""What there is to learn from, and how it comes to this machine: start with `registry`.

DataError (OSError)   a file is missing, broken, or does not hold the dataset
"""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule
from digitcore.datasets.formats import DataError
from digitcore.datasets.info import DatasetInfo
from digitcore.datasets.load import (
    Dataset,
    Split,
    available,
    describe,
    fetch,
    load_dataset,
    reachable,
    split_sizes,
    substitute,
)
from digitcore.datasets.locate import VARIABLE

__all__ = [
    "VARIABLE",
    "DataError",
    "Dataset",
    "DatasetInfo",
    "Split",
    "available",
    "describe",
    "fetch",
    "load_dataset",
    "reachable",
    "split_sizes",
    "substitute",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return submodule(__name__, name)
