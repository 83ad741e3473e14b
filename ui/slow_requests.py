"""Ends a connection whose request does not get to the end of its headers.

uvicorn, in which Streamlit's server runs, waits for that without end, so that anyone could take all of
the server's connections. It has no setting for it, and a middleware comes after the headers; so its
class of a connection is extended.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

SECONDS = 30.0

_log = logging.getLogger(__name__)
_made: Any = AutoHTTPProtocol.connection_made
_received: Any = AutoHTTPProtocol.data_received


def limit() -> None:
    """From now on, for every new connection of this process."""
    connection: Any = AutoHTTPProtocol
    connection.connection_made = _connection_made
    connection.data_received = _data_received


def _connection_made(self: Any, transport: Any) -> None:
    _made(self, transport)
    self.deadline = None
    _wait(self)


def _data_received(self: Any, data: bytes) -> None:
    before = self.cycle
    _received(self, data)
    if self.cycle is not before:  # a request's headers ended
        self.deadline.cancel()
    elif before is None or before.response_complete:
        _wait(self)


def _wait(self: Any) -> None:
    """For the end of the headers that have begun; whoever sends them bit by bit gains no time."""
    if self.deadline is None or self.deadline.cancelled():
        self.deadline = asyncio.get_running_loop().call_later(SECONDS, _end, self)


def _end(self: Any) -> None:
    # A websocket goes on in another protocol, and uvicorn itself ends what was answered and idles.
    if self.transport.get_protocol() is self and not self.transport.is_closing():
        _log.warning("Ended a connection that sent no whole request in %.0f seconds.", SECONDS)
        self.transport.close()
