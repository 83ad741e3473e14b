"""Explore's view "Errors": a confusion matrix, the images behind each cell, one image, every class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from digitcore.analysis import classification
from digitcore.analysis.selection import CELL
from digitcore.figures.confusion import confusion_heatmap
from digitcore.figures.style import MOST_NUMBERED
from ui import dossier, image_filters, text
from ui.choice import choice
from ui.explore_downloads import downloads
from ui.frame import heard, section
from ui.paged_gallery import paged_gallery
from ui.study import Study
from ui.writers import errors_by_writer

CONFUSIONS = 10


def show(study: Study) -> None:
    """Draws the view."""
    probabilities, split, names = study.probabilities, study.split, study.names
    left, right = st.columns([5, 6], gap="large")
    with left:
        confusion_matrix(study)
    with right:
        shown, opened = browse(study)
    left, right = st.columns([5, 6], gap="large")
    with left:
        dossier.show(opened, study)
        if study.writers is not None:
            errors_by_writer(study.writers, probabilities.argmax(axis=1) == split.labels)
    with right:
        per_class(probabilities, split.labels, names)
    downloads(study.run, study.split_name, probabilities, split, shown)


def clicked(key: str) -> None:
    points = st.session_state[key].selection.points
    if points:
        image_filters.choose(*points[0]["customdata"])
    else:
        any_cell = {name: image_filters.DEFAULTS[name] for name in ("true", "predicted", "errors")}
        image_filters.change(**any_cell)


# Plotly greys its texts, and over vivid cells they need the page's own ink.
INK = "<style>.js-plotly-plot .annotation-text { fill: currentColor !important }</style>"


def confusion_matrix(study: Study) -> None:
    """Draws the matrix of what is selected, whatever cell of it is."""
    heard("Confusion")
    names, images = study.names, study.images
    some = study.selection.passes(images, but=CELL)
    matrix = classification.confusion(images.labels[some], images.predicted[some], len(names))
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown(
            "**Confusion**" + ("" if some.all() else f" of {text.counted(some.sum(), 'image')}"),
            width="content",
            help="Shade: the fraction of its row, that is of the true class's images.",
        )
        cells = choice("Cells", ("counts", "normalised by true class"), "cells")
    st.html(INK)
    # Its key is for `style.css`.
    square = st.container(key="matrix-of-many" if len(names) > MOST_NUMBERED else "matrix")
    key = f"confusion-{st.session_state.get('explore_chart', 0)}"
    square.plotly_chart(
        confusion_heatmap(matrix, cells != "counts", image_filters.cell(), names),
        key=key,
        on_select=lambda: clicked(key),
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Confusion matrix: true classes by rows, predicted classes by columns",
    )


def browse(study: Study) -> tuple[np.ndarray, int | None]:
    """Draws the gallery of what is selected; the indices on its page, and the one that is opened."""
    heard("Images")
    if not len(study.shown):
        st.markdown("No image is selected.")
        return study.shown, None
    listed = f"{study.run.id}-{study.split_name}-{study.selection}-{study.order}"
    return paged_gallery(
        study.shown,
        listed,
        study.probabilities.__getitem__,
        study.split,
        "explore_gallery",
        study.names,
    )


def most_confused(probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> None:
    """The cells of a large matrix that a person would look for in it."""
    matrix = classification.confusion(labels, probabilities.argmax(axis=1), len(names))
    rows = [
        (names[true], names[guess], count, 100 * fraction)
        for true, guess, count, fraction in classification.most_confused(matrix, CONFUSIONS)
    ]
    section("Most frequent confusions")
    st.dataframe(
        pd.DataFrame(rows, columns=["True", "Predicted", "Images", "Of the true class"]),
        hide_index=True,
        height="content",
        column_config={
            "Of the true class": st.column_config.NumberColumn(format="%.1f %%"),
        },
    )


def per_class(probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> None:
    if len(names) > MOST_NUMBERED:
        most_confused(probabilities, labels, names)
    scores = pd.DataFrame(
        classification.per_class(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    )
    scores["label"] = list(names)
    scores[["precision", "recall", "f1"]] *= 100
    fraction = st.column_config.NumberColumn(format="%.2f %%")
    section("Per class")
    st.dataframe(
        scores,
        hide_index=True,
        height="content" if len(names) <= MOST_NUMBERED else 400,
        column_config={
            "label": st.column_config.TextColumn("Class"),
            "precision": {**fraction, "label": "Precision"},
            "recall": {**fraction, "label": "Recall"},
            "f1": {**fraction, "label": "F1"},
            "support": st.column_config.NumberColumn("Images", format="localized"),
        },
    )
