"""A download goes on from what has come already, and no wrong byte of that is ever kept."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from download_server import Server

from digitcore.datasets import download
from digitcore.datasets.info import RemoteFile

ROOT = Path(__file__).parents[1]
CONTENT = random.Random(0).randbytes(256_000)
HALF = len(CONTENT) // 2


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.close()


def fetch(
    *files: RemoteFile, folder: Path, progress: download.Progress = lambda done, total: None
) -> str | None:
    return download.fetch((files,), folder, lambda: False, progress)


def test_a_cut_download_goes_on_where_it_was_cut(server: Server, tmp_path: Path) -> None:
    file = server.remote("file", CONTENT)
    server.faults["file"] = ["cut"]
    seen: list[int] = []
    host = fetch(file, folder=tmp_path, progress=lambda done, total: seen.append(done))
    assert host == server.host
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.starts == [0, HALF]
    assert seen == sorted(set(seen))


def test_a_second_mirror_goes_on_with_what_the_first_one_gave(
    server: Server, tmp_path: Path
) -> None:
    file = server.remote("file", CONTENT)
    server.files["second/file"] = CONTENT
    server.faults["file"] = ["cut", "missing"]
    both = replace(file, urls=(*file.urls, f"http://{server.host}/second/file"))
    fetch(both, folder=tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requests == ["file", "file", "second/file"]
    assert server.starts == [0, HALF, HALF]


def test_a_server_without_ranges_gives_all_of_it_again(tmp_path: Path) -> None:
    server = Server(resumes=False)
    file = server.remote("file", CONTENT)
    server.faults["file"] = ["cut"]
    fetch(file, folder=tmp_path)
    server.close()
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.starts == [0, HALF]


def test_a_download_that_was_stopped_is_resumed(server: Server, tmp_path: Path) -> None:
    file = server.remote("file", CONTENT)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(file, folder=tmp_path, progress=stop)
    come = (tmp_path / "file.part").stat().st_size
    assert 0 < come < len(CONTENT)
    seen: list[int] = []
    fetch(file, folder=tmp_path, progress=lambda done, total: seen.append(done))
    assert server.starts == [0, come]
    assert seen[0] == come
    assert {path.name for path in tmp_path.iterdir()} - {"download.lock"} == {"file"}


KILLED = """
import sys
from pathlib import Path
from digitcore.datasets import download
from digitcore.datasets.info import RemoteFile
file = RemoteFile("file", int(sys.argv[2]), sys.argv[3], (sys.argv[1],))
download.fetch(((file,),), Path(sys.argv[4]), lambda: False, lambda done, total: None)
"""


def test_what_a_killed_process_downloaded_is_not_downloaded_again(
    server: Server, tmp_path: Path
) -> None:
    file = server.remote("file", CONTENT)
    server.faults["file"] = ["stuck"]
    arguments = [file.urls[0], str(file.size), file.digest, str(tmp_path)]
    victim = subprocess.Popen([sys.executable, "-c", KILLED, *arguments], cwd=ROOT)
    part = tmp_path / "file.part"
    end = time.monotonic() + 60
    while not part.exists() or not part.stat().st_size:
        assert victim.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    come = part.stat().st_size
    fetch(file, folder=tmp_path)
    assert server.starts == [0, come]
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("length", [1_000, len(CONTENT), len(CONTENT) + 1])
def test_what_is_not_the_files_beginning_is_thrown_away(
    server: Server, tmp_path: Path, length: int
) -> None:
    file = server.remote("file", CONTENT)
    (tmp_path / "file.part").write_bytes(bytes(length))
    fetch(file, folder=tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.starts[-1] == 0


@pytest.mark.parametrize("fault", ["elsewhere", "range"])
def test_a_rest_that_a_server_cannot_give_is_replaced_by_the_whole(
    server: Server, tmp_path: Path, fault: str
) -> None:
    file = server.remote("file", CONTENT)
    (tmp_path / "file.part").write_bytes(CONTENT[:1_000])
    server.faults["file"] = [fault]
    fetch(file, folder=tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.starts == [1_000, 0]


def test_a_file_that_came_whole_is_not_downloaded_again_for_the_sake_of_its_sibling(
    server: Server, tmp_path: Path
) -> None:
    files = (server.remote("one", CONTENT), server.remote("two", CONTENT[::-1]))
    server.faults["two"] = ["missing"]
    with pytest.raises(OSError, match="404"):
        fetch(*files, folder=tmp_path)
    fetch(*files, folder=tmp_path)
    assert server.requests == ["one", "two", "two"]
    assert (tmp_path / "one").read_bytes() == CONTENT
    (tmp_path / "one").write_bytes(CONTENT[:-1] + b"?")
    fetch(*files, folder=tmp_path)
    assert server.requests[3:] == ["one"]
    assert (tmp_path / "one").read_bytes() == CONTENT


def test_a_file_may_be_known_by_its_md5_alone(server: Server, tmp_path: Path) -> None:
    file = server.remote("file", CONTENT, "md5")
    server.faults["file"] = ["changed"]
    with pytest.raises(OSError, match="another checksum"):
        fetch(file, folder=tmp_path)
    assert not (tmp_path / "file").exists()
    fetch(file, folder=tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_of_an_archive_its_members_are_kept(server: Server, tmp_path: Path) -> None:
    archive = tmp_path / "served.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for name in ("in/one", "in/two", "in/three"):
            made.writestr(name, name * 1_000)
    file = server.remote("archive.zip", archive.read_bytes())
    folder = tmp_path / "folder"
    fetch(replace(file, members=("in/one", "in/two")), folder=folder)
    assert {path.name for path in folder.iterdir()} - {"download.lock"} == {"one", "two"}
    assert (folder / "two").read_text() == "in/two" * 1_000
    with pytest.raises(OSError, match="no item named 'in/four'"):
        fetch(replace(file, members=("in/four",)), folder=folder)
    assert not (folder / "archive.zip.part").exists()
