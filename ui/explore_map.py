"""Explore's view "Map": every image as a point by the network's features, to select some and see them."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from digitcore.analysis import classification, projection, written
from digitcore.figures.image_map import COLOURINGS, MOST_POINTS, Colouring, image_map
from digitcore.jobs.features import Components
from ui import address, caching, explore_errors, image_features, text
from ui.choice import choice
from ui.frame import heard
from ui.study import Study

MOST_AREAS = 4
MOST_CORNERS = 100
_NO_BUTTONS = ["toImage", "zoomIn2d", "zoomOut2d", "autoScale2d"]


def show(study: Study) -> None:
    """Draws the view."""
    if st.session_state.setdefault("map_run", study.run.id) != study.run.id:
        # On the map of another network an area holds other images.
        st.session_state["map_run"] = study.run.id
        _forget()
    left, right = st.columns([6, 5], gap="large")
    with left:
        components = image_features.computed(
            study.run, "Compute the map", training=False, at_once=True
        )
        if components is None:
            st.caption("A map shows what the network finds alike.")
            return
        table = getattr(components, study.split_name)
        if len(table) != len(study.split):
            st.error("The map is of other images than this split has.")
            return
        _chart(components, table, study)
    with right:
        opened = _images(table, study)
        if opened is not None:
            explore_errors.the_image(opened, study)


def _chart(components: Components, table: np.ndarray, study: Study) -> None:
    heard("Map")
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        colouring = choice("Colour", COLOURINGS, "map_colour", format_func=str.capitalize)
        st.button(
            "Clear",
            type="tertiary",
            icon=":material/deselect:",
            help="Selects nothing",
            on_click=_forget,
            disabled=not _areas(),
        )
    st.html(explore_errors.INK)
    key = (
        f"map-{study.run.id}-{study.split_name}-{colouring}-{st.session_state.get('map_chart', 0)}"
    )
    state = st.session_state.get(key)
    # What was selected in this chart, the chart outlines itself.
    own = bool(state and (state.selection.box or state.selection.lasso))
    st.plotly_chart(
        _figure(study, table, colouring, components, [] if own else _areas()),
        key=key,
        on_select=lambda: _selected(key),
        selection_mode=("box", "lasso"),
        config={"modeBarButtonsToRemove": _NO_BUTTONS, "displayModeBar": True},
        alt="Map of the images by the network's features",
    )
    some = f" All errors and some of the correct images, {MOST_POINTS:,} in all, have a point."
    st.caption(
        "What the network finds alike lies close. Draw around points to see their images. Errors "
        "have a ring." + (some if len(study.split) > MOST_POINTS else "")
    )


def _figure(
    study: Study,
    table: np.ndarray,
    colouring: Colouring,
    components: Components,
    areas: list[np.ndarray],
) -> go.Figure:
    labels, names = study.split.labels, study.names

    def make() -> go.Figure:
        explained = components.explained[:2]
        points = table[:, :2]
        return image_map(points, labels, study.probabilities, colouring, names, explained, areas)

    # Areas are as many as people draw, so only the map without any is kept.
    if areas:
        return make()
    return caching.image_map((components.network_checksum, study.split_name, colouring), make)


def _selected(key: str) -> None:
    """Keeps what was drawn around in the address."""
    selection = st.session_state[key].selection
    areas = [_polygon(np.array([lasso["x"], lasso["y"]])) for lasso in selection.lasso]
    for box in selection.box:
        (left, right), (bottom, top) = box["x"], box["y"]
        areas.append(_polygon(np.array([[left, right, right, left], [bottom, bottom, top, top]])))
    address.keep("area", "/".join(areas[-MOST_AREAS:]) or None)
    address.keep("image", None)


def _polygon(corners: np.ndarray) -> str:
    """Corners (2, M) as the address has them; of many, some."""
    few = np.linspace(0, corners.shape[1] - 1, min(corners.shape[1], MOST_CORNERS)).astype(np.int64)
    return ";".join(f"{x:.6g},{y:.6g}" for x, y in corners[:, few].T)


def _areas() -> list[np.ndarray]:
    """Corners of each area in the address, float (M, 2); none where it has none, or nonsense."""
    areas = []
    for polygon in filter(None, (address.read("area") or "").split("/")[:MOST_AREAS]):
        try:
            corners = [[float(v) for v in corner.split(",")] for corner in polygon.split(";")]
            area = np.array(corners, np.float64)
        except ValueError:
            return []
        usable = area.ndim == 2 and area.shape[1] == 2 and 3 <= len(area) <= MOST_CORNERS
        if not (usable and np.abs(area).max() < 1e9):
            return []
        areas.append(area)
    return areas


def _forget() -> None:
    address.keep("area", None)
    # A new key, because a chart cannot be told to forget what was selected in it.
    st.session_state["map_chart"] = st.session_state.get("map_chart", 0) + 1


def _images(table: np.ndarray, study: Study) -> int | None:
    """The gallery of what is selected, of all errors where nothing is; the image that is opened."""
    heard("Images")
    labels, probabilities = study.split.labels, study.probabilities
    wrong = probabilities.argmax(axis=1) != labels
    areas = _areas()
    if areas:
        within = np.any([projection.inside(table[:, :2], area) for area in areas], axis=0)
        shown = np.flatnonzero(within)
        # Errors first, and of each kind the least confident.
        shown = shown[np.lexsort((probabilities[shown].max(axis=1), ~wrong[shown]))]
        what = "Selected"
    else:
        shown = classification.select(probabilities, labels, only_errors=True)
        what = "All errors"
    st.markdown(_told(what, len(shown), int(wrong[shown].sum())))
    if not len(shown):
        st.markdown("No image lies there." if areas else "No image is wrong.")
        return None
    key = f"{study.run.id}-{study.split_name}-{address.read('area')}"
    return explore_errors.paged(shown, study, key)[1]


def _told(what: str, count: int, errors: int) -> str:
    """`**Selected** · 312 images · 4 wrong, 1.28 % (0.50–3.25)`."""
    words = f"**{what}** · {text.counted(count, 'image')}"
    if count == errors:
        return words
    rate = written.accuracy(errors / count, classification.wilson(errors, count))
    return f"{words} · {errors:,} wrong, {rate}"
