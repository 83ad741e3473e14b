"""Explore's view "Map": every image as a point by the network's features, to select some and see them."""

from __future__ import annotations

import numpy as np
import streamlit as st

from digitcore.jobs.features import Components
from ui import caching, dossier, explore_errors, image_features, image_filters
from ui.choice import choice
from ui.frame import heard
from ui.image_map import COLOURINGS, image_map
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
        if len(getattr(components, study.split_name)) != len(study.split):
            st.error("The map is of other images than this split has.")
            return
        _chart(components, study)
    with right:
        _, opened = explore_errors.browse(study)
        dossier.show(opened, study)


def _chart(components: Components, study: Study) -> None:
    heard("Map")
    colouring = choice("Colour", COLOURINGS, "map_colour", format_func=str.capitalize)
    # Errors have a ring already: where nothing else is selected, all points stand out.
    labels = study.images.predicted if colouring == "prediction" else study.images.labels
    image_map(
        "explore_map",
        study.run.id,
        study.split_name,
        f"{components.network_checksum[:16]}-{caching.changed(study.run.path / 'probabilities.npz')}",
        colouring,
        study.names,
        _middles(getattr(components, study.split_name)[:, :2], labels, len(study.names)),
        study.selected if study.narrowed else None,
        study.selection.areas,
        image_filters.choose_areas,
    )
    x, y = 100 * components.explained[:2]
    st.caption(
        "What the network finds alike lies close: two components of its features, with "
        f"{x:.0f} and {y:.0f} % of their variance. Draw around points to select their images, with Shift "
        "around more. Errors have a ring. Zoomed in far, the map shows the images themselves."
    )


def _middles(points: np.ndarray, classes: np.ndarray, count: int) -> list[tuple[float, float]]:
    """The median of each class's points, NaN of a class without any."""
    middles = []
    for place in range(count):
        own = points[classes == place]
        x, y = np.median(own, axis=0) if len(own) else (np.nan, np.nan)
        middles.append((float(x), float(y)))
    return middles
