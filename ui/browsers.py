"""Which browser began what: a random mark in a cookie, which says nothing of a person.

A run's state keeps the mark of the browser that began it. Other browsers show it as a pseudonym and ask
before they stop that run. It is a courtesy among the people of one server, and guards nothing.
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from streamlit.delta_generator import DeltaGenerator

from digitcore.runs import Claimable, RunError, State

COOKIE = "digit_studio_browser"
_YEAR = 365 * 24 * 3600
_MARK = re.compile(r"[0-9a-f]{16}")
_MANNERS = [
    "agile",
    "bold",
    "brave",
    "bright",
    "brisk",
    "busy",
    "calm",
    "clever",
    "cosy",
    "curious",
    "daring",
    "deft",
    "eager",
    "early",
    "fair",
    "gentle",
    "glad",
    "humble",
    "jolly",
    "keen",
    "kind",
    "lively",
    "lucky",
    "merry",
    "mild",
    "nimble",
    "patient",
    "proud",
    "quick",
    "quiet",
    "sunny",
    "witty",
]
_ANIMALS = [
    "badger",
    "bear",
    "beaver",
    "bison",
    "bittern",
    "crane",
    "crow",
    "curlew",
    "deer",
    "dolphin",
    "eagle",
    "elk",
    "falcon",
    "finch",
    "fox",
    "hare",
    "hawk",
    "heron",
    "ibex",
    "jay",
    "lark",
    "lynx",
    "magpie",
    "marten",
    "moose",
    "otter",
    "owl",
    "raven",
    "seal",
    "stork",
    "swan",
    "wren",
]


def give_mark(request: Request, response: Response) -> None:
    """Gives a browser that has no mark one, with the page that it asked for."""
    if not _MARK.fullmatch(request.cookies.get(COOKIE, "")):
        secure = request.url.scheme == "https"
        mark = secrets.token_hex(8)
        response.set_cookie(COOKIE, mark, _YEAR, httponly=True, samesite="lax", secure=secure)


def this_browser() -> str:
    """The mark of the browser in which this session is; of one without cookies, the session's own."""
    given = str(st.context.cookies.get(COOKIE, ""))  # AppTest has no text there
    if _MARK.fullmatch(given):
        return given
    return str(st.session_state.setdefault("browser", secrets.token_hex(8)))


def record(begun: Claimable) -> None:
    """Notes that this browser began it."""
    with suppress(RunError, OSError):  # it trains without this note
        begun.update(begun_by=this_browser())


def someone_else(state: State | None) -> str:
    """The pseudonym of the browser that began it; empty if this one did, or a shell, or nobody knows."""
    if not state or not state.begun_by or state.begun_by == this_browser():
        return ""
    return pseudonym(state.begun_by)


def pseudonym(mark: str) -> str:
    """`quiet heron`: two words of which there are 1,024 pairs, always the same for a mark."""
    number = int(mark[:4], 16)
    return f"{_MANNERS[number % len(_MANNERS)]} {_ANIMALS[number // len(_MANNERS) % len(_ANIMALS)]}"


def asked_first(
    state: State | None, label: str, icon: str, disabled: bool = False
) -> DeltaGenerator:
    """Where to put the button that ends it: after a question if another browser began it."""
    if not (other := someone_else(state)):
        return st.container(width="content")
    box = st.popover(label, icon=icon, disabled=disabled)
    box.markdown(f"**{other}** began this, in another browser. End it all the same?")
    return box
