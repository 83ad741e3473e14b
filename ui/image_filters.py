"""Which images are shown: kept in the address, set by widgets or by a click on a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from digitcore.analysis import classification
from ui import text

ANY = "any"
DEFAULTS = {
    "true": ANY,
    "predicted": ANY,
    "sort": classification.ORDERS[0],
    "confidence": (0, 100),
    "errors": True,
}


def start(classes: int) -> None:
    """Forgets a class that the run's dataset lacks, as after a run of another one.

    To be called before a widget is drawn.
    """
    for name in ("true", "predicted"):
        value = st.session_state.get(name, ANY)
        if value != ANY and value >= classes:
            st.session_state[name] = ANY


def unchanged() -> bool:
    """Whether all filters are at their defaults."""
    return all(st.session_state[name] == v for name, v in DEFAULTS.items())


def cell() -> tuple[int | None, int | None]:
    """The true and the predicted class to show; None is any."""
    true, predicted = (st.session_state[name] for name in ("true", "predicted"))
    return (None if true == ANY else true, None if predicted == ANY else predicted)


def choose(true: int, predicted: int) -> None:
    """Shows the images of one cell of the matrix, which was clicked."""
    _set(true=true, predicted=predicted)


def change(**values: Any) -> None:
    """Sets filters, or takes note that a widget did."""
    _set(**values)
    # A new key, because a chart cannot be told to forget what was clicked in it.
    st.session_state["explore_chart"] = st.session_state.get("explore_chart", 0) + 1


def _set(**values: Any) -> None:
    for name, value in values.items():
        st.session_state[name] = value
    true, predicted = cell()
    # A cell has correct images or wrong ones, never both.
    if true is not None and predicted is not None:
        st.session_state["errors"] = true != predicted


def filters(names: Sequence[str]) -> dict[str, Any]:
    """Draws the widgets and returns what they say, as arguments of `classification.select`."""
    classes = [ANY, *range(len(names))]
    width = 96 if max(map(len, names)) <= 3 else 150
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, label in (("true", "True"), ("predicted", "Predicted")):
            st.selectbox(
                label,
                classes,
                key=name,
                width=width,
                on_change=change,
                format_func=lambda value: ANY if value == ANY else names[value],
                bind="query-params",
            )
        order = st.selectbox(
            "Sort",
            classification.ORDERS,
            key="sort",
            width=170,
            format_func=str.capitalize,
            bind="query-params",
        )
        confidence = st.slider(
            "Confidence",
            0,
            100,
            DEFAULTS["confidence"],
            key="confidence",
            format="%d %%",
            width=220,
            bind="query-params",
        )
        errors = st.toggle("Only errors", DEFAULTS["errors"], key="errors", bind="query-params")
    true, predicted = cell()
    return {
        "true": true,
        "predicted": predicted,
        "confidence": (confidence[0] / 100, confidence[1] / 100),
        "only_errors": errors,
        "order": order,
    }


def title(chosen: dict[str, Any], count: int, names: Sequence[str]) -> str:
    """What is shown, as Markdown: `**4 predicted as 9** · 6 images`."""
    true, predicted = (
        None if label is None else text.plain(names[label])
        for label in (chosen["true"], chosen["predicted"])
    )
    wrong = chosen["only_errors"]
    what = {
        (True, True): f"{true} correct"
        if true == predicted
        else f"{true} predicted as {predicted}",
        (True, False): f"{true} predicted wrong" if wrong else f"{true}",
        (False, True): f"{'Wrongly predicted' if wrong else 'Predicted'} as {predicted}",
        (False, False): "All errors" if wrong else "All images",
    }[true is not None, predicted is not None]
    return f"**{what}** · {text.counted(count, 'image')}"
