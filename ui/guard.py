"""Who may use the server: requests to a name of its own, and websockets of its own pages."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

_log = logging.getLogger(__name__)


class OwnPagesOnly:
    """Refuses what Streamlit itself lets through.

    Streamlit compares the name that a request asks for with `server.allowedHosts` for websockets
    alone, and takes a websocket from a page of any port of this computer, or of no page at all. So
    any other local page could use the app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; refused with status 403, or passed on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host"), headers.get("origin")
        websocket = scope["type"] == "websocket"
        if is_host_allowed(host) and (not websocket or is_own(origin, host)):
            await self.app(scope, receive, send)
            return
        _log.warning("Refused a request to %.100r from a page of %.100r.", host, origin)
        if websocket:
            await send({"type": "websocket.close", "code": 1008, "reason": "policy"})
        else:
            told = "This server is not called so; server.allowedHosts has its names.\n"
            await PlainTextResponse(told, 403)(scope, receive, send)


def is_own(origin: str | None, host: str | None) -> bool:
    """Whether a page of this origin may open a websocket to this host: its own, or a trusted one.

    Streamlit then compares the origin with `server.corsAllowedOrigins` in its own way, too.
    """
    if not st.get_option("server.enableCORS"):
        return True
    if not origin or not host:
        return False
    try:
        own = urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
    trusted = st.get_option("server.corsAllowedOrigins")
    return own or origin.lower() in {one.strip().rstrip("/").lower() for one in trusted}
