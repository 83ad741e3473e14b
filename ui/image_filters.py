"""The selection that all views of Explore show: kept in the address, set by widgets, a matrix or a map.

Its widgets are drawn in every view, so that none of them leaves the address or forgets what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.analysis import selection
from digitcore.analysis.selection import BESIDES, ORDERS, Area, Images, Selection
from digitcore.runs import Run, RunError
from ui import address, caching, selection_words, text
from ui.study import Study

ANY = "any"
DEFAULTS = {
    "true": ANY,
    "predicted": ANY,
    "sort": ORDERS[0],
    "confidence": (0, 100),
    "errors": True,
    "writer": ANY,
    "images": "",
    "other": ANY,
    "beside": BESIDES[0],
}
MOST_AREAS = 4
MOST_CORNERS = 100
_MOST_TEXT = 500
_AREA_OF = "area_of"


def start(run: Run) -> None:
    """Forgets what is not there for another run: a class of another dataset, an area of another map.

    To be called before a widget is drawn.
    """
    for name in ("true", "predicted"):
        value = st.session_state.get(name, ANY)
        if value != ANY and value >= run.recipe.info.class_count:
            st.session_state[name] = ANY
    if st.session_state.get("other") == run.id:
        st.session_state["other"] = ANY
    if st.session_state.setdefault(_AREA_OF, run.id) != run.id:
        st.session_state[_AREA_OF] = run.id
        address.keep("area", None)


def cell() -> tuple[int | None, int | None]:
    """The true and the predicted class to show; None is any."""
    true, predicted = (st.session_state[name] for name in ("true", "predicted"))
    return (None if true == ANY else true, None if predicted == ANY else predicted)


def choose(true: int, predicted: int) -> None:
    """Shows the images of one cell of the matrix, which was clicked."""
    _set(true=true, predicted=predicted)


def choose_areas(areas: str, by: caching.MadeBy) -> None:
    """Shows the images that lie in areas of the map made by that, as the address has them; "" is everywhere."""
    address.keep("area", (areas if by == "PCA" else f"{by}:{areas}") if areas else None)
    address.keep("image", None)
    # What lies there, right and wrong, with what the network finds hardest first.
    _set(errors=not areas, sort=DEFAULTS["sort"] if not areas else "highest loss")


def choose_writer(writer: int) -> None:
    """Shows all images of one writer, and nothing else."""
    clear()
    _set(writer=writer, errors=False, sort="highest loss")


def change(**values: Any) -> None:
    """Sets filters, or takes note that a widget did."""
    _set(**values)
    # A new key, because a chart cannot be told to forget what was clicked in it.
    st.session_state["explore_chart"] = st.session_state.get("explore_chart", 0) + 1


def clear() -> None:
    """Selects what is selected at first: all errors."""
    change(**DEFAULTS)
    address.keep("area", None)


def _beside_changed() -> None:
    """Shows what the comparison with the other run is about, right or wrong."""
    if st.session_state["other"] == ANY:
        _set(errors=True)
    else:
        _set(errors=st.session_state["beside"] in (BESIDES[0], BESIDES[2]))


def _set(**values: Any) -> None:
    for name, value in values.items():
        st.session_state[name] = value
    true, predicted = cell()
    # A cell has correct images or wrong ones, never both.
    if true is not None and predicted is not None:
        st.session_state["errors"] = true != predicted


def selected(study: Study, bar: DeltaGenerator, folded: bool = False, at_first: str = "") -> Study:
    """Draws the widgets, and a line that says what is selected; the study with that selection.

    Args:
        study: of all images.
        bar: where the widgets are drawn.
        folded: whether the line is drawn there, too, as in a view to which no selection applies.
        at_first: what the view shows while nothing is selected, if that is not all errors.
    """
    with bar:
        order, chosen = _widgets(study.names)
        more = st.popover("More", icon=":material/filter_list:", key="more_filters")
    with more:
        images, chosen = _more(study, chosen)
    by, areas = chosen_areas()
    if areas:
        images = replace(images, points=points_of(study, by))
        chosen = replace(chosen, areas=areas)
    study = replace(study, images=images, selection=chosen, order=order)
    with bar if folded else st.container():
        _line(study, at_first)
    return study


def chosen_areas() -> tuple[caching.MadeBy, tuple[Area, ...]]:
    """What is drawn around, and on which map: what lies there is selected in all views, on other maps, too."""
    value = address.read("area") or ""
    if value.startswith("UMAP:"):
        return "UMAP", areas_in(value.removeprefix("UMAP:"))
    return "PCA", areas_in(value)


def points_of(study: Study, by: caching.MadeBy) -> np.ndarray | None:
    """Where each image is on a map of the run, float32 (N, 2); None where there is no such map of the split."""
    try:
        known = caching.map_points(study.run, by)
    except RunError:
        return None  # the map says why
    points = known[study.split_name] if known else None
    return points if points is not None and len(points) == len(study.split) else None


def _line(study: Study, at_first: str) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        at_first = "" if study.narrowed else at_first
        st.markdown(f"**{at_first}**" if at_first else selection_words.told(study), width="content")
        st.button(
            "Clear selection",
            type="tertiary",
            icon=":material/filter_alt_off:",
            on_click=clear,
            disabled=not study.selection.areas
            and all(st.session_state.get(name, v) == v for name, v in DEFAULTS.items()),
        )


def _widgets(names: Sequence[str]) -> tuple[selection.Order, Selection]:
    classes = [ANY, *range(len(names))]
    width = 96 if max(map(len, names)) <= 3 else 130
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
        "Sort", ORDERS, key="sort", width=170, format_func=str.capitalize, bind="query-params"
    )
    low, high = st.slider(
        "Confidence",
        0,
        100,
        DEFAULTS["confidence"],
        key="confidence",
        format="%d %%",
        width=180,
        bind="query-params",
    )
    errors = st.toggle("Only errors", DEFAULTS["errors"], key="errors", bind="query-params")
    true, predicted = cell()
    return order, Selection(true, predicted, (low / 100, high / 100), errors)


def _more(study: Study, chosen: Selection) -> tuple[Images, Selection]:
    """Draws the less common filters."""
    images = study.images
    words = st.text_input(
        "Images",
        key="images",
        placeholder="17, 100-199, shirt",
        max_chars=_MOST_TEXT,
        help="Numbers of images, ranges of them, or words of a class's name, with commas between",
        bind="query-params",
    )
    chosen = replace(chosen, text=words.strip())
    if study.writers is not None:
        images = replace(images, writers=study.writers)
        ids = [int(one) for one in np.unique(study.writers)]
        writer = _select("writer", "Writer", [ANY, *ids], str)
        chosen = replace(chosen, writer=None if writer == ANY else int(writer))
    others = study.others
    if not others:
        return images, chosen
    labels = {ANY: "none"} | {one.id: text.named(one) for one in others}
    other = _select("other", "Beside another run", list(labels), labels.__getitem__)
    beside = st.selectbox(
        "Of both answers",
        BESIDES,
        key="beside",
        format_func=str.capitalize,
        disabled=other == ANY,
        on_change=_beside_changed,
        bind="query-params",
    )
    if other != ANY:
        with_answer = next(one for one in others if one.id == other)
        try:
            answers = caching.predicted(with_answer, study.split_name)[-len(study.split) :]
        except RunError as error:
            st.caption(text.plain(str(error)))
            return images, chosen
        if len(answers) == len(study.split):
            images, chosen = replace(images, other=answers), replace(chosen, beside=beside)
    return images, chosen


def _select(key: str, label: str, options: list[Any], called: Any) -> Any:
    # What is chosen may not be offered any more, as after another split.
    if st.session_state.get(key, ANY) not in options:
        st.session_state[key] = ANY
    changed = _beside_changed if key == "other" else None
    return st.selectbox(
        label, options, key=key, format_func=called, on_change=changed, bind="query-params"
    )


def areas_in(value: str | None) -> tuple[Area, ...]:
    """Areas as the address has them, `x,y;x,y;x,y/…`; none where it has none, or nonsense."""
    areas = []
    for polygon in filter(None, (value or "").split("/")[:MOST_AREAS]):
        try:
            corners = [[float(v) for v in corner.split(",")] for corner in polygon.split(";")]
            area = np.array(corners, np.float64)
        except ValueError:
            return ()
        usable = area.ndim == 2 and area.shape[1] == 2 and 3 <= len(area) <= MOST_CORNERS
        if not (usable and np.abs(area).max() < 1e9):
            return ()
        areas.append(tuple((x, y) for x, y in area.tolist()))
    return tuple(areas)
