"""A run as it trains and when it has ended: what the Train page draws anew each second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from digitcore import figures, runs
from digitcore.recipe import Recipe
from digitcore.runs import Event, Run, RunError, State
from ui import caching, text
from ui.recipe_form import use
from ui.run_picker import when

STAGES = {
    "TensorFlow": "Loading TensorFlow",
    "data": "Reading the digits",
    "training": "Preparing the first step",
    "testing": "Reading the test digits",
}


def live(run: Run, polls: bool) -> None:
    """The run as it is now; `polls` says whether this is drawn anew each second."""
    state, log = run.state, caching.events(run)
    active = state.status in ("queued", "running", "stopping")
    if active != polls:
        st.rerun()  # the whole page, to begin or to end the polling
    _head(run, state)
    _progress_line(run, state, log)
    _curves(log)
    try:
        metrics = None if active else run.metrics
    except RunError as error:
        metrics = None
        st.caption(f":material/error: {text.plain(str(error))}")
    st.markdown(_numbers(log, metrics, active) or "&nbsp;")
    if metrics:
        _ending(run, metrics)
    if state.status == "failed" and (tail := run.log_tail()):
        with st.expander("Last lines of its log"):
            st.code(tail, language=None)


def _head(run: Run, state: State) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(text.plain(run.name), anchor=False, width="content")
        since = "waits since" if state.status == "queued" else "started"
        st.caption(f"{since} {when(state.created)} · {run.recipe.parameters:,} parameters")
        if run.recipe.name in Recipe.names() and st.button(
            "Use these settings",
            type="tertiary",
            icon=":material/tune:",
            on_click=use,
            args=(run.recipe,),
            help="Sets the sidebar to what this run is trained with.",
        ):
            st.rerun()  # the sidebar is not part of the live view
    if asked := text.settings(run.recipe):
        st.caption(asked)


def _progress_line(run: Run, state: State, log: list[Event]) -> None:
    share, words = progress(run, state, {event["kind"]: event for event in log})
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share, text=words)
        if state.status in ("queued", "running", "stopping"):
            st.button(
                "Stop",
                icon=":material/stop:",
                on_click=_ask,
                args=(run.stop,),
                disabled=state.status == "stopping",
                help="Ends after this step and keeps the best epoch so far.",
            )
        elif state.status in ("stopped", "failed"):
            st.button("Resume", icon=":material/resume:", on_click=_ask, args=(run.resume,))


def _curves(log: list[Event]) -> None:
    batches = [event for event in log if event["kind"] == "batch"]
    epochs = [event for event in log if event["kind"] == "epoch"]
    steps = next((event["steps"] for event in log if event["kind"] == "start"), None)
    for column, quantity in zip(st.columns(2, gap="medium"), ("loss", "accuracy"), strict=True):
        column.plotly_chart(
            figures.learning_curves(batches, epochs, quantity, total_steps=steps),
            key=f"curve-{quantity}",
            config={"displaylogo": False, "displayModeBar": False},
            alt=f"{quantity} of training and validation by step",
        )


def _numbers(log: list[Event], metrics: dict[str, Any] | None, active: bool) -> str:
    said = []
    epochs = [event for event in log if event["kind"] == "epoch"]
    if epochs:
        best = [event for event in epochs if event["best"]][-1:] or epochs[-1:]
        accuracy = text.percent(best[0]["validation_accuracy"])
        said += [f"**{accuracy}** validation", f"best epoch {best[0]['epoch']}"]
    batches = [event for event in log if event["kind"] == "batch"]
    if active and epochs:
        said.append(f"learning rate {epochs[-1]['learning_rate']:.3g}")
    if active and batches:
        said.append(f"{batches[-1]['images_per_second']:,.0f} images/s")
    elif metrics:
        said.append(f"{metrics['images_per_second']:,.0f} images/s")
    return " · ".join(said)


def _ending(run: Run, metrics: dict[str, Any]) -> None:
    accuracy = text.with_interval(metrics["test_accuracy"], metrics["test_interval"])
    seconds = text.duration(metrics["fit_seconds"])
    here = {"query_params": {"run": run.id}}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{accuracy}** test · {seconds} of training", width="content")
        st.page_link(
            "pages/explore.py", label="Explore its errors", icon=":material/grid_on:", **here
        )
        st.page_link("pages/draw.py", label="Draw a digit", icon=":material/draw:", **here)


def _ask(action: Callable[[], None]) -> None:
    """Stops or resumes, or says why not: the run may have ended while the page showed it."""
    try:
        action()
    except (RunError, OSError) as error:
        st.toast(text.plain(str(error)), icon=":material/error:")


def progress(run: Run, state: State, last: dict[str, Event]) -> tuple[float, str]:
    """How much of the run is done, between 0 and 1, and a sentence about it."""
    begun, batch = last.get("start"), last.get("batch")
    share = batch["step"] / begun["steps"] if batch and begun else 0.0
    if state.status == "queued":
        runs.ensure_worker()
        place = next((n for n, other in enumerate(runs.queued(), 1) if other == run), 1)
        return share, f"Waiting, {text.ordinal(place)} in the queue"
    if state.status == "stopping":
        return share, "Stopping; the best epoch is kept"
    if state.status in ("failed", "broken"):
        return share, f":material/error: {text.plain(state.message)}"
    if state.status != "running":
        done = max((e["epoch"] for e in (last.get("batch"), last.get("epoch")) if e), default=0)
        end = f"{state.status.capitalize()} in epoch {done} of {run.recipe.epochs}"
        return share, state.message or end
    stage = last.get("stage", {}).get("stage", "TensorFlow")
    download = last.get("download")
    if stage == "data" and download and download["done"] < download["total"]:
        done, total = download["done"] / 1e6, download["total"] / 1e6
        return done / total, f"Downloading MNIST: {done:.1f} of {total:.1f} MB"
    if stage != "training" or not batch or not begun or batch["time"] < begun["time"]:
        return share, STAGES.get(stage, stage)
    steps = batch["step"] - begun.get("step", 0)
    left = (time.time() - begun["time"]) / max(steps, 1) * (begun["steps"] - batch["step"])
    epoch = f"Epoch {batch['epoch']} of {run.recipe.epochs}"
    return share, f"{epoch} · {share:.0%} · {text.duration(left)} left".replace("%", " %")
