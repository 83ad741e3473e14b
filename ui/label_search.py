"""The search for label errors, from a page: begun, watched, stopped, gone on with."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from digitcore import runs
from digitcore.analysis import label_errors
from digitcore.jobs import cross_validation, estimates, queue
from digitcore.runs import Run, RunError
from ui import browsers, caching, text
from ui.run_progress import progress

_POLL_SECONDS = 1.0


def search(dataset: str) -> None:
    """How far the search of that dataset is; where none is under way, a button that begins it."""
    if run := cross_validation.under_way(dataset):
        st.fragment(_watch, run_every=_POLL_SECONDS)(run)
        return
    recipe, folds = cross_validation.usual_recipe(dataset), cross_validation.FOLDS
    speed = estimates.images_per_second(recipe)
    images = recipe.epochs * (folds - 1) * recipe.training_images
    how_long = (
        f"about {text.duration(images / speed)} here" if speed else "a minute or two for MNIST"
    )
    st.markdown(
        f"Some labels may be wrong. To find them, {folds} small networks are trained, each without "
        f"another quarter of the training images, which it then judges: {how_long}. "
        "A label that such a network finds improbable is suspect, and you review it here."
    )
    left = cross_validation.left_off(dataset)
    if left:
        state = left.state
        st.caption(f":material/info: The last search {state.status}. {text.plain(state.message)}")
    try:
        label_errors.check_installed()
    except label_errors.CleanlabMissingError as error:
        st.caption(f":material/error: {text.plain(str(error))}")
        return
    with st.container(horizontal=True):
        if left:
            st.button(
                "Resume the search",
                icon=":material/resume:",
                on_click=_try,
                args=(lambda: queue.resume(left),),
            )
        st.button(
            "Find label errors",
            type="primary",
            icon=":material/fact_check:",
            on_click=_try,
            args=(lambda: browsers.record(cross_validation.cross_validate(recipe, folds)),),
        )


def _watch(run: Run) -> None:
    state = run.state
    if state.status not in runs.ACTIVE:
        st.rerun()  # the whole page, because a fragment keeps its pace
    try:
        done, words = progress(run, state, caching.events(run).last)
    except RunError:  # deleted since
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(done, f"Looking for label errors: {words}")
        with browsers.asked_first(state, "Stop", ":material/stop:"):
            st.button("Stop", icon=":material/stop:", on_click=_try, args=(run.stop,))
    st.page_link(
        "pages/train.py",
        label="Its learning curves",
        icon=":material/model_training:",
        query_params={"run": run.id},
    )


def _try(action: Callable[[], object]) -> None:
    try:
        action()
    except (ValueError, OSError) as error:
        st.toast(text.plain(str(error)), icon=":material/error:")
