"""One of a few, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from ui import address

T = TypeVar("T")


def choice(
    label: str,
    options: Sequence[T],
    key: str,
    *,
    format_func: Callable[[T], str] = str,
) -> T:
    """The option that is chosen, the first one at first.

    It stands in the address under its key (see `address`). The label is for who cannot see the options.
    """
    address.bring_back(key)
    # What is chosen may not be offered any more, as after a run of another dataset.
    if st.session_state.get(key, options[0]) not in options:
        st.session_state[key] = options[0]
    chosen = st.segmented_control(
        label,
        options,
        default=options[0],
        required=True,
        key=key,
        format_func=format_func,
        label_visibility="collapsed",
        bind="query-params",
    )
    chosen = options[0] if chosen is None else chosen  # an address may leave it empty
    address.remember(key, chosen)
    return chosen
