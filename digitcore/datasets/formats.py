"""Files of digits: which ones a folder has, and what is in them.

A folder holds either `mnist.npz`, as Keras has it, or four IDX files, as LeCun
published them; plain or gzip, in either spelling.

    DataError (OSError)   a file is missing, broken, or does not hold digits
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

from digitcore.files import read_arrays

Bytes = npt.NDArray[np.uint8]

SIDE = 28
FEWEST_IMAGES = 10
MOST_BYTES = 1_000_000_000  # unpacked; MNIST has 55 million, and a small file may claim any number
NPZ = "mnist.npz"
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
IDX = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


class DataError(OSError):
    """The digits cannot be read; the message names the file and says what to do."""


class Digits(NamedTuple):
    """All digits of a dataset, uint8 and read-only; and a SHA-256 over these bytes.

    Images are (N, 28, 28), 0 to 255, white ink on black; labels (N,), 0 to 9.
    """

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes
    checksum: str


def find(folder: Path) -> tuple[Path, ...]:
    """The npz file or the four IDX files in `folder`; empty if it has none of them.

    Raises:
        DataError: some of the four IDX files are missing.
        OSError: the folder is missing or cannot be read.
    """
    names = set(os.listdir(folder))
    if NPZ in names:
        return (folder / NPZ,)
    found = {stem: next((s for s in _spellings(stem) if s in names), None) for stem in IDX}
    missing = [f"{stem}-ubyte" for stem, name in found.items() if name is None]
    if len(missing) == len(IDX):
        return ()
    if missing:
        raise DataError(f"{folder} has IDX files, but lacks {' and '.join(missing)}")
    return tuple(folder / name for name in found.values() if name)


def _spellings(stem: str) -> list[str]:
    # With a dash on LeCun's page, with a dot in many copies.
    dashed, dotted = f"{stem}-ubyte", f"{stem.replace('-idx', '.idx')}-ubyte"
    return [dashed, f"{dashed}.gz", dotted, f"{dotted}.gz"]


def looks_whole(file: Path) -> bool:
    """Whether `file` may well be readable, found out without reading all of it."""
    if file.suffix == ".npz":
        return zipfile.is_zipfile(file)
    return file.is_file() and file.stat().st_size > 0


def read(files: tuple[Path, ...]) -> Digits:
    """The digits in the `files` that `find` found; read again only when they change.

    Raises:
        DataError: a file cannot be read, or does not hold digits.
    """
    try:
        stamps = tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in map(os.stat, files))
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}") from None
    return _read(files, stamps)


@functools.lru_cache(maxsize=2)  # MNIST takes 55 MB.
def _read(files: tuple[Path, ...], stamps: tuple[tuple[int, int, int], ...]) -> Digits:
    if len(files) == 1:
        arrays = _read_npz(files[0])
        names = [f"{key} in {files[0]}" for key in NPZ_KEYS]
    else:
        arrays = [_read_idx(file, axes) for file, axes in zip(files, (3, 1, 3, 1), strict=True)]
        names = [str(file) for file in files]
    for i in (0, 2):
        _check_images(arrays[i], names[i])
        _check_labels(arrays[i + 1], names[i + 1])
        if len(arrays[i]) != len(arrays[i + 1]):
            counts = f"{len(arrays[i]):,} images and {len(arrays[i + 1]):,} labels"
            raise DataError(f"{names[i]} and {names[i + 1]} do not belong together: {counts}")
    return freeze(*arrays)


def freeze(
    train_images: Bytes, train_labels: Bytes, test_images: Bytes, test_labels: Bytes
) -> Digits:
    """The four arrays, read-only from now on, with their checksum."""
    checksum = hashlib.sha256()
    frozen = [
        np.ascontiguousarray(array)
        for array in (train_images, train_labels, test_images, test_labels)
    ]
    for whole in frozen:
        whole.flags.writeable = False
        checksum.update(whole.data)
    return Digits(frozen[0], frozen[1], frozen[2], frozen[3], checksum.hexdigest())


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


def _read_idx(file: Path, axes: int) -> Bytes:
    """The uint8 array in an IDX file: a magic number, each axis's length, the values."""
    content = _content(file)
    start = 4 + 4 * axes
    if content[:4] != bytes([0, 0, 8, axes]):
        begin = content[:4].hex(" ") or "nothing, the file is empty"
        raise DataError(
            f"{file} does not begin as an IDX file of bytes with {axes} axes does: 00 00 08 0{axes}. "
            f"Received: {begin}"
        )
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    expected = start + math.prod(shape)
    if len(content) != expected:
        fault = "cut short" if len(content) < expected else "too long"
        raise DataError(
            f"{file} is {fault}: it should have {expected:,} bytes. Received: {len(content):,}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


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


def _check_images(images: npt.NDArray[Any], name: str) -> None:
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE):
        raise DataError(
            f"{name} should be uint8 images of {SIDE}×{SIDE} pixels. "
            f"Received: {images.dtype} {images.shape}"
        )
    if len(images) < FEWEST_IMAGES:
        raise DataError(f"{name} needs {FEWEST_IMAGES} images or more. Received: {len(images)}")


def _check_labels(labels: npt.NDArray[Any], name: str) -> None:
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise DataError(
            f"{name} should be a row of uint8 labels. Received: {labels.dtype} {labels.shape}"
        )
    if labels.size and labels.max() > 9:
        raise DataError(f"{name} should have labels from 0 to 9. Received: {labels.max()}")
