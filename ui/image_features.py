"""What a run's network makes of images: computed by a short job, shown when it is there."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from digitcore.analysis import projection
from digitcore.datasets import DataError
from digitcore.jobs.features import Components
from digitcore.jobs.job import Job
from digitcore.runs import ACTIVE, Run, RunError
from ui import caching, text
from ui.prediction_html import tile_uri
from ui.short_jobs import POLL_SECONDS, progress, submit
from ui.study import Study

KIND = "features"
TILES = 6
_CSS = """<style>
.near { display: grid; grid-template-columns: repeat(6, minmax(0, 4.5rem)); gap: 0.5rem; margin: 0; }
.near img { width: 100%; image-rendering: pixelated; border-radius: 3px; display: block; }
.near-of { font-size: 0.875rem; margin: 0.75rem 0 0.25rem; }
</style>"""


def computed(run: Run, label: str, *, training: bool, at_once: bool) -> Components | None:
    """The components of the run's images; where they are not there, None, and what is done about it.

    Args:
        run: whose network it is.
        label: of the button that has them computed.
        training: whether those of the training images are needed as well.
        at_once: whether they are computed without a button, if they never were.
    """
    try:
        known = caching.components(run)
    except RunError as error:
        known = None
        st.caption(f":material/error: {text.plain(str(error))}")
    if known is not None and (len(known.training) or not training):
        return known
    job = Job(run, KIND)
    if at_once and job.state is None:
        submit(run, KIND)
    state = job.state
    if state and state.status in ACTIVE:
        st.fragment(_wait, run_every=POLL_SECONDS)(run, training)
        return None
    if state and state.message:
        st.caption(f":material/error: {text.plain(state.message)}")
    st.button(label, icon=":material/scatter_plot:", on_click=submit, args=(run, KIND))
    return None


def _wait(run: Run, training: bool) -> None:
    """How far the job is; draws the page again when what is waited for is there."""
    job = Job(run, KIND)
    state = job.state
    try:
        known = caching.components(run)
    except RunError:
        known = None
    there = known is not None and (len(known.training) > 0 or not training)
    if there or not (state and state.status in ACTIVE):
        st.rerun()  # the whole page, because a fragment keeps its pace
    done, words = progress(job)
    st.progress(done, f"Features of the network: {words}")


def nearest_training_images(index: int, study: Study) -> None:
    """Training images that the network finds most like one image, of its true and predicted class."""
    label = "Find the nearest training images"
    known = computed(study.run, label, training=True, at_once=False)
    if known is None:
        return
    try:
        train = caching.dataset(study.run).train
    except DataError as error:
        st.caption(text.plain(str(error)))
        return
    indices = known.training_indices
    if indices[-1] >= len(train):
        st.caption("The training images on this machine are others than those of the run.")
        return
    point = getattr(known, study.split_name)[index]
    true = int(study.split.labels[index])
    predicted = int(study.probabilities[index].argmax())
    rows = []
    for of in dict.fromkeys((true, predicted)):
        own = np.flatnonzero(train.labels[indices] == of)
        best = indices[own[projection.nearest(known.training[own], point, TILES)]]
        tiles = "".join(
            f'<img alt="" title="training image {i:,}" src="{tile_uri(train.images[i])}">'
            for i in best
        )
        name = html.escape(study.names[of])
        which = "the predicted class" if of == predicted != true else "the true class"
        if true == predicted:
            which = "its class"
        rows.append(
            f'<p class="near-of">Nearest training images of {which}, <b>{name}</b></p>'
            f'<div class="near" role="img" aria-label="{len(best)} training images of {name}">{tiles}</div>'
        )
    st.html(_CSS + "".join(rows))
    st.caption("By the features that the network's last layer is given.")
