"""The digits to learn from: MNIST, wherever it is, cut into three splits.

MNIST is looked for in DIGITCORE_DATA_DIR, then in the project's cache, then in
Keras's; then it is downloaded. Where it cannot be had, the small digits that
scikit-learn carries take its place, and `Dataset.notice` says so.

    DataError (OSError)   a file is missing, broken, or does not hold digits
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitcore.datasets import formats
from digitcore.datasets.formats import SIDE, Bytes, DataError, Digits

__all__ = ["DataError", "Dataset", "Split", "available", "describe", "load_dataset"]

Progress = Callable[[int, int], None]

VARIABLE = "DIGITCORE_DATA_DIR"
WAY_OUT = f"Put MNIST there, or unset {VARIABLE} to have it downloaded."
# Of the 60,000 and 10,000 original images and their labels; see `digit_files.freeze`.
MNIST_CHECKSUM = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
EMBEDDED_TEST_IMAGES = 400


@dataclass(frozen=True)
class Split:
    """Images and what they show, in the same order; both arrays are read-only.

    Attributes:
        images: uint8 (N, 28, 28), 0 to 255, white ink on black.
        labels: uint8 (N,), 0 to 9; 10 for what `handwriting` writes that is no digit.
    """

    images: Bytes
    labels: Bytes

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Three splits, where they came from, and what a person should know of them.

    Attributes:
        name: "mnist", or "digits" where scikit-learn's take its place.
        train: what a network learns from.
        validation: what choices are made on.
        test: what is only reported.
        source: where the files were, in words.
        checksum: SHA-256 (hex) of all pixels and labels, whatever the file format.
        notice: None for MNIST; else what these digits are, and how to get MNIST.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    source: str
    checksum: str
    notice: str | None


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
        `load_dataset().train.images` is uint8 (54000, 28, 28).

    Args:
        name: "mnist".
        validation_split: share of the training images that becomes the validation
            split, the last ones; above 0 and below 1. MNIST keeps a writer's digits together,
            so that validation shows other hands than training, as test does.
        training_images: how many of the dataset's training images are used, the
            first ones, 2 or more; all of them where there are fewer.
        download: whether the network may be used.
        progress: called with the bytes that have come and all that will; begins
            again if the first server fails and the mirror is asked.

    Raises:
        ValueError: an argument is out of bounds, or no dataset has that name.
        DataError: DIGITCORE_DATA_DIR is set, and no digits can be read there.
    """
    if name != "mnist":
        raise ValueError(f"The one dataset is mnist. Received: {name}")
    if not 0 < validation_split < 1:
        raise ValueError(f"validation_split is above 0 and below 1. Received: {validation_split}")
    if training_images < 2:
        raise ValueError(f"training_images is 2 or more. Received: {training_images}")

    digits, source, obstacle = _locate(download, progress or (lambda done, total: None))
    images, labels = digits.train_images, digits.train_labels
    used = min(training_images, len(labels))
    cut = used - min(max(1, round(used * validation_split)), used - 1)
    return Dataset(
        name="digits" if obstacle else name,
        train=Split(images[:cut], labels[:cut]),
        validation=Split(images[cut:used], labels[cut:used]),
        test=Split(digits.test_images, digits.test_labels),
        source=source,
        checksum=digits.checksum,
        notice=_notice(digits, source, obstacle),
    )


def available() -> str | None:
    """The folder that MNIST would be read from now, or None if it must be downloaded.

    Looks at names and sizes, hardly inside the files, so it is quick.

    Raises:
        DataError: DIGITCORE_DATA_DIR is set, and lacks the files.
    """
    folder = _own_folder()
    if folder:
        _own_files(folder)
        return str(folder)
    for folder in (_cache_folder(), _keras_folder()):
        files = _cached_files(folder)
        if files and all(map(formats.looks_whole, files)):
            return str(folder)
    return None


def fetch(progress: Progress | None = None) -> None:
    """Downloads MNIST to where `load_dataset` finds it, unless it is there.

    Args:
        progress: as of `load_dataset`.

    Raises:
        OSError: no server has given it, or there is no room for it; the message says why.
    """
    _download(_cache_folder(), progress or (lambda done, total: None))


def describe(dataset: Dataset) -> dict[str, Any]:
    """What `dataset` is, in plain values; `digits` counts each split's labels 0 to 9."""
    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    return {
        "name": dataset.name,
        "source": dataset.source,
        "checksum": dataset.checksum,
        "notice": dataset.notice,
        "splits": {
            name: {
                "images": len(split),
                "digits": np.bincount(split.labels, minlength=10).tolist(),
            }
            for name, split in splits.items()
        },
    }


def _notice(digits: Digits, source: str, obstacle: str | None) -> str | None:
    if obstacle:
        count = len(digits.train_labels) + len(digits.test_labels)
        return (
            f"These are not MNIST's digits but the {count:,} small ones that scikit-learn carries, "
            f"enlarged, because {obstacle}. For MNIST, go online and load the data again, "
            f"or set {VARIABLE} to a folder that has {formats.NPZ}."
        )
    if digits.checksum != MNIST_CHECKSUM:
        return (
            f"These digits are not MNIST's: the files from {source} hold others. For MNIST, "
            f"set {VARIABLE} to a folder that has it, or remove those files and unset "
            f"{VARIABLE} to download it."
        )
    return None


def _locate(download: bool, progress: Progress) -> tuple[Digits, str, str | None]:
    """Digits, their source in words, and what kept them from being MNIST, if anything."""
    own = _own_folder()
    if own:
        files = _own_files(own)
        try:
            return formats.read(files), str(own), None
        except DataError as error:
            raise DataError(f"{error}. {WAY_OUT}") from None
    cache, keras = _cache_folder(), _keras_folder()
    digits = _read_cached(cache, discard=True)
    if digits:
        return digits, str(cache), None
    digits = _read_cached(keras, discard=False)
    if digits:
        return digits, str(keras), None
    if not download:
        return _embedded(), "scikit-learn's digits", "a download was not asked for"
    try:
        return *_download(cache, progress), None
    except OSError as error:
        obstacle = f"MNIST could not be downloaded ({error})"
        return _embedded(), "scikit-learn's digits", obstacle


def _own_folder() -> Path | None:
    # An empty variable is an unset one, as shells have it.
    folder = os.environ.get(VARIABLE)
    return Path(os.path.expanduser(folder)).absolute() if folder else None


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("digitcore"))


def _keras_folder() -> Path:
    return Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"), "datasets")


def _own_files(folder: Path) -> tuple[Path, ...]:
    try:
        files = formats.find(folder)
    except DataError as error:
        raise DataError(f"{error}. {WAY_OUT}") from None
    except OSError as error:
        fault = f"{VARIABLE} is not a folder that can be read ({error.strerror})"
        raise DataError(f"{fault}: {folder}. {WAY_OUT}") from None
    if not files:
        raise DataError(f"{folder} has neither mnist.npz nor MNIST's four IDX files. {WAY_OUT}")
    return files


def _cached_files(folder: Path) -> tuple[Path, ...]:
    try:
        return formats.find(folder)
    except OSError:
        return ()


def _read_cached(folder: Path, *, discard: bool) -> Digits | None:
    """The digits in a cache; None where it has none or, maybe discarding them, broken ones."""
    files = _cached_files(folder)
    if not files:
        return None
    try:
        return formats.read(files)
    except DataError:
        if discard:
            for file in files:
                with suppress(OSError):
                    file.unlink()
        return None


def _download(cache: Path, progress: Progress) -> tuple[Digits, str]:
    """MNIST by way of the project's cache, and its source in words; OSError if it fails."""
    from digitcore.datasets import download

    def is_there() -> bool:
        return _read_cached(cache, discard=True) is not None

    host = download.fetch(download.SOURCES, cache, is_there, progress)
    digits = formats.read(formats.find(cache))
    return digits, f"download from {host}" if host else str(cache)


@functools.lru_cache(maxsize=1)
def _embedded() -> Digits:
    """The 1,797 digits of 8×8 pixels, 0 to 16, that scikit-learn carries (Alpaydin and
    Kaynak, 1998), in MNIST's look. The last 400 are the test split."""
    from PIL import Image
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    small = np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    images = np.zeros((len(small), SIDE, SIDE), np.uint8)
    for image, drawn in zip(images, small, strict=True):
        larger = Image.fromarray(drawn).resize((20, 20), Image.Resampling.BICUBIC)
        image[4:24, 4:24] = np.asarray(larger)
    labels = digits.astype(np.uint8)
    cut = len(labels) - EMBEDDED_TEST_IMAGES
    return formats.freeze(images[:cut], labels[:cut], images[cut:], labels[cut:])
