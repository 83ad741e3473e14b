"""What there is to learn from, and how it comes to this machine.

DataError (OSError)   a file is missing, broken, or does not hold digits
"""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule
from digitcore.datasets.formats import DataError
from digitcore.datasets.load import (
    VARIABLE,
    Dataset,
    Split,
    available,
    describe,
    fetch,
    load_dataset,
)

__all__ = [
    "VARIABLE",
    "DataError",
    "Dataset",
    "Split",
    "available",
    "describe",
    "fetch",
    "load_dataset",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return submodule(__name__, name)
