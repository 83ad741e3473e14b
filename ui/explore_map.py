"""Explore's view "Map": every image as a point by the network's features, to select some and see them."""

from __future__ import annotations

import numpy as np
import streamlit as st

from digitcore.analysis import projection
from digitcore.jobs.features import Components
from digitcore.runs import Run, RunError
from ui import caching, dossier, explore_errors, image_features, image_filters, text
from ui.choice import choice
from ui.frame import heard
from ui.image_map import COLOURINGS, Colouring, image_map
from ui.short_jobs import button, row
from ui.study import Study


def show(study: Study) -> None:
    """Draws the view."""
    left, right = st.columns([6, 5], gap="large")
    with left:
        components = image_features.computed(
            study.run, "Compute the map", training=False, at_once=True
        )
        if components is None:
            st.caption("A map shows what the network finds alike.")
            return
        heard("Map")
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            colouring = choice("Colour", COLOURINGS, "map_colour", format_func=str.capitalize)
            by = choice("Made by", caching.MADE_BY, "map_by")
        points = _points(study, by)
        if points is not None:
            _chart(points, by, colouring, components, study)
    with right:
        _, opened = explore_errors.browse(study)
        dossier.show(opened, study)


def _points(study: Study, by: caching.MadeBy) -> np.ndarray | None:
    """Where each image is, float32 (N, 2); where that is not known, None, and what can be done about it."""
    try:
        known = caching.map_points(study.run, by)
    except RunError as error:
        st.caption(f":material/error: {text.plain(str(error))}")
        known = None
    if known is None:
        row(study.run, "umap", _invitation)
        return None
    if len(known[study.split_name]) != len(study.split):
        st.error("The map is of other images than this split has.")
        return None
    return known[study.split_name]


def _invitation(run: Run) -> None:
    try:
        projection.check_umap()
    except projection.UmapMissingError as error:
        st.caption(f":material/error: {text.plain(str(error))}")
        return
    button(run, "umap", "Compute it with UMAP", ":material/scatter_plot:")
    st.caption(
        "UMAP keeps near what the network finds alike, and separates the classes better than two components do; "
        "how far groups lie apart says little. It takes a few minutes on one core, once, and cannot be "
        "stopped while it arranges the images."
    )


def _chart(
    points: np.ndarray,
    by: caching.MadeBy,
    colouring: Colouring,
    components: Components,
    study: Study,
) -> None:
    # Errors have a ring already: where nothing else is selected, all points stand out.
    labels = study.images.predicted if colouring == "prediction" else study.images.labels
    image_map(
        "explore_map",
        study.run.id,
        study.split_name,
        by,
        f"{components.network_checksum[:16]}-{caching.changed(study.run.path / 'probabilities.npz')}",
        colouring,
        study.names,
        _middles(points, labels, len(study.names)),
        study.selected if study.narrowed else None,
        study.selection.areas if image_filters.chosen_areas()[0] == by else (),
        lambda areas: image_filters.choose_areas(areas, by),
    )
    x, y = 100 * components.explained[:2]
    made = (
        f"two components of its features, with {x:.0f} and {y:.0f} % of their variance"
        if by == "PCA"
        else "UMAP of its features, where axes mean nothing and distances between groups little"
    )
    st.caption(
        f"What the network finds alike lies close: {made}. Draw around points to select their images, with "
        "Shift around more. Errors have a ring. Zoomed in far, the map shows the images themselves."
    )


def _middles(points: np.ndarray, classes: np.ndarray, count: int) -> list[tuple[float, float]]:
    """The median of each class's points, NaN of a class without any."""
    middles = []
    for place in range(count):
        own = points[classes == place]
        x, y = np.median(own, axis=0) if len(own) else (np.nan, np.nan)
        middles.append((float(x), float(y)))
    return middles
