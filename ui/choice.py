"""One of a few, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def choice(
    label: str,
    options: Sequence[T],
    key: str,
    *,
    in_address: bool = False,
    format_func: Callable[[T], str] = str,
) -> T:
    """The option that is chosen, the first one at first.

    It is kept for the session; with `in_address` it stands in the address under its key instead,
    so that a link leads to it. The label is for who cannot see the options.
    """
    return st.segmented_control(
        label,
        options,
        default=options[0],
        required=True,
        key=key,
        format_func=format_func,
        label_visibility="collapsed",
        bind="query-params" if in_address else None,
        persist_state=None if in_address else "session",
    )
