"""Downloads of a dataset's files: verified by digest, resumed, and never left incomplete.

A file is written under another name and gets its own only when it is whole and verified. If a
download is cut, stopped or killed, what has arrived stays, and the next download continues there, in
any process and from any mirror.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import http.client
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from digitcore import files
from digitcore.datasets import request
from digitcore.datasets.info import RemoteFile, Source

Progress = Callable[[int, int], None]

SECONDS_FOR_OTHERS = 600  # for another process that is downloading the same
PIECE = 1 << 16
_BLOCK = 1 << 20  # of a file that is hashed


class _CutShort(OSError):
    """The connection ended before the file did."""


class _WrongBytes(OSError):
    """What came is not the file."""


class _Unavailable(OSError):
    """No address of a file has given it; the message says why of each."""


def fetch(
    sources: tuple[Source, ...], folder: Path, is_there: Callable[[], bool], progress: Progress
) -> str | None:
    """Puts the files of the first source that has them all into `folder`.

    Args:
        sources: each a way to get the dataset, tried in this order.
        folder: made if it is missing.
        is_there: called when no other process downloads into `folder` any more: whether one
            has just brought the files.
        progress: called with the bytes that are here and the bytes of the whole source; begins
            again with the next source, and gets 0 while another process downloads. What it
            raises ends the download, which the next one resumes.

    Returns:
        The host that the first file came from, or None if the files were there.

    Raises:
        OSError: no source has the files, or `folder` cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _turn(folder / "download.lock", lambda: progress(0, _total(*sources[:1]))):
        if is_there():
            return None
        faults = []
        for source in sources:
            try:
                host = _fetch_all(source, folder, progress)
            except _Unavailable as error:
                faults.append(str(error))
                continue
            # Of a source that was given up; only the holder of the lock writes these.
            for leftover in folder.glob("*.part"):
                leftover.unlink()
            return host
    raise OSError("; ".join(faults))


@contextmanager
def _turn(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the lock; calls `waiting`, which may raise, while another process holds it."""
    # Imported late, as all here that only a download needs: a page that reads
    # its images from a folder starts faster without.
    import filelock

    end = time.monotonic() + SECONDS_FOR_OTHERS
    while True:
        try:
            turn = filelock.FileLock(path).acquire(timeout=min(1.0, SECONDS_FOR_OTHERS))
            break
        except filelock.Timeout:
            if time.monotonic() > end:
                raise
            waiting()
    with turn:
        yield


def _total(source: Source = ()) -> int:
    return sum(file.size for file in source)


def _fetch_all(source: Source, folder: Path, progress: Progress) -> str:
    total = _total(source)
    before = shown = 0
    hosts = []

    def report(done: int) -> None:
        nonlocal shown
        # A file that begins again must not move a progress bar back.
        if before + done > shown:
            shown = before + done
            progress(shown, total)

    for file in source:
        try:
            hosts.append(_fetch(file, folder, report))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                _part(file, folder).unlink(missing_ok=True)
                raise OSError(f"{folder} has no room for {total / 1e6:.0f} MB") from None
            raise
        before += file.size
    return hosts[0]


def _part(file: RemoteFile, folder: Path) -> Path:
    return folder / f"{file.name}.part"


def _fetch(file: RemoteFile, folder: Path, report: Callable[[int], None]) -> str:
    """The host that has given the file; each address is tried once, and once more where it is cut."""
    part, whole = _part(file, folder), folder / file.name
    if whole.is_file() and not part.exists():  # of a download that was ended between two files
        whole.replace(part)
    faults = []
    for url in file.urls:
        again: set[type[Exception]] = {_CutShort}
        if part.exists():
            again.add(_WrongBytes)  # as its beginning may be from elsewhere
        while True:
            try:
                _fetch_from(url, file, part, report)
                _keep(part, file, folder)
                return urlsplit(url).netloc
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                    raise
                if type(error) not in again:
                    faults.append(f"{urlsplit(url).netloc}: {request.why(error)}")
                    break
                again.remove(type(error))
    raise _Unavailable("; ".join(faults))


def _fetch_from(url: str, file: RemoteFile, part: Path, report: Callable[[int], None]) -> None:
    """Completes `part` from that address, and verifies it.

    Raises:
        _CutShort: the connection broke; what has come is in `part`.
        _WrongBytes: it is another file; `part` is removed.
        OSError, http.client.HTTPException: the address does not answer, or `part` cannot be written.
    """
    algorithm, _, expected = file.digest.partition(":")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    done = _hashed(part, digest, report)
    if done < file.size:
        try:
            answer = request.opened(url, done)
        except request.RangeError as error:
            part.unlink()
            raise _WrongBytes(str(error)) from None
        with answer:
            if answer.status != http.client.PARTIAL_CONTENT:  # it begins at the beginning
                digest, done = hashlib.new(algorithm, usedforsecurity=False), 0
            with part.open("ab" if done else "wb") as target:
                while done < file.size:
                    piece = _piece(answer, min(PIECE, file.size - done))
                    if not piece:
                        raise _CutShort(f"{file.name} ended after {done:,} of {file.size:,} bytes")
                    target.write(piece)
                    digest.update(piece)
                    done += len(piece)
                    report(done)
    if digest.hexdigest() != expected:
        part.unlink()
        raise _WrongBytes(f"{file.name} has another checksum than it should have")


def _hashed(part: Path, digest: hashlib._Hash, report: Callable[[int], None]) -> int:
    """How many bytes are in `part` already; `digest` has taken them."""
    if not part.exists():
        return 0
    done = 0
    with part.open("rb") as begun:
        while block := begun.read(_BLOCK):
            digest.update(block)
            done += len(block)
            report(done)
    return done


def _keep(part: Path, file: RemoteFile, folder: Path) -> None:
    """Gives a verified file its name, or takes its members out of it."""
    if not file.members:
        part.replace(folder / file.name)
        return
    try:
        with zipfile.ZipFile(part) as archive:
            for member in file.members:
                files.replace(
                    folder / Path(member).name, functools.partial(_unpack, archive, member)
                )
    except (KeyError, zipfile.BadZipFile) as error:
        part.unlink()
        raise _WrongBytes(f"{file.name} is not the archive it should be: {error}") from None
    part.unlink()


def _unpack(archive: zipfile.ZipFile, member: str, path: Path) -> None:
    with archive.open(member) as content, path.open("wb") as target:
        shutil.copyfileobj(content, target, _BLOCK)


def _piece(answer: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return answer.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise _CutShort(f"the connection broke: {request.why(error)}") from None
