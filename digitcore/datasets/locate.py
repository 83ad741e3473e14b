"""Where a dataset's files are: DIGITCORE_DATA_DIR, the project's cache, Keras's, or a download.

DIGITCORE_DATA_DIR has a subfolder for each dataset, by its name; MNIST's files may also lie in
it directly. The caches are the same, except that the project's has always held MNIST's directly.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from digitcore.datasets import formats, registry
from digitcore.datasets.formats import Bytes, Contents, DataError
from digitcore.datasets.info import DatasetInfo

Progress = Callable[[int, int], None]

VARIABLE = "DIGITCORE_DATA_DIR"
EMBEDDED_TEST_IMAGES = 400
# What its files are put into directly, and not into a subfolder of its name.
_WITHOUT_FOLDER = "mnist"


class Located(NamedTuple):
    """What was found of a dataset.

    Attributes:
        contents: its images and labels, or those of its substitute.
        exam: images and labels of its `exam` split; None where it has none.
        source: where the files were, in words.
        obstacle: why these are its substitute's; empty if they are not.
    """

    contents: Contents
    exam: tuple[Bytes, Bytes] | None
    source: str
    obstacle: str


def locate(info: DatasetInfo, download: bool, progress: Progress) -> Located:
    """The dataset, wherever it is; downloaded if it may be.

    Raises:
        DataError: DIGITCORE_DATA_DIR lacks a part of it, or it cannot be downloaded and nothing
            takes its place.
    """
    if info.embedded:
        return Located(embedded(), None, f"{info.title}, installed", "")
    if info.base:
        base = locate(registry.get(info.base), download, progress)
        if base.obstacle:
            raise DataError(
                f"{info.title} needs {registry.get(info.base).title}: {base.obstacle}. {way_out(info)}"
            )
    try:
        files, source = _files(info, download, progress)
    except _MissingError as error:
        if not info.substitute:
            raise DataError(
                f"{error}. Download it, or put its files into the folder {info.name} of the one "
                f"that {VARIABLE} names."
            ) from None
        return Located(embedded(), None, registry.get(info.substitute).title, str(error))
    try:
        if info.base:
            return Located(base.contents, formats.read_exam(files, info), source, "")
        return Located(formats.read(files, info), None, source, "")
    except DataError as error:
        raise DataError(f"{error}. {way_out(info)}") from None


def folder(info: DatasetInfo) -> str | None:
    """The folder that the dataset would be read from now, or None if it must be downloaded.

    Looks at names and sizes, hardly inside the files, so it is quick.

    Raises:
        DataError: DIGITCORE_DATA_DIR is set, and lacks a part of the dataset.
    """
    if info.embedded:
        return "scikit-learn"
    if info.base and folder(registry.get(info.base)) is None:
        return None
    if files := _own_files(info):
        return str(files[0].parent)
    for place in (_cache(info), _keras(info)):
        files = _cached_files(place, info)
        if files and all(map(formats.looks_whole, files)):
            return str(place)
    return None


def fetch(info: DatasetInfo, progress: Progress) -> None:
    """Downloads the dataset to where `locate` finds it, unless it is there.

    Raises:
        OSError: no server has given it, or there is no room for it; the message says why.
    """
    if info.base and folder(registry.get(info.base)) is None:
        fetch(registry.get(info.base), progress)
    if info.sources:
        _download(info, progress)


def way_out(info: DatasetInfo) -> str:
    """What a person can do where the dataset cannot be read, in a sentence."""
    return f"Put {info.title} there, or unset {VARIABLE} to have it downloaded."


class _MissingError(DataError):
    """The dataset is not on this machine; the message says why not, without a way out."""


def _files(info: DatasetInfo, download: bool, progress: Progress) -> tuple[tuple[Path, ...], str]:
    """Its files, and in words where they are.

    Raises:
        DataError: DIGITCORE_DATA_DIR lacks a part of it, or it is nowhere.
    """
    if files := _own_files(info):
        return files, str(files[0].parent)
    for place in (_cache(info), _keras(info)):
        if files := _readable(place, info, discard=place == _cache(info)):
            return files, str(place)
    if not download:
        raise _MissingError(f"{info.title} is not on this machine yet")
    if not info.sources:
        raise _MissingError(f"{info.title} could not be downloaded (no server is known for it)")
    try:
        return _download(info, progress)
    except OSError as error:
        raise _MissingError(f"{info.title} could not be downloaded ({error})") from None


def _find(place: Path, info: DatasetInfo) -> tuple[Path, ...]:
    return formats.find_exam(place, info) if info.base else formats.find(place, info)


def _own_folder() -> Path | None:
    # An empty variable is an unset one, as shells have it.
    own = os.environ.get(VARIABLE)
    return Path(os.path.expanduser(own)).absolute() if own else None


def _own_files(info: DatasetInfo) -> tuple[Path, ...]:
    own = _own_folder()
    if own is None:
        return ()
    place = own / info.name
    try:
        present = info.name in os.listdir(own) and place.is_dir()
        if not present and info.name != _WITHOUT_FOLDER:
            return ()
        files = _find(place if present else own, info)
    except DataError as error:
        raise DataError(f"{error}. {way_out(info)}") from None
    except OSError as error:
        fault = f"{VARIABLE} is not a folder that can be read ({error.strerror})"
        raise DataError(f"{fault}: {own}. {way_out(info)}") from None
    if not files:
        here = place if present else own
        what = "the IDX files of its exam" if info.base else f"{info.title}'s four IDX files"
        raise DataError(f"{here} has neither {formats.npz_name(info)} nor {what}. {way_out(info)}")
    return files


def _cache(info: DatasetInfo) -> Path:
    return cache_folder() if info.name == _WITHOUT_FOLDER else cache_folder() / info.name


def cache_folder() -> Path:
    """The project's cache: MNIST's files, and a subfolder for each other dataset."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("digitcore"))


def _keras(info: DatasetInfo) -> Path:
    home = Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"), "datasets")
    return home if info.name == _WITHOUT_FOLDER else home / info.name


def _cached_files(place: Path, info: DatasetInfo) -> tuple[Path, ...]:
    try:
        return _find(place, info)
    except OSError:
        return ()


def _readable(place: Path, info: DatasetInfo, *, discard: bool) -> tuple[Path, ...]:
    """The dataset's files in a cache; none where it has none or, maybe discarding them, broken ones."""
    files = _cached_files(place, info)
    if not files:
        return ()
    try:
        formats.read_exam(files, info) if info.base else formats.read(files, info)
    except DataError:
        if discard:
            for file in files:
                with suppress(OSError):
                    file.unlink()
        return ()
    return files


def _download(info: DatasetInfo, progress: Progress) -> tuple[tuple[Path, ...], str]:
    """Its files in the project's cache, and in words where they came from; OSError if it fails."""
    from digitcore.datasets import download

    cache = _cache(info)

    def is_there() -> bool:
        return bool(_readable(cache, info, discard=True))

    host = download.fetch(info.sources, cache, is_there, progress)
    return _find(cache, info), f"download from {host}" if host else str(cache)


@functools.lru_cache(maxsize=1)
def embedded() -> Contents:
    """The 1,797 digits of 8×8 pixels, 0 to 16, that scikit-learn carries (Alpaydin and
    Kaynak, 1998), in MNIST's look. The last 400 are the test split."""
    from PIL import Image
    from sklearn.datasets import load_digits

    height, width = registry.get("digits").image_shape
    pixels, digits = load_digits(return_X_y=True)
    small = np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    images = np.zeros((len(small), height, width), np.uint8)
    for image, drawn in zip(images, small, strict=True):
        larger = Image.fromarray(drawn).resize((20, 20), Image.Resampling.BICUBIC)
        image[4:24, 4:24] = np.asarray(larger)
    labels = digits.astype(np.uint8)
    cut = len(labels) - EMBEDDED_TEST_IMAGES
    return formats.freeze(images[:cut], labels[:cut], images[cut:], labels[cut:])
