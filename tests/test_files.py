"""Files that are replaced whole, read once, and locked by processes that may die."""

from __future__ import annotations

import os
from pathlib import Path

import filelock
import pytest

from digitcore import files


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"a long old content")
    with open(path, "rb") as reader:
        files.write_atomic(path, b"new")
        assert reader.read() == b"a long old content"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_when_a_write_fails(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        files.write_atomic(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_when_the_place_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    (path / "within").mkdir(parents=True)
    with pytest.raises(OSError, match=r"state\.json"):
        files.write_atomic(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    reads: list[str] = []

    def read(path: Path) -> str:
        reads.append(path.read_text())
        return reads[-1]

    path.write_text("one")
    assert [files.remembered(path, read) for _ in range(3)] == ["one"] * 3
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    files.write_atomic(path, b"two")
    os.utime(path, ns=times)  # a clock that stands still hides nothing
    assert files.remembered(path, read) == "two"
    assert reads == ["one", "two"]
    path.unlink()
    with pytest.raises(FileNotFoundError):
        files.remembered(path, read)


def test_what_cannot_be_read_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "number"
    path.write_text("x")
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            files.remembered(path, lambda path: int(path.read_text()))


def test_a_lock_is_held_by_one_and_asking_does_not_take_it(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "one"
    assert not files.held(path)
    assert not path.exists(), "who asks makes no file"
    with files.lock(path):
        assert files.held(path)
        with pytest.raises(filelock.Timeout):
            files.lock(path).acquire()
    assert files.held(path), "a yes is believed for a moment"
    assert not files.held(path, anew=True)
    assert path.exists()
