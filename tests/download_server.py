"""A web server on this machine that serves files as mirrors do: well, or with a fault."""

from __future__ import annotations

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from digitcore.datasets.info import RemoteFile


class Server:
    """Serves `files`; `faults` of a path are used up, one a request, before it serves well.

    Faults: `missing` (404), `changed` (other bytes of the same length), `cut` (the connection ends
    in the middle of what is left), `silent` (no answer), `stuck` (no more after half of it),
    `elsewhere` (a rest that begins at another byte), `range` (416, as if the file were shorter).
    """

    def __init__(self, *, resumes: bool = True) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}
        self.requests: list[str] = []
        self.starts: list[int] = []  # of each request, the first byte that it wants
        self.resumes = resumes  # whether it knows of ranges
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
        begin = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.starts.append(begin)
        if content is None or fault in ("missing", "range"):
            request.send_error(416 if fault == "range" else 404)
            return
        if fault == "changed":
            content = bytes(len(content))
        partial = self.resumes and begin > 0
        given = content[begin:] if partial else content
        request.send_response(206 if partial else 200)
        if partial:
            first = begin + 1 if fault == "elsewhere" else begin
            request.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(given)))
        request.end_headers()
        request.wfile.write(given[: len(given) // 2] if fault in ("cut", "stuck") else given)
        if fault == "stuck":
            request.wfile.flush()
            self.closing.wait(30)

    def close(self) -> None:
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()

    def remote(self, name: str, content: bytes, algorithm: str = "sha256") -> RemoteFile:
        """That file, which is served from now on."""
        self.files[name] = content
        digest = hashlib.new(algorithm, content).hexdigest()
        url = f"http://{self.host}/{name}"
        return RemoteFile(name, len(content), f"{algorithm}:{digest}", (url,))

    def source(self, *files: Path) -> tuple[RemoteFile, ...]:
        """A source of these files, which are served from now on."""
        return tuple(self.remote(file.name, file.read_bytes()) for file in files)
