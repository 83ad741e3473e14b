"""Which digits are shown: kept in the session, set by widgets or by a click on a matrix."""

from __future__ import annotations

from typing import Any

import streamlit as st

from digitcore.analysis import classification

ANY = "any"
DEFAULTS = {
    "true": ANY,
    "read": ANY,
    "order": "most confident",
    "confidence": (0, 100),
    "only_errors": True,
}


def start() -> None:
    """Gives the filters their defaults; to be called before a widget is drawn."""
    for name, value in DEFAULTS.items():
        st.session_state.setdefault(f"explore_{name}", value)


def unchanged() -> bool:
    """Whether all filters are at their defaults."""
    return all(st.session_state[f"explore_{name}"] == v for name, v in DEFAULTS.items())


def cell() -> tuple[int | None, int | None]:
    """The true digit and the digit read that are asked for; None is any."""
    true, read = (st.session_state[f"explore_{name}"] for name in ("true", "read"))
    return (None if true == ANY else true, None if read == ANY else read)


def choose(true: int, read: int) -> None:
    """Shows the digits of one cell of the matrix, which was clicked."""
    _set(true=true, read=read)


def change(**values: Any) -> None:
    """Sets filters, or takes note that a widget did."""
    _set(**values)
    # A new key, because a chart cannot be told to forget what was clicked in it.
    st.session_state["explore_chart"] = st.session_state.get("explore_chart", 0) + 1


def _set(**values: Any) -> None:
    for name, value in values.items():
        st.session_state[f"explore_{name}"] = value
    true, read = cell()
    # A cell has right digits or wrong ones, never both.
    if true is not None and read is not None:
        st.session_state["explore_only_errors"] = true != read


def filters() -> dict[str, Any]:
    """Draws the widgets and returns what they say, as arguments of `evaluation.select`."""
    digits = [ANY, *range(10)]
    more = {"persist_state": "session"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, label in (("true", "True digit"), ("read", "Read as")):
            st.selectbox(label, digits, key=f"explore_{name}", width=96, on_change=change, **more)
        order = st.selectbox(
            "Sort",
            classification.ORDERS,
            key="explore_order",
            width=170,
            format_func=str.capitalize,
            **more,
        )
        confidence = st.slider(
            "Confidence", 0, 100, key="explore_confidence", format="%d %%", width=220, **more
        )
        errors = st.toggle("Only errors", key="explore_only_errors", **more)
    true, read = cell()
    return {
        "true": true,
        "predicted": read,
        "confidence": (confidence[0] / 100, confidence[1] / 100),
        "only_errors": errors,
        "order": order,
    }


def title(asked: dict[str, Any], count: int) -> str:
    """What is shown, as Markdown: `**4 read as 9** · 6 digits`."""
    true, read = asked["true"], asked["predicted"]
    what = {
        (True, True): f"{true} read right" if true == read else f"{true} read as {read}",
        (True, False): f"{true} read wrong" if asked["only_errors"] else f"{true}",
        (False, True): f"Wrongly read as {read}" if asked["only_errors"] else f"Read as {read}",
        (False, False): "All errors" if asked["only_errors"] else "All digits",
    }[true is not None, read is not None]
    return f"**{what}** · {count:,} digit{'' if count == 1 else 's'}"
