"""Downloads of MNIST: verified by checksum, and never half there.

A file comes under another name, and gets its own only when it is whole, so that
who dies on the way leaves nothing that could be read by mistake.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import http.client
import queue
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

Progress = Callable[[int, int], None]

SECONDS = 10  # to connect and begin to answer, and again for each piece
SECONDS_FOR_OTHERS = 600  # for another process that is downloading the same
PIECE = 1 << 16


class RemoteFile(NamedTuple):
    """A file to download: its address, its length in bytes, its SHA-256."""

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
# Asked in this order; the files of one source together are MNIST.
SOURCES: tuple[tuple[RemoteFile, ...], ...] = (
    (
        RemoteFile(
            f"{_KERAS}mnist.npz",
            11_490_434,
            "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        ),
    ),
    (
        RemoteFile(
            f"{_MIRROR}train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        RemoteFile(
            f"{_MIRROR}train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        RemoteFile(
            f"{_MIRROR}t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        RemoteFile(
            f"{_MIRROR}t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
)


def fetch_mnist(folder: Path, is_there: Callable[[], bool], progress: Progress) -> str | None:
    """Puts the files of the first source that has them into `folder`.

    Args:
        folder: made if it is missing.
        is_there: asked when no other process is downloading into `folder` any
            more: whether one has just brought the files.
        progress: called with the bytes that have come and all that will; begins
            again when the next source is asked, and tells 0 while another process downloads.

    Returns:
        The host that the files came from, or None if they were there.

    Raises:
        OSError: no source has the files, or `folder` cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _turn(folder / "download.lock", progress):
        if is_there():
            return None
        # Only who holds the lock writes these, so the writer of one is dead.
        for leftover in folder.glob("*.part"):
            leftover.unlink()
        faults = []
        for source in SOURCES:
            try:
                _fetch_all(source, folder, progress)
                return source[0].host
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                    size = sum(file.size for file in source) / 1e6
                    raise OSError(f"{folder} has no room for {size:.0f} MB") from None
                faults.append(f"{source[0].host}: {why(error)}")
    raise OSError("; ".join(faults))


@contextmanager
def _turn(path: Path, progress: Progress) -> Iterator[None]:
    """Holds the lock; while another process does, asks `progress` now and then, which may raise."""
    # Imported late, as all here that only a download needs: a page that reads
    # MNIST from a folder starts faster without.
    import filelock

    end = time.monotonic() + SECONDS_FOR_OTHERS
    while True:
        try:
            turn = filelock.FileLock(path).acquire(timeout=min(1.0, SECONDS_FOR_OTHERS))
            break
        except filelock.Timeout:
            if time.monotonic() > end:
                raise
            progress(0, sum(file.size for file in SOURCES[0]))
    with turn:
        yield


def why(error: Exception) -> str:
    """The reason of a failed request or file operation, without codes and brackets."""
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


class _CutShort(OSError):
    """The connection ended before the file did."""


def _fetch_all(source: tuple[RemoteFile, ...], folder: Path, progress: Progress) -> None:
    total = sum(file.size for file in source)
    before = shown = 0

    def report(done: int) -> None:
        nonlocal shown
        # A file that is fetched a second time must not move a progress bar back.
        if before + done > shown:
            shown = before + done
            progress(shown, total)

    for file in source:
        try:
            _fetch(file, folder, report)
        except _CutShort:
            _fetch(file, folder, report)
        before += file.size


def _fetch(file: RemoteFile, folder: Path, report: Callable[[int], None]) -> None:
    part = folder / f"{file.name}.part"
    digest, done = hashlib.sha256(), 0
    try:
        with _open(file.url) as answer, part.open("wb") as target:
            while done < file.size:
                piece = _piece(answer, min(PIECE, file.size - done))
                if not piece:
                    raise _CutShort(f"{file.name} ended after {done:,} of {file.size:,} bytes")
                target.write(piece)
                digest.update(piece)
                done += len(piece)
                report(done)
        if digest.hexdigest() != file.sha256:
            raise OSError(f"{file.name} has another checksum than MNIST's")
        part.replace(folder / file.name)
    finally:
        part.unlink(missing_ok=True)


def _piece(answer: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return answer.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise _CutShort(f"the connection broke: {why(error)}") from None


def _open(url: str) -> http.client.HTTPResponse:
    """The answer to a request, or an OSError after SECONDS.

    The thread is for that limit: left alone, urllib waits so long for each of a
    host's many addresses, and for a name server as long as it likes.
    """
    answers: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "digitcore"})
            answers.put(urllib.request.urlopen(request, timeout=SECONDS, context=_certificates()))
        except Exception as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # It is an open answer, too.
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer within {SECONDS} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


@functools.cache
def _certificates() -> ssl.SSLContext:
    import certifi

    # Python's own installer for macOS brings no certificates, hence certifi; a
    # company's proxy has its own in the system's store, hence the default ones.
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
