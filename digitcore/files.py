"""Files that a process may read, write, or die over at any moment.

A file is appended to or replaced as a whole, never rewritten in place. A lock is the operating
system's own: it ends with the process that holds it, however that ends, and needs no clock.
"""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar

import filelock
import numpy as np

Value = TypeVar("Value")

_REMEMBERED = 10_000
_cache: OrderedDict[tuple[str, Any], tuple[tuple[int, ...], Any]] = OrderedDict()
_cache_lock = threading.Lock()

_SURE_SECONDS = 0.3
_held: dict[Path, float] = {}
_held_lock = threading.Lock()


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces the file's content; a reader sees the old or the new, never a mixture.

    Raises:
        OSError: it cannot be written, as on a full disk; the old content stays.
    """

    def write(temporary: Path) -> None:
        temporary.write_bytes(data)

    replace(path, write)


def replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Replaces the file with one that `write` makes at the path it is given.

    That path has the suffix of `path`, because Keras and NumPy look at it.

    Raises:
        OSError: it cannot be written; the old file stays.
    """
    handle, name = tempfile.mkstemp(prefix=".tmp-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with open(temporary, "rb") as file:
            # Without this, a power cut may leave the new name on an empty file.
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def read(path: Path, most: int) -> bytes:
    """The file's content, at most `most` bytes, so that no file can fill the memory.

    Raises:
        ValueError: it is longer.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it is longer than {most:,} bytes")
    return data


def read_arrays(path: Path, most: int) -> dict[str, np.ndarray]:
    """The arrays of an npz file that takes at most `most` bytes unpacked; never a pickle.

    Sizes are checked before anything is unpacked, because a small file may claim to hold more than
    any memory. zipfile unpacks no more of an entry than it claims.

    Raises:
        ValueError: they would take more, or one is not of plain numbers or text.
        OSError, zipfile.BadZipFile, zlib.error: the file cannot be read, or is damaged.
    """
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > most:
            raise ValueError(f"its arrays would take {size:,} bytes, more than {most:,}")
        for part in archive.infolist():
            with archive.open(part) as file:
                _check_header(file, part)
            with archive.open(part) as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
            arrays[part.filename.removesuffix(".npy")] = array
    return arrays


def _check_header(file: IO[bytes], part: zipfile.ZipInfo) -> None:
    version = np.lib.format.read_magic(file)
    if version != (1, 0):  # what NumPy writes for plain arrays
        raise ValueError(f"{part.filename} is not an array of NumPy's format 1.0: {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError(f"{part.filename} holds Python objects, which are not opened")
    # NumPy allocates what the header claims before it reads any of it.
    if math.prod(shape) * dtype.itemsize > part.file_size:
        raise ValueError(f"{part.filename} claims more than it holds: {shape} of {dtype}")


def remembered(path: Path, read: Callable[[Path], Value]) -> Value:
    """What `read` makes of the file; it is called again only when the file has changed.

    The caller must not change the value. Safe to call from several threads.

    Raises:
        OSError: there is no such file. What `read` raises is passed on and not remembered.
    """
    name = os.fspath(path)
    found = os.stat(name)
    # The inode too: it differs where a file was replaced within one tick of the clock.
    mark = (found.st_mtime_ns, found.st_size, found.st_ino)
    key = (name, read)
    with _cache_lock:
        known = _cache.get(key)
        if known and known[0] == mark:
            _cache.move_to_end(key)
            value: Value = known[1]
            return value
    value = read(path)
    with _cache_lock:
        _cache[key] = (mark, value)
        if len(_cache) > _REMEMBERED:
            _cache.popitem(last=False)
    return value


def lock(path: Path, seconds: float = 0) -> filelock.BaseFileLock:
    """A lock that one process holds at a time; creates its folder if missing.

    Args:
        path: the file that stands for it; it stays when the lock is released.
        seconds: how long to wait for it.

    Raises:
        OSError: its folder cannot be written; filelock.Timeout, when it is acquired, if
            another process still holds it.
    """
    path.parent.mkdir(exist_ok=True)
    return filelock.FileLock(path, timeout=seconds)


def held(path: Path, *, anew: bool = False) -> bool:
    """Whether a process holds that lock now.

    A "yes" is remembered for a moment unless `anew`, because finding out takes the lock for some
    microseconds, and many who watch would get into each other's way. A "no" is never remembered.
    """
    with _held_lock:
        if not anew and time.monotonic() - _held.get(path, -1e9) < _SURE_SECONDS:
            return True
        _held.pop(path, None)
        if not path.exists():
            return False
        try:
            with filelock.FileLock(path, timeout=0, is_singleton=False):
                return False
        except OSError:  # a timeout is one; so is a file that may not be opened
            _held[path] = time.monotonic()
            return True
