"""What the server does besides Streamlit: a page's first frame, and all that can be done ahead."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import threading
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from string import Template

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from streamlit.runtime.pages_manager import PagesManager

from digitcore import datasets
from digitcore.datasets import registry
from digitcore.jobs import queue
from ui import browsers, engine_answers, map_answers, reach
from ui.frame import ICON, PAGES, tab_title
from ui.memory import give_back, keep_small
from ui.slow_requests import limit

_HERE = Path(__file__).parent
_HTML = Path(st.__file__).parent / "static" / "index.html"
_THEME = {"ink": "textColor", "ground": "backgroundColor", "shade": "secondaryBackgroundColor"}

# Set at the end of the first page that anybody sees.
first_page_drawn = threading.Event()
_UNVISITED = 5.0  # seconds after which a server that nobody has opened yet gets ready for more


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """From the server's start to its end."""
    give_back()
    limit()
    # Until a first session calls `st.navigation`, Streamlit takes a folder named `pages` for an app
    # whose menu lists that folder's files, and shows such a menu.
    PagesManager.uses_pages_directory = False
    threading.Thread(target=_get_ready, name="ready", daemon=True).start()
    yield


def _get_ready() -> None:
    if not st.get_option("server.headless"):
        webbrowser.open(_address())
    importlib.import_module("ui.live_run")  # with it comes what the first page needs
    with suppress(datasets.DataError):  # the pages say it
        if datasets.available():
            datasets.load_dataset(download=False)
        else:
            reach.can_be_downloaded(registry.names()[0])
    # Python runs one thread at a time: the first page would wait for the modules of the others.
    first_page_drawn.wait(_UNVISITED)
    for module in pkgutil.iter_modules([str(_HERE)]):
        importlib.import_module(f"ui.{module.name}")
    if queue.queued():  # since the last server ended
        queue.keep_warm()
        queue.ensure_worker()
    keep_small()


def _address() -> str:
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    host = st.get_option("server.address")
    if host in (None, "0.0.0.0", "::"):
        host = "localhost"
    return f"{scheme}://{host}:{st.get_option('server.port')}{_base()}/"


def _base() -> str:
    """What precedes each page's path: nothing, or `/studio` where the server is told so."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}" if path else ""


def routes() -> list[Route]:
    """The icon, what maps and the engine ask for, and each page's HTML with our title and what is seen until it is drawn."""

    async def icon(_: Request) -> Response:
        return FileResponse(_HERE.parent / ICON)

    base = f"{_base()}/"
    paths = {page: base + page.lower() for page in PAGES} | {next(iter(PAGES)): base}
    pages = [Route(path, _answer(page)) for page, path in paths.items()]
    answers = [
        Route(f"{base}map/points", map_answers.points),
        Route(f"{base}map/images", map_answers.images),
        Route(f"{base}engine/network", engine_answers.network),
        Route(f"{base}engine/{{name}}", engine_answers.script),
    ]
    return [Route(f"{base}favicon.png", icon), *answers, *pages]


def _answer(page: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        response = HTMLResponse(_first_frame(page), headers={"Cache-Control": "no-cache"})
        browsers.give_mark(request, response)
        return response

    return answer


@functools.cache
def _first_frame(page: str) -> str:
    first = next(iter(PAGES))
    links = "".join(
        f'<a href="./{"" if title == first else title.lower()}"'
        f"{' aria-current=page' if title == page else ''}>{title}</a>"
        for title in PAGES
    )
    colours = {
        f"{theme}_{name}": st.get_option(f"theme.{theme}.{option}")
        for theme in ("light", "dark")
        for name, option in _THEME.items()
    }
    frame = Template((_HERE / "first_frame.html").read_text("utf-8")).substitute(
        colours,
        font=st.get_option("theme.font"),
        links=links,
        page=page,
        sidebar="<aside></aside>" if page == first else "",  # the one page that has a sidebar
    )
    given = _HTML.read_text("utf-8")
    given = given.replace("<title>Streamlit</title>", f"<title>{tab_title(page)}</title>")
    return given.replace("</body>", f"{frame}</body>")
