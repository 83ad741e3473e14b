"""What a run's network makes of images: computed by a short job, shown when it is there."""

from __future__ import annotations

import streamlit as st

from digitcore.jobs.features import Components
from digitcore.jobs.job import Job
from digitcore.runs import ACTIVE, Run, RunError
from ui import caching, text
from ui.short_jobs import POLL_SECONDS, progress, stop_button, submit

KIND = "features"


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
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(done, f"Features of the network: {words}")
        stop_button(job)
