"""What a cross-validation leaves in its run's folder, `out_of_sample.npz`, and how it is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from digitcore import files, runs
from digitcore.analysis import label_errors
from digitcore.datasets import Dataset
from digitcore.runs import Run, RunBrokenError, RunStateError
from digitcore.runs.probabilities import fault

FILE = "out_of_sample.npz"
VERSION = 1
SplitName = Literal["test", "training"]
SPLITS: tuple[SplitName, ...] = ("test", "training")
_NUMBERS = ("count", "done", "training_errors", "test_errors")
_ARRAYS = ("folds", "training_table", "test_table", "training_quality", "test_quality")
_MOST_BYTES = 300_000_000


@dataclass(frozen=True)
class OutOfSample:
    """Probabilities of images by networks that did not learn from them.

    Attributes:
        data_checksum: SHA-256 (hex) of the dataset.
        count, done: how many folds there are, and how many of them are done.
        training_errors, test_errors: `label_errors.estimated_errors`; 0 until all folds are done.
        folds: int8 (T,), which fold holds each training image back.
        training_table: float32 (T, classes), of the dataset's training images in their order; zeros for a
            fold that is not done.
        test_table: float32 (N, classes), of its test images: the sum over the folds that are done, each
            divided by `count`, so the mean when all are.
        training_quality, test_quality: float64 (T,) and (N,), `label_errors.quality`; empty until
            then.
    """

    data_checksum: str
    count: int
    done: int
    training_errors: int
    test_errors: int
    folds: np.ndarray
    training_table: np.ndarray
    test_table: np.ndarray
    training_quality: np.ndarray
    test_quality: np.ndarray

    @property
    def is_whole(self) -> bool:
        """Whether all folds are done and the images are ranked."""
        return self.done == self.count and len(self.training_quality) == len(self.training_table)

    def table(self, split: SplitName) -> np.ndarray:
        """Probabilities of the test or the training images."""
        return self.test_table if split == "test" else self.training_table

    def quality(self, split: SplitName) -> np.ndarray:
        """Label quality of the test or the training images."""
        return self.test_quality if split == "test" else self.training_quality

    def errors(self, split: SplitName) -> int:
        """About how many of the test or the training labels are wrong."""
        return self.test_errors if split == "test" else self.training_errors


class Newest(NamedTuple):
    """A cross-validation that is done, and its run."""

    run: Run
    out_of_sample: OutOfSample


def begun(dataset: Dataset, count: int, seed: int) -> OutOfSample:
    """What there is before the first fold: the images are dealt into folds, class by class."""
    _, labels = training_images(dataset)
    classes, none = dataset.info.class_count, np.empty(0, np.float64)
    return OutOfSample(
        dataset.checksum,
        count,
        0,
        0,
        0,
        dealt(labels, count, seed),
        np.zeros((len(labels), classes), np.float32),
        np.zeros((len(dataset.test), classes), np.float32),
        none,
        none,
    )


def dealt(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """A fold for each image, int8 (N,), 0 to below `count`: at random, each class evenly.

    At random, because a dataset's order may be periodic, so that a fold would hold a class back.
    """
    mixed = np.random.default_rng(seed).permutation(len(labels))
    order = mixed[np.argsort(labels[mixed], kind="stable")]
    folds = np.empty(len(labels), np.int8)
    folds[order] = np.arange(len(labels)) % count
    return folds


def training_images(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels that the recipe trains and validates on, in the dataset's order."""
    splits = (dataset.train, dataset.validation)
    images = np.concatenate([split.images for split in splits])
    return images, np.concatenate([split.labels for split in splits])


@dataclass(frozen=True)
class Suspect:
    """An image whose label may be wrong.

    Attributes:
        split: "test" or "training".
        index: its place there, in the dataset's order.
        given: its label.
        suggested: the class that is likeliest among the others.
        quality: how well the label fits, 0 to 1, `label_errors.quality`.
    """

    split: SplitName
    index: int
    given: int
    suggested: int
    quality: float


def labels_of(split: SplitName, dataset: Dataset) -> np.ndarray:
    """The given labels, uint8 (N,), in the order of that split of `OutOfSample`."""
    return dataset.test.labels if split == "test" else training_images(dataset)[1]


def image_of(suspect: Suspect, dataset: Dataset) -> np.ndarray:
    """The suspect's image, uint8 (height, width)."""
    if suspect.split == "test":
        return np.asarray(dataset.test.images[suspect.index])
    behind = suspect.index - len(dataset.train)
    images, index = (
        (dataset.train.images, suspect.index) if behind < 0 else (dataset.validation.images, behind)
    )
    return np.asarray(images[index])


def suspects(unseen: OutOfSample, split: SplitName, labels: np.ndarray, most: int) -> list[Suspect]:
    """The images whose label fits the least, the most suspect first.

    Args:
        unseen: a cross-validation that is done.
        split: "test" or "training".
        labels: as `labels_of` gives them.
        most: how many, fewer where there are fewer.
    """
    quality = unseen.quality(split)
    listed = label_errors.suspects(quality, most)
    others = np.array(unseen.table(split)[listed])
    others[np.arange(len(listed)), labels[listed]] = -1
    return [
        Suspect(split, int(index), int(labels[index]), int(other), float(quality[index]))
        for index, other in zip(listed, others.argmax(axis=1), strict=True)
    ]


def write(run: Run, unseen: OutOfSample) -> None:
    """Replaces the file.

    Raises:
        OSError: it cannot be written.
    """
    arrays: dict[str, Any] = vars(unseen)
    files.replace(run.path / FILE, lambda path: np.savez(path, version=VERSION, **arrays))


def read(run: Run) -> OutOfSample | None:
    """What the run has so far, read-only; None if nothing.

    Raises:
        RunError: the file is damaged, or of a later version.
    """
    try:
        arrays = files.read_arrays(run.path / FILE, _MOST_BYTES)
        if arrays["version"] != VERSION:
            raise ValueError(f"it is of version {arrays['version']}, not {VERSION}")
        values: dict[str, Any] = {name: int(arrays[name]) for name in _NUMBERS}
        values |= {name: arrays[name] for name in _ARRAYS}
        unseen = OutOfSample(data_checksum=str(arrays["data_checksum"]), **values)
        _check(unseen, run.recipe.info.class_count)
    except FileNotFoundError:
        return None
    except runs.RunError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy each have errors of their own
        raise RunBrokenError(f"{FILE} of run {run.id} cannot be used: {error}") from None
    for name in _ARRAYS:
        getattr(unseen, name).flags.writeable = False
    return unseen


def check_images(run: Run, unseen: OutOfSample, dataset: Dataset) -> None:
    """Refuses other images than those that the cross-validation was begun with.

    Raises:
        RunError: they are others, or the file is not of as many.
    """
    if unseen.data_checksum != dataset.checksum:
        raise RunStateError(
            f"The images of {run.id} are not those on this machine. Received: {dataset.source}"
        )
    counts = {"test": len(dataset.test), "training": len(dataset.train) + len(dataset.validation)}
    for split in SPLITS:
        if len(unseen.table(split)) != counts[split]:
            raise RunBrokenError(
                f"{FILE} of run {run.id} must be of {counts[split]:,} {split} images. "
                f"Received: {len(unseen.table(split)):,}"
            )


def is_there(run: Run) -> bool:
    """Whether the run is a cross-validation that has left something."""
    return Path(run.path / FILE).exists()


def newest(
    dataset: str, checksum: str, load: Callable[[Run], OutOfSample | None] = read
) -> Newest | None:
    """The newest cross-validation of that dataset that is done; a damaged one is passed over.

    Args:
        dataset: its name.
        checksum: of the images.
        load: reads a run's file; a page's cache, for instance.
    """
    for run, state in runs.list_states():
        if state.status != "finished" or not is_there(run):
            continue
        try:
            unseen = load(run) if run.recipe.dataset == dataset else None
        except runs.RunError:
            continue
        if unseen and unseen.is_whole and unseen.data_checksum == checksum:
            return Newest(run, unseen)
    return None


def _check(unseen: OutOfSample, classes: int) -> None:
    if not 2 <= unseen.count <= 20 or not 0 <= unseen.done <= unseen.count:
        raise ValueError(f"count and done do not fit together: {unseen.count} and {unseen.done}")
    folds = unseen.folds
    if folds.dtype != np.int8 or not ((folds >= 0) & (folds < unseen.count)).all():
        raise ValueError("folds must be int8, below count")
    if unseen.training_table.shape != (*folds.shape, classes) or unseen.test_table.shape[1:] != (
        classes,
    ):
        raise ValueError(
            f"training and test must have {classes} columns, and training a fold a row"
        )
    if unseen.done < unseen.count:
        if len(unseen.training_quality) or len(unseen.test_quality):
            raise ValueError("images are ranked when all folds are done")
        _check_table("training", unseen.training_table[folds < unseen.done], classes)
        return
    for split in SPLITS:
        table, quality = unseen.table(split), unseen.quality(split)
        _check_table(split, table, classes)
        if quality.dtype != np.float64 or quality.shape != (len(table),):
            raise ValueError(f"{split}_quality must be float64, one for each image")
        if not ((quality >= 0) & (quality <= 1)).all():
            raise ValueError(f"{split}_quality must be from 0 to 1")
        if not 0 <= unseen.errors(split) <= len(table):
            raise ValueError(f"{split}_errors must be a number of images")


def _check_table(name: str, table: np.ndarray, classes: int) -> None:
    if len(table) and (reason := fault(table, classes)):
        raise ValueError(f"{name} {reason}")
