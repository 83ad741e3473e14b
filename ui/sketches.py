"""Drawings that the server keeps under a name in the address, so that they survive a reload."""

from __future__ import annotations

import secrets
from typing import Any

import streamlit as st

from ui import address


def sketch_name() -> str:
    """The name of this person's drawings, which is in the address."""
    known = address.read("sketch") or st.session_state.get("sketch")
    name = (known or secrets.token_urlsafe(8))[:20]
    st.session_state["sketch"] = name
    address.keep("sketch", name)
    return name


@st.cache_resource(max_entries=500, show_spinner=False)
def sheet_of(name: str) -> dict[str, Any]:
    """The drawing of that name, as long as the server runs; change it in place."""
    return {}
