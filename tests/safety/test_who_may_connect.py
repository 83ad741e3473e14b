"""A real server answers to its own names and lets its own pages alone use the app."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from browser.app import App, serve
from studio import until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

STRANGERS = [None, "http://localhost:1", "http://127.0.0.1:8501", "https://evil.example", "null"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with serve(tmp_path_factory.mktemp("models")) as app:
        yield app


def get(app: App, path: str, host: str) -> http.client.HTTPResponse:
    link = http.client.HTTPConnection(app.url.removeprefix("http://"), timeout=60)
    link.request("GET", path, headers={"Host": host})
    answer = link.getresponse()
    answer.read()
    link.close()
    return answer


@pytest.mark.parametrize("path", ["/", "/draw", "/_stcore/host-config", "/static/none.js"])
def test_a_name_that_is_not_the_servers_gets_neither_page_nor_cookie(app: App, path: str) -> None:
    for host in ("evil.example", "localhost.evil.example", "evil.example:8501", "a@localhost"):
        answer = get(app, path, host)
        assert answer.status == 403
        assert answer.headers["Set-Cookie"] is None
    for host in ("localhost", "127.0.0.1:8501", "[::1]:8501"):
        assert get(app, path, host).status != 403


@pytest.mark.parametrize("origin", STRANGERS)
def test_a_websocket_of_another_page_or_of_none_is_refused(app: App, origin: str | None) -> None:
    address = app.url.replace("http", "ws") + "/_stcore/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin=origin, subprotocols=["streamlit"])
    assert refused.value.response.status_code == 403
    assert "Refused a request" in (app.models / "server.log").read_text()


def test_a_websocket_of_the_servers_own_page_is_taken(app: App) -> None:
    address = app.url.replace("http", "ws") + "/_stcore/stream"
    with connect(address, origin=app.url, subprotocols=["streamlit"]) as link:
        assert link.ping().wait(60)


def test_a_class_on_a_network_and_a_trusted_proxy_are_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", "10.1.2.3 localhost")
    monkeypatch.setenv("STREAMLIT_SERVER_CORS_ALLOWED_ORIGINS", "https://class-8501.example")
    with serve(tmp_path) as app:
        assert get(app, "/", "10.1.2.3:8501").status == 200
        port = int(app.url.rpartition(":")[2])
        for host, origin in (
            ("10.1.2.3:8501", "http://10.1.2.3:8501"),
            ("localhost:8501", "https://class-8501.example"),
        ):
            address = f"ws://{host}/_stcore/stream"
            wire = socket.create_connection(("localhost", port))
            with connect(address, sock=wire, origin=origin, subprotocols=["streamlit"]) as link:
                assert link.ping().wait(60)


@pytest.mark.parametrize("message", [b"\xff\xff\xff", "text"])
def test_a_malformed_message_ends_its_connection_and_is_in_the_log(
    app: App, message: str | bytes
) -> None:
    log = app.models / "server.log"
    before = len(log.read_bytes())
    address = app.url.replace("http", "ws") + "/_stcore/stream"
    with connect(address, origin=app.url, subprotocols=["streamlit"]) as link:
        link.send(message)
        with suppress(ConnectionClosed):
            while link.recv(60):
                pass
    until(lambda: b"message" in log.read_bytes()[before:] or b"text frames" in log.read_bytes())


# The app, but it waits for one second instead of thirty.
IMPATIENT = """
import ui.slow_requests
from streamlit.web.cli import main
ui.slow_requests.SECONDS = 1.0
main(prog_name="streamlit")
"""


def test_a_connection_that_does_not_end_its_headers_is_closed(tmp_path: Path) -> None:
    with serve(tmp_path, streamlit=("-c", IMPATIENT)) as app:

        def link(*begun: bytes) -> socket.socket:
            one = socket.create_connection(("localhost", int(app.url.rsplit(":", 1)[1])), 60)
            for data in begun:
                one.sendall(data)
            return one

        whole = b"GET /_stcore/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        again = link(whole)
        assert again.recv(1000).startswith(b"HTTP/1.1 200")
        again.sendall(whole[:20])
        slow = [link(), link(b"GET"), link(whole[:-2]), again]
        drip = link(b"GET /")
        with suppress(OSError):
            for _ in range(60):  # a byte now and then gains no time
                drip.sendall(b"x")
                time.sleep(0.1)
        for one in [*slow, drip]:
            with suppress(ConnectionResetError):
                while one.recv(1000):
                    pass
            one.close()
        address = app.url.replace("http", "ws") + "/_stcore/stream"
        with connect(address, origin=app.url, subprotocols=["streamlit"]) as websocket:
            time.sleep(1.5)
            assert websocket.ping().wait(60)
        assert "sent no whole request" in (tmp_path / "server.log").read_text()
