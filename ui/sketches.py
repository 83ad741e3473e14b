"""What people drew, kept by the server under a name in the address: it outlives a reload."""

from __future__ import annotations

import secrets
from typing import Any

import streamlit as st


def sketch_name() -> str:
    """What this person's drawings are kept under: it stands in the address, and outlives a reload."""
    asked = st.query_params.get("sketch") or st.session_state.get("sketch")
    name = (asked or secrets.token_urlsafe(8))[:20]
    st.session_state["sketch"] = name
    if st.query_params.get("sketch") != name:
        st.query_params["sketch"] = name
    return name


@st.cache_resource(max_entries=500, show_spinner=False)
def sheet_of(name: str) -> dict[str, Any]:
    """The drawing of that name, for as long as the server runs; to be written into."""
    return {}
