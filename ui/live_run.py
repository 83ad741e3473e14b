"""A run as it trains and when it has ended: what the Train page draws anew every second or two."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import streamlit as st

from digitcore import runs
from digitcore.jobs import estimates, queue
from digitcore.recipes import Recipe, hyperparameters
from digitcore.runs import Metrics, Run, RunError, State
from digitcore.runs.events import Event, EventLog, best_epoch
from ui import caching, text
from ui.recipe_form import use
from ui.shown_run import show_started, when

STAGES = {
    "TensorFlow": "Loading TensorFlow",
    "data": "Reading the images",
    "writing": "Drawing synthetic digits",
    "teacher": "Predicting soft targets with the teacher",
    "precision": "Trying which precision is faster here",
    "training": "Compiling the first step",
    "testing": "Predicting the test images",
}


# Who watches now: a session's random mark, and when it last looked, in seconds of the monotonic
# clock. A whole class that watches would keep the server from those who draw and explore.
_watchers: dict[str, float] = {}
_CROWD, _CALM = 12, 2.0
# By then the curves hardly change from second to second, and a browser on the same two cores slows
# the training when it draws.
_FRESH = 30.0


def pace(run: Run, now: float | None = None) -> float | None:
    """Seconds between two looks at the run: few until its first point, none when it has ended.

    Args:
        run: what is watched.
        now: the pace so far, so that one who comes or goes does not change it each time.
    """
    status = run.status
    if status not in runs.ACTIVE:
        return None
    if _count_watchers() > (_CROWD / 2 if now == _CALM else _CROWD):
        return _CALM
    last = caching.events(run).last
    if status == "running" and _trains(last):
        return 1.0 if last["batch"].get("seconds", 0.0) < _FRESH else _CALM
    # Soon, while the first point is waited for; the test at the end is measured, too.
    begins = status == "running" and last.get("stage", {}).get("stage") != "testing"
    return 0.25 if begins else 0.5


def _count_watchers() -> int:
    now = time.monotonic()
    _watchers[st.session_state.setdefault("watcher", secrets.token_hex(8))] = now
    for mark, looked in list(_watchers.items()):
        if now - looked > 5:
            _watchers.pop(mark, None)
    return len(_watchers)


def live(run: Run, seconds: float | None) -> None:
    """The run as it is now; `seconds` says how often this is drawn anew, as `pace` gives it."""
    try:
        _draw(run, seconds)
    except RunError:
        if run.judged().status not in runs.UNREADABLE:
            raise
        st.rerun()  # somebody deleted it meanwhile; the page says so


def _draw(run: Run, seconds: float | None) -> None:
    if pace(run, seconds) != seconds:
        st.rerun()  # the whole page, because a fragment keeps its pace
    state = run.state
    ended_as = run.judged().status  # whatever befell its metrics
    if ended_as in runs.UNREADABLE:
        st.rerun()  # somebody deleted it; the page says so
    active = state.status in runs.ACTIVE
    # When it has ended, nobody looks again for what came last.
    log = caching.events(run, anew=not active)
    _head(run, state)
    _progress_line(run, state, log, resumable=ended_as in ("stopped", "failed"))
    _curves(log)
    try:
        # Of a broken run, the line above has said what is wrong with them.
        metrics = None if active or state.status in runs.UNREADABLE else run.metrics
    except RunError as error:
        metrics = None
        st.caption(f":material/error: {text.plain(str(error))}")
    st.markdown(_numbers(log, metrics, active) or "&nbsp;")
    if metrics:
        _ending(run, metrics)
    if state.status == "failed" and (tail := run.log_tail(12)):
        st.caption("Last lines of its log")
        st.code(tail, language=None)


def _head(run: Run, state: State) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(text.plain(text.named(run, state)), anchor=False, width="content")
        begun = (
            "waits"
            if state.status == "queued"
            else f"started {when(state.started or state.created)}"
        )
        st.caption(f"{begun} · {run.recipe.parameters:,} parameters")
        if _is_shipped(run.recipe) and st.button(
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
    if state.parent:
        _origin(state.parent)


def _is_shipped(recipe: Recipe) -> bool:
    """Whether it is a shipped recipe but for its hyperparameters."""
    if recipe.name not in Recipe.names():
        return False
    return "layers" not in recipe.differences(Recipe.load(recipe.name))


def _origin(parent: str) -> None:
    try:
        name = text.plain(text.named(runs.load(parent)))
    except RunError:
        st.caption("Goes on from a run that was deleted")
        return
    st.page_link(
        "pages/train.py",
        label=f"Goes on from {name}",
        icon=":material/subdirectory_arrow_right:",
        query_params={"run": parent},
    )


def _progress_line(run: Run, state: State, log: EventLog, resumable: bool) -> None:
    fraction, words = progress(run, state, log.last)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(fraction, text=words)
        if state.status in runs.ACTIVE:
            st.button(
                "Stop",
                icon=":material/stop:",
                on_click=_try,
                args=(Run.stop, run),
                disabled=state.status == "stopping",
                help="Ends after this step and keeps the best epoch so far.",
            )
        elif resumable:
            st.button("Resume", icon=":material/resume:", on_click=_try, args=(queue.resume, run))


def _curves(log: EventLog) -> None:
    for column, quantity in zip(st.columns(2, gap="medium"), ("loss", "accuracy"), strict=True):
        column.plotly_chart(
            caching.learning_curves(log, quantity),
            key=f"curve-{quantity}",
            config={"displaylogo": False, "displayModeBar": False},
            alt=f"{quantity} of training and validation by step",
        )


def _numbers(log: EventLog, metrics: Metrics | None, active: bool) -> str:
    said, last = [], log.last
    if "epoch" in last:
        place = next(iter(best_epoch(log.epochs)), -1)
        accuracy, epoch = (log.epochs[key][place] for key in ("validation_accuracy", "epoch"))
        # The network that is kept answers in float32, and may differ by an image from the one
        # that was validated in bfloat16; of a run that failed since, it is an earlier epoch's.
        if metrics:
            accuracy = metrics.validation_accuracy
            epoch = epoch if metrics.best_epoch is None else metrics.best_epoch
        said += [f"**{text.percent(accuracy)}** validation", f"best epoch {epoch:.0f}"]
    if active and "epoch" in last:
        said.append(f"learning rate {last['epoch']['learning_rate']:.3g}")
    if active and "batch" in last:
        said.append(f"{last['batch']['images_per_second']:,.0f} images/s")
    elif metrics:
        said.append(f"{metrics.images_per_second:,.0f} images/s")
    return " · ".join(said)


def _ending(run: Run, metrics: Metrics) -> None:
    accuracy = text.with_interval(metrics.test_accuracy, metrics.test_interval)
    seconds = text.duration(metrics.fit_seconds)
    here = {"query_params": {"run": run.id}}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{accuracy}** test · {seconds} of training", width="content")
        st.page_link(
            "pages/explore.py", label="Explore its errors", icon=":material/grid_on:", **here
        )
        if like := run.recipe.info.drawing:
            label = f"Draw a {like.item}"
            st.page_link("pages/draw.py", label=label, icon=":material/draw:", **here)
        most = next(int(p.high or 0) for p in hyperparameters() if p.name == "epochs")
        if run.status == "finished" and run.has_checkpoint and metrics.epochs < most:
            with st.popover("Train further", icon=":material/fast_forward:"):
                _further(run, metrics.epochs, most)


def _further(run: Run, done: int, most: int) -> None:
    """A form that asks for more epochs and starts them as a new run."""
    with st.form("further", border=False):
        epochs = st.number_input(
            "Epochs in all",
            min_value=done + 1,
            max_value=most,
            value=min(done + run.recipe.epochs, most),
            help="A new run goes on where this one ended, which stays as it is. The learning "
            "rate follows the schedule of the longer training.",
        )
        if not st.form_submit_button("Train further", type="primary"):
            return
    try:
        show_started(queue.extend(run, epochs).id)
    except (ValueError, OSError) as error:
        st.error(text.plain(str(error)))
        return
    st.rerun()


def _try(action: Callable[[Run], None], run: Run) -> None:
    """Stops or resumes, or says why not: the run may have ended while the page showed it."""
    try:
        action(run)
    except (RunError, OSError) as error:
        st.toast(text.plain(str(error)), icon=":material/error:")


def progress(run: Run, state: State, last: dict[str, Event]) -> tuple[float, str]:
    """How much of the run is done, between 0 and 1, and a sentence about it."""
    begun, batch = last.get("start"), last.get("batch")
    steps = begun["steps_per_epoch"] * run.recipe.epochs if begun else 0
    fraction = min(1.0, batch["step"] / steps) if batch and steps else 0.0
    if state.status == "queued":
        queue.ensure_worker()
        return fraction, _position(run)
    if state.status == "stopping":
        return fraction, "Stopping; the best epoch is kept"
    if state.status in ("failed", *runs.UNREADABLE):
        return fraction, f":material/error: {text.plain(state.message)}"
    if state.status != "running":
        done = max((e["epoch"] for e in (last.get("batch"), last.get("epoch")) if e), default=0)
        end = f"{state.status.capitalize()} in epoch {done} of {run.recipe.epochs}"
        return fraction, text.plain(state.message) or end
    stage = last.get("stage", {}).get("stage", "TensorFlow")
    download = last.get("download")
    if stage == "data" and download and download["done"] < download["total"]:
        done, total = download["done"] / 1e6, download["total"] / 1e6
        return done / total, f"Downloading {run.recipe.info.title}: {done:.1f} of {total:.1f} MB"
    if not batch or not _trains(last):
        return fraction, STAGES.get(stage, text.plain(stage))
    epoch = f"Epoch {batch['epoch']} of {run.recipe.epochs}"
    left = text.duration(estimates.seconds_left(run) or 0.0)
    return fraction, f"{epoch} · {fraction:.0%} · {left} left".replace("%", " %")


def _trains(last: dict[str, Event]) -> bool:
    """Whether it has made a step since it began, or began again, and is not yet tested."""
    begun, batch = last.get("start"), last.get("batch")
    trains = last.get("stage", {}).get("stage") == "training"
    return bool(trains and begun and batch and batch["step"] > begun["step"])


def _position(run: Run) -> str:
    """Where a run stands in the queue, and how long it waits, as far as that can be told."""
    before = estimates.ahead(run)
    if len(before) < queue.slots():
        return "Starting"
    position = 1 + sum(other.status == "queued" for other in before)
    words = f"Waiting, {text.ordinal(position)} in the queue"
    seconds = estimates.wait_seconds(run)
    return f"{words} · begins in about {text.duration(seconds)}" if seconds else words
