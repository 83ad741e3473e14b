"""HTTP requests that are answered within seconds or fail, for a file or the rest of one."""

from __future__ import annotations

import functools
import http.client
import queue
import ssl
import threading
import urllib.error
import urllib.request

SECONDS = 10  # to connect and begin to answer, and again for each piece


class RangeError(OSError):
    """The server cannot send the rest of a file."""


def opened(url: str, begun: int = 0) -> http.client.HTTPResponse:
    """The response with the bytes from `begun` on, or with all bytes if the server cannot send a part.

    Raises:
        RangeError: the file there is not as long, or the answer begins elsewhere.
        OSError: no answer within SECONDS, or a refusal.
    """
    headers = {"User-Agent": "digitcore"}
    if begun:
        headers["Range"] = f"bytes={begun}-"
    try:
        answer = _answer(urllib.request.Request(url, headers=headers))
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        raise RangeError(f"the file there has no bytes after {begun:,}") from None
    given = answer.headers.get("Content-Range", "")
    if answer.status == http.client.PARTIAL_CONTENT and not given.startswith(f"bytes {begun}-"):
        answer.close()
        raise RangeError(f"the bytes from {begun:,} were requested, and {given or 'others'} came")
    return answer


def answers(url: str) -> bool:
    """Whether the server of that address answers at all, within SECONDS."""
    head = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "digitcore"})
    try:
        _answer(head).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _answer(request: urllib.request.Request) -> http.client.HTTPResponse:
    """The answer to a request, or an OSError after SECONDS.

    The thread is for that limit: left alone, urllib waits so long for each of a
    host's many addresses, and for a name server as long as it likes.
    """
    answers: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def send() -> None:
        try:
            answers.put(urllib.request.urlopen(request, timeout=SECONDS, context=_certificates()))
        except Exception as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # It is an open answer, too.
            answers.put(error)

    threading.Thread(target=send, daemon=True).start()
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


def why(error: Exception) -> str:
    """The reason of a failed request or file operation, without codes and brackets."""
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
