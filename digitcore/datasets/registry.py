"""All datasets by their names: those of `catalogue`, and what a program registers.

A new one is one entry, a `DatasetInfo`; recipes, training, pages and the command line take all
that they need to know of a dataset from it.
"""

from __future__ import annotations

import reprlib

from digitcore.datasets.catalogue import DATASETS
from digitcore.datasets.info import DatasetInfo, RemoteFile, Source
from digitcore.drawing.input_image import AS_MNIST, DrawingInput

__all__ = [
    "DatasetInfo",
    "DrawingInput",
    "RemoteFile",
    "Source",
    "get",
    "names",
    "register",
    "unregister",
]

_registered: dict[str, DatasetInfo] = {info.name: info for info in DATASETS}


def register(info: DatasetInfo) -> DatasetInfo:
    """Makes a dataset known to recipes, pages and the command line of this process.

    Raises:
        ValueError: another dataset has its name, it has fewer than 2 or more than 255 classes, or
            drawings would not be like its images.
    """
    if not 2 <= info.class_count <= 255:
        raise ValueError(f"A dataset has 2 to 255 classes. Received: {info.class_count}")
    if info.drawing and info.drawing.shape != info.image_shape:
        raise ValueError(
            "A drawing becomes an image of the dataset's shape. "
            f"Received: {info.drawing.shape} for {info.image_shape}"
        )
    if info.synthetic_handwriting and info.drawing != AS_MNIST:
        raise ValueError(
            "Synthetic handwriting is drawn as MNIST's digits are, so a dataset with it has drawings "
            f"like these. Received: {info.drawing}"
        )
    if _registered.setdefault(info.name, info) != info:
        raise ValueError(f"A dataset's name is its own. Received a second {info.name}")
    return info


def unregister(name: str) -> None:
    """Forgets a dataset; recipes that name it are no longer valid in this process."""
    _registered.pop(name, None)


def get(name: str) -> DatasetInfo:
    """The dataset of that name.

    Raises:
        ValueError: there is none.
    """
    try:
        return _registered[name]
    except KeyError:
        told = name if name.isprintable() and 0 < len(name) <= 60 else reprlib.repr(name)
        raise ValueError(
            f"A dataset is one of {', '.join(_registered)}. Received: {told}"
        ) from None


def names() -> list[str]:
    """The names of all datasets, in the order in which a person is offered them."""
    return list(_registered)
