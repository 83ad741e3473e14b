"""Downloads from a server on this machine: good ones, and all that goes wrong."""

from __future__ import annotations

import errno
import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import pytest
from download_server import Server
from made_up import made_up_digits, write_idx, write_npz
from streamlit.testing.v1 import AppTest

from digitcore import datasets, runs
from digitcore.datasets import available, formats, load_dataset, locate, registry, request
from digitcore.datasets.catalogue import MNIST
from digitcore.recipes import Recipe
from ui import caching, reach


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """MNIST's place is taken by made-up digits, first as an npz file, then as four IDX files."""
    monkeypatch.delenv("DIGITCORE_DATA_DIR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    write_idx(folder, made_up_digits(), gz=True)
    idx = formats.find(folder, MNIST)
    write_npz(folder / "mnist.npz", made_up_digits())
    server = Server()
    sources = (server.source(folder / "mnist.npz"), server.source(*idx))
    known = replace(MNIST, sources=sources, checksum=formats.read(idx, MNIST).checksum)
    monkeypatch.setitem(registry._registered, "mnist", known)
    yield server
    server.close()


def cached() -> set[str]:
    return {file.name for file in locate.cache_folder().iterdir()} - {"download.lock"}


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

    assert load_dataset().source == available() == str(locate.cache_folder())
    assert server.requests == ["mnist.npz"]


@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_the_mirror_steps_in(server: Server, fault: str) -> None:
    server.faults["mnist.npz"] = [fault]
    seen: list[tuple[int, int]] = []
    dataset = load_dataset(progress=lambda done, total: seen.append((done, total)))
    assert dataset.notice is None
    assert len(cached()) == 4
    assert len(server.requests) == 5
    size = sum(file.size for file in registry.get("mnist").sources[1])
    assert seen[-1] == (size, size)


def test_cut_everywhere_then_whole(server: Server) -> None:
    server.faults = {"mnist.npz": ["cut"] * 2, "train-images-idx3-ubyte.gz": ["cut"] * 2}
    dataset = load_dataset()
    assert dataset.name == "digits"
    assert dataset.notice is not None
    assert "mnist.npz ended after" in dataset.notice
    assert cached() == {"mnist.npz.part", "train-images-idx3-ubyte.gz.part"}
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
    monkeypatch.setattr(request, "SECONDS", 3)
    server.faults["mnist.npz"] = ["silent"]
    assert load_dataset().notice is None
    assert len(cached()) == 4


def test_a_host_that_cannot_be_reached(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*arguments: object, **options: object) -> None:
        server.closing.wait(10)
        raise TimeoutError

    monkeypatch.setattr(request, "SECONDS", 0.1)
    monkeypatch.setattr(request.urllib.request, "urlopen", hang)
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
    file = locate.cache_folder() / "mnist.npz"
    file.write_bytes(file.read_bytes()[:1000])
    assert load_dataset().notice is None
    assert file.read_bytes() == server.files["mnist.npz"]


def test_two_at_once_download_once(server: Server) -> None:
    server.pause = 0.3
    with ThreadPoolExecutor(2) as pool:
        datasets = [answer.result() for answer in [pool.submit(load_dataset) for _ in range(2)]]
    assert server.requests == ["mnist.npz"]
    assert [dataset.notice for dataset in datasets] == [None, None]


def test_waiting_for_another_download_can_be_given_up(server: Server) -> None:
    folder = locate.cache_folder()
    folder.mkdir(parents=True)
    told = []

    def give_up(done: int, total: int) -> None:
        told.append((done, total))
        raise KeyboardInterrupt

    with filelock.FileLock(folder / "download.lock"), pytest.raises(KeyboardInterrupt):
        load_dataset(progress=give_up)
    assert told == [(0, registry.get("mnist").sources[0][0].size)]
    assert server.requests == []


def test_a_full_disk_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, piece: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    real = Path.open

    def opened(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.parent != locate.cache_folder():  # scikit-learn's digits are on another disk
            return real(path, *arguments, **options)
        path.touch()
        return Full()

    monkeypatch.setattr(Path, "open", opened)
    notice = load_dataset().notice
    assert notice is not None
    assert f"{locate.cache_folder()} has no room for" in notice
    assert server.requests == ["mnist.npz"]
    assert cached() == set()


def test_a_cache_folder_that_cannot_be_made(server: Server) -> None:
    folder = locate.cache_folder()
    folder.parent.mkdir(parents=True)
    folder.touch()
    notice = load_dataset().notice
    assert notice is not None
    assert "File exists" in notice


# --- asked for in a page ------------------------------------------------------


def notice() -> AppTest:
    """What every page says of the digits on this machine."""

    def page() -> None:
        from ui.notices import data_notice

        data_notice()

    return AppTest.from_function(page).run()


def test_a_page_downloads_mnist_when_asked_to(server: Server) -> None:
    run = runs.create(Recipe.load("fast"))
    assert caching.nearest(run) is None
    app = notice()
    assert "not on this machine yet" in app.caption[0].value
    assert server.requests == []
    app.button[0].click().run()
    assert not app.exception
    assert server.requests == ["mnist.npz"]
    assert [*app.caption, *app.button, *app.error] == []
    assert caching.nearest(run) is not None


def test_a_page_says_why_mnist_cannot_be_downloaded_and_may_be_asked_again(server: Server) -> None:
    server.faults = {name: ["missing"] for name in server.files}
    app = notice()
    app.button[0].click().run()
    assert not app.exception
    assert "could not be downloaded" in app.error[0].value
    app.button[0].click().run()
    assert [*app.button, *app.error] == []
    assert available()


def test_a_page_knows_whether_a_server_can_be_reached(server: Server) -> None:
    assert datasets.reachable("mnist")
    assert reach.can_be_downloaded("mnist")
    server.close()
    assert not datasets.reachable("mnist")
    assert reach.can_be_downloaded("mnist"), "an answer is good for a minute"
