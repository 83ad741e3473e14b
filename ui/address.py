"""What a page shows is in its address, so that a link and a reload show the same.

A widget keeps its value there under its key (`bind="query-params"`). What no widget of Streamlit's holds
(the run, selected rows, an opened image, the name of a drawing) is kept with `keep`. Whoever reads an
address takes it for a stranger's: what is not one of the options is ignored.
"""

from __future__ import annotations

import streamlit as st


def read(name: str) -> str | None:
    """What the address says under that name; None if nothing."""
    return st.query_params.get(name)


def keep(name: str, value: str | None) -> None:
    """Puts a value into the address; None takes it out."""
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def bring_back(name: str) -> None:
    """To be called before a widget is drawn that a page does not always draw: it says what it said last."""
    last = st.session_state.get(f"{name}-last")
    if name not in st.session_state and last is not None and read(name) is None:
        st.session_state[name] = last


def remember(name: str, value: object) -> None:
    """What `bring_back` is to bring back, once the widget was drawn."""
    st.session_state[f"{name}-last"] = value
