"""A page without a browser: speaks Streamlit's own protocol over a websocket, as its page does.

What a browser sends was read off Chromium's websocket, and what Streamlit's page does with
the answers from its source (1.67): it repeats the states of all widgets with every message,
asks for a fragment anew at the interval that the server named, ends these timers when the
whole page is drawn anew, and keeps large messages so that the server need not send them twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from widgets import fabric_path, widget_state

Seen = Callable[[Element], bool]


class Request:
    """A message that was sent, and when its answer came; both in milliseconds after the sending.

    `first` is when the awaited element was received, `finished` when the script had ended.
    """

    def __init__(self, page: str, seen: Seen | None) -> None:
        loop = asyncio.get_running_loop()
        self.first: asyncio.Future[float] = loop.create_future()
        self.finished: asyncio.Future[float] = loop.create_future()
        self.sent = time.perf_counter()
        self.page, self.seen = page, seen
        self.begun = False

    def look(self, element: Element) -> None:
        if self.begun and self.seen and not self.first.done() and self.seen(element):
            self.first.set_result(self.age)

    def finish(self) -> None:
        if self.begun and not self.finished.done():
            self.finished.set_result(self.age)

    def fail(self, error: Exception) -> None:
        for future in (self.first, self.finished):
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody may be waiting for it

    @property
    def age(self) -> float:
        return 1000 * (time.perf_counter() - self.sent)


class Client:
    """One open page. `ticks` are the milliseconds that each refresh of a live fragment took.

    A tick's time is from the timer's message to the end of the fragment's script. The server
    answers several that wait with one run; the time is then that of the oldest.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.ticks: list[float] = []
        self.errors: list[str] = []
        self._pages: dict[str, str] = {}  # a page's name in the address, and its hash
        self._page = self._query = ""
        self._widgets: dict[str, WidgetState] = {}
        self._drawn: set[str] = set()
        self._buttons: dict[str, tuple[str, str]] = {}  # a label, and its id and fragment
        self._canvas = ("", "")
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._cache: dict[str, list[Any]] = {}  # a hash, and message, fragment and last use
        self._script_runs = 0
        self._run_fragments: list[str] = []
        self._tick_sent: float | None = None
        self._tick_begun: float | None = None
        self._request: Request | None = None
        self._socket: ClientConnection
        self._reader: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        self._socket = await connect(
            address, origin=self.url, subprotocols=["streamlit"], max_size=None
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end_timers()
        await self._socket.close()
        await self._reader

    async def open(self, page: str = "", query: str = "", seen: Seen | None = None) -> Request:
        """The first message of a page: what stands in the address bar."""
        self._query = query
        message = self._message()
        message.rerun_script.page_name = page
        return await self._asking("", seen, message)

    async def visit(self, page: str, query: str = "", seen: Seen | None = None) -> Request:
        """A click on a link to a page: `explore`, or an empty name for the first one."""
        self._end_timers()
        self._page, self._query, self._widgets = self._pages[page], query, {}
        return await self._asking(self._page, seen, self._message())

    async def press(self, label: str, seen: Seen | None = None) -> Request:
        """A click on the button with this label."""
        button, fragment = self._buttons[label]
        message = self._message(fragment)
        message.rerun_script.widget_states.widgets.add(id=button, trigger_value=True)
        return await self._asking(self._page, seen, message)

    async def draw(
        self, strokes: Sequence[Sequence[tuple[float, float]]], seen: Seen | None = None
    ) -> Request:
        """The canvas with all its strokes; points are in pixels of the canvas."""
        widget, fragment = self._canvas
        raw = {"version": "7.4.0", "objects": [fabric_path(stroke) for stroke in strokes]}
        value = {"drawing": {"raw": {**raw, "background": "#000000"}, "data": None}}
        text = json.dumps(value, separators=(",", ":"))
        self._widgets[widget] = WidgetState(id=widget, json_value=text)
        return await self._asking(self._page, seen, self._message(fragment))

    @property
    def query(self) -> str:
        """What stands behind the `?` in the address bar."""
        return self._query

    def _message(self, fragment: str = "") -> BackMsg:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page
        state.fragment_id = fragment
        state.widget_states.widgets.extend(self._widgets.values())
        state.cached_message_hashes.extend(self._cache)
        state.context_info.timezone, state.context_info.locale = "UTC", "en-US"
        state.context_info.url, state.context_info.color_scheme = self.url + "/", "light"
        return message

    async def _asking(self, page: str, seen: Seen | None, message: BackMsg) -> Request:
        data = message.SerializeToString()
        self._request = Request(page, seen)
        await self._socket.send(data)
        return self._request

    async def _read(self) -> None:
        try:
            async for data in self._socket:
                message = ForwardMsg()
                message.ParseFromString(data)
                self._receive(message)
        except ConnectionClosed as error:
            self.errors.append(str(error))
        finally:
            if self._request:
                self._request.fail(ConnectionError("The server closed the connection."))

    def _receive(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            metadata = message.metadata
            kept = self._cache[message.ref_hash]
            kept[2] = self._script_runs
            message.CopyFrom(kept[0])
            message.metadata.CopyFrom(metadata)
            kind = "delta"
        elif message.metadata.cacheable:
            fragment = message.delta.fragment_id
            self._cache.setdefault(message.hash, [message, fragment, self._script_runs])
        if kind == "delta":
            self._delta(message.delta)
        elif kind == "new_session":
            self._begin(message)
        elif kind == "script_finished":
            self._finish(message)
        elif kind == "navigation":
            self._pages = {
                page.url_pathname: page.page_script_hash for page in message.navigation.app_pages
            }
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._start_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._end_timers(fragment)

    def _begin(self, message: ForwardMsg) -> None:
        self._run_fragments = list(message.metadata.run.fragment_ids)
        if self._run_fragments:
            self._tick_begun, self._tick_sent = self._tick_sent, None
        else:
            self._end_timers()
            self._drawn = set()
        # A switch of the page interrupts a run of the last page, whose messages may still come.
        page = message.new_session.page_script_hash
        if self._request and self._request.page in ("", page):
            self._request.begun = True

    def _finish(self, message: ForwardMsg) -> None:
        status = message.script_finished
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.errors.append("The script does not compile.")
        if self._tick_begun is not None:
            self.ticks.append(1000 * (time.perf_counter() - self._tick_begun))
            self._tick_begun = None
        if not self._run_fragments:
            self._widgets = {i: w for i, w in self._widgets.items() if i in self._drawn}
        self._forget()
        if self._request:
            self._request.finish()

    def _forget(self) -> None:
        # A message is kept for two runs of what drew it (`global.maxCachedMessageAge`).
        self._script_runs += 1
        ran = self._run_fragments
        for key, (_, fragment, used) in list(self._cache.items()):
            if (not ran or fragment in ran) and self._script_runs - used > 2:
                del self._cache[key]

    def _delta(self, delta: Delta) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "button":
            self._buttons[element.button.label] = (element.button.id, delta.fragment_id)
        elif kind == "bidi_component" and "canvas" in element.bidi_component.component_name:
            self._canvas = (element.bidi_component.id, delta.fragment_id)
            self._drawn.add(element.bidi_component.id)
        elif kind == "exception":
            self.errors.append(element.exception.message)
        elif state := widget_state(element):
            self._drawn.add(state.id)
            if getattr(element, kind).set_value or state.id not in self._widgets:
                self._widgets[state.id] = state
        if self._request:
            self._request.look(element)

    def _start_timer(self, fragment: str, interval: float) -> None:
        if fragment not in self._timers:
            self._timers[fragment] = asyncio.create_task(self._tick(fragment, interval))

    def _end_timers(self, *fragments: str) -> None:
        for fragment in fragments or list(self._timers):
            if timer := self._timers.pop(fragment, None):
                timer.cancel()

    async def _tick(self, fragment: str, interval: float) -> None:
        due = time.perf_counter()
        while True:
            due += interval
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            message = self._message(fragment)
            message.rerun_script.is_auto_rerun = True
            self._tick_sent = self._tick_sent or time.perf_counter()
            await self._socket.send(message.SerializeToString())
