"""What a network gets wrong, and why: one run on one split, seen in several views."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np
import streamlit as st

from digitcore import datasets
from digitcore.analysis import classification, written
from digitcore.datasets import DataError, Split
from digitcore.datasets.writers import writers as writers_of
from digitcore.runs import Metrics, Run, RunError
from ui import (
    caching,
    corrupt_one_image,
    explore_errors,
    explore_labels,
    explore_map,
    explore_probabilities,
    explore_robustness,
    image_filters,
    text,
)
from ui.choice import choice
from ui.short_jobs import short_jobs, under_way
from ui.shown_run import choose_run
from ui.study import Study

# Each draws what it is called by, below the accuracy, the split and the selection.
VIEWS: dict[str, Callable[[Study], None]] = {
    "Errors": explore_errors.show,
    "Map": explore_map.show,
    "Probabilities": explore_probabilities.show,
    "Labels": explore_labels.show,
    "Robustness": explore_robustness.show,
}
# Suspect labels are the dataset's, in training as well: no selection of one split's images applies.
OF_ALL = ("Labels",)
# What a view shows while nothing is selected, where it is not all errors.
AT_FIRST = {"Robustness": corrupt_one_image.AT_FIRST}


def unlabelled(metrics: Metrics | None, why: str, way: str = "") -> NoReturn:
    """What is known of a run whose images are not here, and the ways out, `way` above all."""
    if metrics:
        accuracy = written.accuracy(metrics.test_accuracy, metrics.test_interval)
        st.markdown(f"**{accuracy}** test · loss {metrics.test_loss:.3f}")
    st.markdown(
        f"{why}, so its errors cannot be shown. {way} Choose another run, train one on these "
        "images, or set `DIGITCORE_DATA_DIR` to the folder with the images that it was tested on."
    )
    st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
    st.stop()


def headline(probabilities: np.ndarray, labels: np.ndarray, name: str) -> None:
    wrong = int((probabilities.argmax(axis=1) != labels).sum())
    total = len(labels)
    ends = classification.wilson(total - wrong, total)
    st.html(
        '<div style="font-variant-numeric: tabular-nums; display: flex; flex-wrap: wrap; '
        'gap: 0.25rem 1.75rem; align-items: baseline">'
        f'<span><span style="font-size: 1.75rem; font-weight: 600">'
        f"{written.percent(1 - wrong / total)}</span> {name} ({written.interval(ends)})</span>"
        f"<span>{wrong:,} of {total:,} wrong</span>"
        f"<span>loss {classification.log_loss(probabilities, labels):.3f}</span></div>",
        width="content",
    )


@st.fragment
def study(
    run: Run,
    tables: dict[str, np.ndarray],
    splits: dict[str, Split],
    writers: dict[str, np.ndarray],
) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        place = st.container(width="content")
        view = choice("View", tuple(VIEWS), "explore_view")
    bar = st.container(horizontal=True, vertical_alignment="bottom", key="selection")
    with bar:
        name = choice("Split", ("test", "validation"), "split")
    with place:
        headline(tables[name], splits[name].labels, name)
    images = caching.images(run, name, tables[name], splits[name].labels)
    about = Study(run, name, splits, tables, writers, images)
    if view in OF_ALL:
        # Drawn all the same, or it would be forgotten, and gone from the address.
        bar = st.expander("Selection of the other views", icon=":material/filter_list:")
    about = image_filters.selected(
        about, bar, folded=view in OF_ALL, at_first=AT_FIRST.get(view, "")
    )
    VIEWS[view](about)


run = choose_run(need="probabilities.npz")
image_filters.start(run)
metrics: Metrics | None = None
try:
    metrics = run.metrics
    dataset = caching.dataset(run)
    tables = caching.tables(run)
except DataError as error:
    unlabelled(metrics, text.plain(str(error)).rstrip("."))
except RunError as error:
    st.error(text.plain(str(error)))
    st.stop()
if metrics is None or dataset.checksum != metrics.data_checksum:
    title = run.recipe.info.title
    way = "" if datasets.available(run.recipe.dataset) else f"Download {title} above."
    unlabelled(metrics, "This run was tested on other images than those on this machine", way)
splits = {"test": dataset.test, "validation": dataset.validation}
if any(len(tables[name]) != len(split) for name, split in splits.items()):
    st.error(
        text.plain(f"probabilities.npz of run {run.id} is of other images than its metrics.json.")
    )
    st.stop()
study(run, tables, splits, writers_of(dataset))
key = f"explore_jobs-{run.id}"
# Set once: a box whose `expanded` follows the job would close when the job ends.
st.session_state.setdefault(key, under_way(run))
box = st.expander("More measurements", key=key, on_change="rerun")
if box.open:
    with box:
        short_jobs(run)
