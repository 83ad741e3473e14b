"""Downloads from a server on this machine: good ones, and all that goes wrong."""

from __future__ import annotations

import errno
import hashlib
import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import filelock
import pytest
from made_up import made_up_digits, write_idx, write_npz
from streamlit.testing.v1 import AppTest

from digitcore.datasets import available, download, formats, load, load_dataset
from digitcore.datasets.download import RemoteFile
from ui import caching

REAL_SOURCES = download.SOURCES  # before a fixture takes them away


class Server:
    """Serves `files`; `faults` of a path are used up, one a request, before it serves well."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}
        self.requests: list[str] = []
        self.pause = 0.0
        self.closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.removeprefix("/")
        self.requests.append(name)
        content = self.files.get(name)
        fault = self.faults[name].pop(0) if self.faults.get(name) else ""
        time.sleep(self.pause)
        if fault == "silent":
            self.closing.wait(10)
            return
        if content is None or fault == "missing":
            request.send_error(404)
            return
        if fault == "changed":
            content = bytes(len(content))
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2] if fault == "cut" else content)

    def source(self, *files: Path) -> tuple[RemoteFile, ...]:
        """The source that SOURCES needs to have these files, which are served from now on."""
        remote = []
        for file in files:
            content = self.files[file.name] = file.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            remote.append(RemoteFile(f"http://{self.host}/{file.name}", len(content), digest))
        return tuple(remote)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """MNIST's place is taken by made-up digits, first as an npz file, then as four IDX files."""
    monkeypatch.delenv("DIGITCORE_DATA_DIR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    write_idx(folder, made_up_digits(), gz=True)
    idx = formats.find(folder)
    write_npz(folder / "mnist.npz", made_up_digits())
    server = Server()
    sources = (server.source(folder / "mnist.npz"), server.source(*idx))
    monkeypatch.setattr(download, "SOURCES", sources)
    monkeypatch.setattr(load, "MNIST_CHECKSUM", formats.read(idx).checksum)
    yield server
    server.closing.set()
    server.http.shutdown()
    server.http.server_close()


def cached() -> set[str]:
    return {file.name for file in load._cache_folder().iterdir()} - {"download.lock"}


def test_a_good_download(server: Server) -> None:
    assert available() is None
    seen: list[tuple[int, int]] = []
    dataset = load_dataset(progress=lambda done, total: seen.append((done, total)))
    assert dataset.notice is None
    assert dataset.source == f"download from {server.host}"
    assert cached() == {"mnist.npz"}

    size = len(server.files["mnist.npz"])
    assert len(seen) > 1
    assert seen == sorted(set(seen))
    assert {total for _, total in seen} == {size}
    assert seen[-1] == (size, size)

    assert load_dataset().source == available() == str(load._cache_folder())
    assert server.requests == ["mnist.npz"]


@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_the_mirror_steps_in(server: Server, fault: str) -> None:
    server.faults["mnist.npz"] = [fault]
    seen: list[tuple[int, int]] = []
    dataset = load_dataset(progress=lambda done, total: seen.append((done, total)))
    assert dataset.notice is None
    assert len(cached()) == 4
    assert len(server.requests) == 5
    size = sum(file.size for file in download.SOURCES[1])
    assert seen[-1] == (size, size)


def test_a_cut_connection_is_tried_once_more(server: Server) -> None:
    server.faults["mnist.npz"] = ["cut"]
    seen: list[int] = []
    assert load_dataset(progress=lambda done, total: seen.append(done)).notice is None
    assert server.requests == ["mnist.npz"] * 2
    assert seen == sorted(set(seen))
    assert cached() == {"mnist.npz"}


def test_cut_everywhere_then_whole(server: Server) -> None:
    server.faults = {"mnist.npz": ["cut"] * 2, "train-images-idx3-ubyte.gz": ["cut"] * 2}
    dataset = load_dataset()
    assert dataset.name == "digits"
    assert dataset.notice is not None
    assert "mnist.npz ended after" in dataset.notice
    assert cached() == set()
    assert load_dataset().notice is None


def test_refusals_are_told(server: Server) -> None:
    server.files.clear()
    notice = load_dataset().notice
    assert notice is not None
    assert notice.count(f"{server.host}: HTTP Error 404: Not Found") == 2


def test_no_server(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()
    dataset = load_dataset()
    assert dataset.name == "digits"
    assert dataset.notice is not None
    assert f"{server.host}: Connection refused" in dataset.notice


def test_a_server_that_never_answers(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SECONDS", 3)
    server.faults["mnist.npz"] = ["silent"]
    assert load_dataset().notice is None
    assert len(cached()) == 4


def test_a_host_that_cannot_be_reached(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*arguments: object, **options: object) -> None:
        server.closing.wait(10)
        raise TimeoutError

    monkeypatch.setattr(download, "SECONDS", 0.1)
    monkeypatch.setattr(download.urllib.request, "urlopen", hang)
    start = time.monotonic()
    notice = load_dataset().notice
    assert notice is not None
    assert "no answer within 0.1 seconds" in notice
    assert time.monotonic() - start < 5


def test_no_download_without_leave(server: Server) -> None:
    assert load_dataset(download=False).name == "digits"
    assert server.requests == []


def test_a_broken_file_in_the_cache_is_replaced(server: Server) -> None:
    load_dataset()
    file = load._cache_folder() / "mnist.npz"
    file.write_bytes(file.read_bytes()[:1000])
    assert load_dataset().notice is None
    assert file.read_bytes() == server.files["mnist.npz"]


def test_an_interrupted_download_leaves_nothing(server: Server) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_dataset(progress=interrupt)
    assert cached() == set()
    assert load_dataset().notice is None


def test_leftovers_of_a_killed_download_are_cleared(server: Server) -> None:
    folder = load._cache_folder()
    folder.mkdir(parents=True)
    (folder / "mnist.npz.part").write_bytes(b"half")
    (folder / "t10k-labels-idx1-ubyte.gz.part").write_bytes(b"half")
    load_dataset()
    assert cached() == {"mnist.npz"}


def test_two_at_once_download_once(server: Server) -> None:
    server.pause = 0.3
    with ThreadPoolExecutor(2) as pool:
        datasets = [answer.result() for answer in [pool.submit(load_dataset) for _ in range(2)]]
    assert server.requests == ["mnist.npz"]
    assert [dataset.notice for dataset in datasets] == [None, None]


def test_who_waits_for_anothers_download_can_give_up(server: Server) -> None:
    folder = load._cache_folder()
    folder.mkdir(parents=True)
    told = []

    def give_up(done: int, total: int) -> None:
        told.append((done, total))
        raise KeyboardInterrupt

    with filelock.FileLock(folder / "download.lock"), pytest.raises(KeyboardInterrupt):
        load_dataset(progress=give_up)
    assert told == [(0, download.SOURCES[0][0].size)]
    assert server.requests == []


def test_a_full_disk_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, piece: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    real = Path.open

    def opened(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.parent != load._cache_folder():  # scikit-learn's digits are on another disk
            return real(path, *arguments, **options)
        path.touch()
        return Full()

    monkeypatch.setattr(Path, "open", opened)
    notice = load_dataset().notice
    assert notice is not None
    assert f"{load._cache_folder()} has no room for" in notice
    assert server.requests == ["mnist.npz"]
    assert cached() == set()


def test_a_cache_folder_that_cannot_be_made(server: Server) -> None:
    folder = load._cache_folder()
    folder.parent.mkdir(parents=True)
    folder.touch()
    notice = load_dataset().notice
    assert notice is not None
    assert "File exists" in notice


def test_the_real_sources_are_well_formed() -> None:
    for source in REAL_SOURCES:
        assert all(file.url.startswith("https://") for file in source)
        assert all(len(bytes.fromhex(file.sha256)) == 32 for file in source)
    npz, idx = REAL_SOURCES
    assert [file.name for file in npz] == ["mnist.npz"]
    assert [file.name for file in idx] == [f"{stem}-ubyte.gz" for stem in formats.IDX]


# --- asked for in a page ------------------------------------------------------


def notice() -> AppTest:
    """What every page says of the digits on this machine."""

    def page() -> None:
        from ui.notices import data_notice

        data_notice()

    return AppTest.from_function(page).run()


def test_a_page_downloads_mnist_when_asked_to(server: Server) -> None:
    assert caching.nearest() is None
    app = notice()
    assert "not on this machine yet" in app.caption[0].value
    assert server.requests == []
    app.button[0].click().run()
    assert not app.exception
    assert server.requests == ["mnist.npz"]
    assert [*app.caption, *app.button, *app.error] == []
    assert caching.nearest() is not None


def test_a_page_says_why_mnist_cannot_be_downloaded_and_may_be_asked_again(server: Server) -> None:
    server.faults = {name: ["missing"] for name in server.files}
    app = notice()
    app.button[0].click().run()
    assert not app.exception
    assert "could not be downloaded" in app.error[0].value
    app.button[0].click().run()
    assert [*app.button, *app.error] == []
    assert available()
