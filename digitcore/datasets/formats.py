"""Files of images and labels: which ones a folder has, and what is in them.

A folder holds either an npz file, with the arrays as Keras names them, or four IDX files, as
LeCun published MNIST; plain or gzip, in either spelling.

    DataError (OSError)   a file is missing, broken, or does not hold the dataset
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from digitcore.datasets.info import DatasetInfo
from digitcore.files import read_arrays

Bytes = npt.NDArray[np.uint8]

FEWEST_IMAGES = 10
MOST_BYTES = 1_000_000_000  # unpacked; MNIST has 55 million, and a small file may claim any number
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
IDX = ("images-idx3", "labels-idx1")


class DataError(OSError):
    """A dataset cannot be read; the message names the file and says what to do."""


class Contents(NamedTuple):
    """All images of a dataset, uint8 and read-only; and a SHA-256 over these bytes.

    Images are (N, height, width), 0 to 255; labels (N,), from 0 to the number of classes.
    """

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes
    checksum: str


def find(folder: Path, info: DatasetInfo) -> tuple[Path, ...]:
    """The dataset's npz file or its four IDX files in `folder`; empty if it has none of them.

    Raises:
        DataError: some of the four IDX files are missing.
        OSError: the folder is missing or cannot be read.
    """
    names = set(os.listdir(folder))
    if npz_name(info) in names:
        return (folder / npz_name(info),)
    # As the dataset's authors name them, or as LeCun named MNIST's.
    found = [_as_spelled(names, stems) for stems in (info.idx_stems, ("train", "t10k"))]
    best = max(found, key=lambda files: sum(map(bool, files.values())))
    missing = [stem for stem, name in best.items() if name is None]
    if len(missing) == len(best):
        return ()
    if missing:
        raise DataError(f"{folder} has IDX files, but lacks {' and '.join(missing)}")
    return tuple(folder / name for name in best.values() if name)


def find_exam(folder: Path, info: DatasetInfo) -> tuple[Path, ...]:
    """The two IDX files of the dataset's `exam` split in `folder`; empty if it lacks one.

    Raises:
        OSError: the folder is missing or cannot be read.
    """
    names = set(os.listdir(folder))
    files = [
        next((n for n in (file, f"{file}.gz") if n in names), None) for file in info.exam_files
    ]
    return tuple(folder / name for name in files if name) if all(files) else ()


def npz_name(info: DatasetInfo) -> str:
    return f"{info.name}.npz"


def _as_spelled(names: set[str], stems: tuple[str, str]) -> dict[str, str | None]:
    wanted = [f"{stem}-{kind}" for stem in stems for kind in IDX]
    return {
        f"{stem}-ubyte": next((s for s in _spellings(stem) if s in names), None) for stem in wanted
    }


def _spellings(stem: str) -> list[str]:
    # With a dash on LeCun's page, with a dot in many copies.
    dashed, dotted = f"{stem}-ubyte", f"{stem.replace('-idx', '.idx')}-ubyte"
    return [dashed, f"{dashed}.gz", dotted, f"{dotted}.gz"]


def looks_whole(file: Path) -> bool:
    """Whether `file` looks readable, without reading all of it."""
    if file.suffix == ".npz":
        return zipfile.is_zipfile(file)
    return file.is_file() and file.stat().st_size > 0


def read(files: tuple[Path, ...], info: DatasetInfo) -> Contents:
    """What is in the `files` that `find` found; read again only when they change.

    The arrays of an npz file are taken as they are. Those of IDX files are as the dataset's
    authors published them: images are turned upright, and labels begin at 0.

    Raises:
        DataError: a file cannot be read, or does not hold the dataset.
    """
    return _read(files, _stamps(files), info)


def read_exam(files: tuple[Path, ...], info: DatasetInfo) -> tuple[Bytes, Bytes]:
    """Images and labels of the `exam` split in the `files` that `find_exam` found.

    Raises:
        DataError: a file cannot be read, or does not hold the split.
    """
    return _read_exam(files, _stamps(files), info)


def _stamps(files: tuple[Path, ...]) -> tuple[tuple[int, int, int], ...]:
    try:
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in map(os.stat, files))
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}") from None


# MNIST takes 55 MB, the largest of the catalogue 114.
@functools.lru_cache(maxsize=3)
def _read(
    files: tuple[Path, ...], stamps: tuple[tuple[int, int, int], ...], info: DatasetInfo
) -> Contents:
    if len(files) == 1:
        arrays = _read_npz(files[0])
        names = [f"{key} in {files[0]}" for key in NPZ_KEYS]
    else:
        arrays = [read_idx(file, axes) for file, axes in zip(files, (3, 1, 3, 1), strict=True)]
        names = [str(file) for file in files]
        for i in (0, 2):
            arrays[i] = _upright(arrays[i], info)
            arrays[i + 1] = _from_zero(arrays[i + 1], names[i + 1], info)
    for i in (0, 2):
        _check(arrays[i], arrays[i + 1], names[i], names[i + 1], info)
    return freeze(*arrays)


@functools.lru_cache(maxsize=1)
def _read_exam(
    files: tuple[Path, ...], stamps: tuple[tuple[int, int, int], ...], info: DatasetInfo
) -> tuple[Bytes, Bytes]:
    images = _upright(read_idx(files[0], 3), info)[info.exam_begins :]
    # Of each image's row of numbers the first is its class.
    table = read_idx(files[1], 2, integers=True)
    classes = table[info.exam_begins :, 0]
    if classes.size and not 0 <= classes.min() <= classes.max() < info.class_count:
        raise DataError(
            f"{files[1]} should have classes from 0 to {info.class_count - 1}. "
            f"Received: {classes.min()} to {classes.max()}"
        )
    labels = classes.astype(np.uint8)
    _check(images, labels, str(files[0]), str(files[1]), info)
    images = np.ascontiguousarray(images)
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def freeze(
    train_images: Bytes, train_labels: Bytes, test_images: Bytes, test_labels: Bytes
) -> Contents:
    """The four arrays, read-only from now on, with their checksum."""
    checksum = hashlib.sha256()
    frozen = [
        np.ascontiguousarray(array)
        for array in (train_images, train_labels, test_images, test_labels)
    ]
    for whole in frozen:
        whole.flags.writeable = False
        checksum.update(whole.data)
    return Contents(frozen[0], frozen[1], frozen[2], frozen[3], checksum.hexdigest())


def _read_npz(file: Path) -> list[npt.NDArray[Any]]:
    try:
        arrays = read_arrays(file, MOST_BYTES)
        return [arrays[key] for key in NPZ_KEYS]
    except KeyError:
        raise DataError(f"{file} lacks one of the arrays {', '.join(NPZ_KEYS)}") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from None
    # A broken archive makes zipfile, zlib and NumPy raise nearly anything.
    except Exception:
        raise DataError(f"{file} is broken, or is not an npz file of plain arrays") from None


def read_idx(file: Path, axes: int, *, integers: bool = False) -> npt.NDArray[Any]:
    """The bytes or the integers of four bytes in an IDX file: a magic number, each axis's length,
    the values."""
    dtype = np.dtype(">i4" if integers else np.uint8)
    content = _content(file)
    start = 4 + 4 * axes
    kind = 0x0C if integers else 0x08
    if content[:4] != bytes([0, 0, kind, axes]):
        begin = content[:4].hex(" ") or "nothing, the file is empty"
        what = "integers" if integers else "bytes"
        raise DataError(
            f"{file} does not begin as an IDX file of {what} with {axes} axes does: "
            f"00 00 {kind:02x} {axes:02x}. Received: {begin}"
        )
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        fault = "cut short" if len(content) < expected else "too long"
        raise DataError(
            f"{file} is {fault}: it should have {expected:,} bytes. Received: {len(content):,}"
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def _content(file: Path) -> bytes:
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except gzip.BadGzipFile:
        raise DataError(f"{file} is broken, or is not a gzip file") from None
    except (EOFError, zlib.error):
        raise DataError(f"{file} is broken or cut short") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise DataError(f"{file} holds more than {MOST_BYTES:,} bytes")
    return content


def _upright(images: Bytes, info: DatasetInfo) -> Bytes:
    return images.transpose(0, 2, 1) if info.transposed else images


def _from_zero(labels: Bytes, name: str, info: DatasetInfo) -> Bytes:
    if info.first_label and labels.size and labels.min() < info.first_label:
        raise DataError(
            f"{name} should have labels from {info.first_label} to "
            f"{info.first_label + info.class_count - 1}. Received: {labels.min()}"
        )
    return labels - np.uint8(info.first_label)


def _check(
    images: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    images_name: str,
    labels_name: str,
    info: DatasetInfo,
) -> None:
    height, width = info.image_shape
    if images.dtype != np.uint8 or images.shape[1:] != info.image_shape:
        raise DataError(
            f"{images_name} should be uint8 images of {height}×{width} pixels. "
            f"Received: {images.dtype} {images.shape}"
        )
    if len(images) < FEWEST_IMAGES:
        raise DataError(
            f"{images_name} needs {FEWEST_IMAGES} images or more. Received: {len(images)}"
        )
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise DataError(
            f"{labels_name} should be a row of uint8 labels. "
            f"Received: {labels.dtype} {labels.shape}"
        )
    if labels.size and labels.max() >= info.class_count:
        raise DataError(
            f"{labels_name} should have labels from 0 to {info.class_count - 1}. "
            f"Received: {labels.max()}"
        )
    if len(images) != len(labels):
        counts = f"{len(images):,} images and {len(labels):,} labels"
        raise DataError(f"{images_name} and {labels_name} do not belong together: {counts}")
