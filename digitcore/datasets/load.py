"""A dataset by its name, cut into its splits.

Where MNIST cannot be had, the small digits that scikit-learn carries take its place, and
`Dataset.notice` says so.

    DataError (OSError)   a file is missing, broken, or does not hold the dataset
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from digitcore.datasets import formats, locate, registry
from digitcore.datasets.formats import Bytes, DataError
from digitcore.datasets.info import DatasetInfo
from digitcore.datasets.locate import VARIABLE, Located, Progress

__all__ = [
    "DataError",
    "Dataset",
    "Split",
    "available",
    "describe",
    "fetch",
    "load_dataset",
    "reachable",
    "split_sizes",
    "substitute",
]


@dataclass(frozen=True)
class Split:
    """Images and what they show, in the same order; both arrays are read-only.

    Attributes:
        images: uint8 (N, height, width), 0 to 255, white on black.
        labels: uint8 (N,), below the number of classes.
    """

    images: Bytes
    labels: Bytes

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Its splits, where they came from, and what a person should know of them.

    Attributes:
        name: the registry's name, or "digits" where scikit-learn's take MNIST's place.
        train: what a network learns from.
        validation: what choices are made on.
        test: what is only reported.
        source: where the files were, in words.
        checksum: SHA-256 (hex) of all pixels and labels of train, validation and test, whatever
            the file format.
        notice: None for the dataset itself; else what these images are, and how to get others.
        exam: a further split that a run is examined on once; None where there is none.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    source: str
    checksum: str
    notice: str | None
    exam: Split | None = None

    @property
    def info(self) -> DatasetInfo:
        """What the registry knows of it: names of its classes, image shape."""
        return registry.get(self.name)


def load_dataset(
    name: str = "mnist",
    *,
    validation_split: float = 0.1,
    training_images: int = 60_000,
    download: bool = True,
    progress: Progress | None = None,
) -> Dataset:
    """The dataset of that name, cut into the same splits every time.

    Example:
        `load_dataset("mnist").train.images` is uint8 (54000, 28, 28).

    Args:
        name: one of `registry.names()`.
        validation_split: fraction of the training images that becomes the validation split, the
            last ones; above 0 and below 1. MNIST keeps a writer's digits together, so that
            validation is by other writers than training, as test is.
        training_images: how many of the dataset's training images are used, the
            first ones, 2 or more; all of them where there are fewer.
        download: whether missing files may be downloaded.
        progress: called with the bytes received and the total; starts over when a server
            fails and the next one is tried.

    Raises:
        ValueError: an argument is out of bounds, or no dataset has that name.
        DataError: DIGITCORE_DATA_DIR is set, and a part of the dataset is missing or broken
            there; or it cannot be had and nothing takes its place.
    """
    info = registry.get(name)
    if not 0 < validation_split < 1:
        raise ValueError(f"validation_split is above 0 and below 1. Received: {validation_split}")
    if training_images < 2:
        raise ValueError(f"training_images is 2 or more. Received: {training_images}")

    located = locate.locate(info, download, progress or (lambda done, total: None))
    images, labels = located.contents.train_images, located.contents.train_labels
    cut, validation = split_sizes(len(labels), training_images, validation_split)
    used = cut + validation
    return Dataset(
        name=info.substitute if located.obstacle else name,
        train=Split(images[:cut], labels[:cut]),
        validation=Split(images[cut:used], labels[cut:used]),
        test=Split(located.contents.test_images, located.contents.test_labels),
        source=located.source,
        checksum=located.contents.checksum,
        notice=_notice(info, located),
        exam=Split(*located.exam) if located.exam else None,
    )


def split_sizes(available: int, training_images: int, validation_split: float) -> tuple[int, int]:
    """How many of a dataset's training images are trained on, and how many validate.

    The first ones are trained on and those right after them validate; each count is 1 or more.

    Args:
        available: training images that the dataset has, 2 or more.
        training_images, validation_split: as in `load_dataset`.
    """
    used = min(training_images, available)
    validation = min(max(1, round(used * validation_split)), used - 1)
    return used - validation, validation


def available(name: str = "mnist") -> str | None:
    """The folder that the dataset would be read from now, or None if it must be downloaded.

    Looks at names and sizes, hardly inside the files, so it is quick.

    Raises:
        ValueError: no dataset has that name.
        DataError: DIGITCORE_DATA_DIR is set, and lacks a part of the dataset.
    """
    return locate.folder(registry.get(name))


def substitute(name: str) -> DatasetInfo | None:
    """The dataset that is trained on in place of that one where it cannot be had; None for most."""
    instead = registry.get(name).substitute
    return registry.get(instead) if instead else None


def reachable(name: str) -> bool:
    """Whether a server that has the dataset answers; it takes seconds where there is no network.

    Raises:
        ValueError: no dataset has that name.
    """
    from digitcore.datasets import request  # pages that find their images need none of it

    files = [source[0] for source in registry.get(name).sources]
    return any(request.answers(url) for file in files for url in file.urls)


def fetch(progress: Progress | None = None, name: str = "mnist") -> None:
    """Downloads the dataset to where `load_dataset` finds it, unless it is there.

    Args:
        progress: as in `load_dataset`.
        name: one of `registry.names()`.

    Raises:
        OSError: no server has given it, or there is no room for it; the message says why.
    """
    locate.fetch(registry.get(name), progress or (lambda done, total: None))


def describe(dataset: Dataset) -> dict[str, Any]:
    """What `dataset` is, in plain values; `per_class` counts each split's labels, in the order
    of `classes`."""
    info = dataset.info
    splits = {
        "train": dataset.train,
        "validation": dataset.validation,
        "test": dataset.test,
        "exam": dataset.exam,
    }
    return {
        "name": dataset.name,
        "title": info.title,
        "classes": list(info.classes),
        "image_shape": list(info.image_shape),
        "licence": info.licence,
        "source": dataset.source,
        "checksum": dataset.checksum,
        "notice": dataset.notice,
        "splits": {
            name: {
                "images": len(split),
                "per_class": np.bincount(split.labels, minlength=info.class_count).tolist(),
            }
            for name, split in splits.items()
            if split is not None
        },
    }


def _notice(info: DatasetInfo, located: Located) -> str | None:
    if located.obstacle:
        count = len(located.contents.train_labels) + len(located.contents.test_labels)
        return (
            f"These are not {info.title}'s images but the {count:,} small digits that "
            f"scikit-learn carries, enlarged, because {located.obstacle}. For {info.title}, go "
            f"online and load the data again, or set {VARIABLE} to a folder that has "
            f"{formats.npz_name(info)}."
        )
    if info.checksum and located.contents.checksum != info.checksum:
        return (
            f"These images are not {info.title}'s: the files from {located.source} hold others. For "
            f"{info.title}, set {VARIABLE} to a folder that has it, or remove those files and "
            f"unset {VARIABLE} to download it."
        )
    return None
