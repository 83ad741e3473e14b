"""A run as it trains and when it has ended: what the Train page draws anew every second or two."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import streamlit as st

from digitcore import runs
from digitcore.analysis import outcome, written
from digitcore.jobs import out_of_sample, queue, request
from digitcore.recipes import Recipe, hyperparameters
from digitcore.runs import Metrics, Run, RunError, State
from digitcore.runs.events import EventLog, best_epoch
from ui import browsers, caching, text, watch_learning
from ui.recipe_form import use
from ui.run_progress import progress, trains
from ui.shown_run import show_started, when

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
    if status == "running" and trains(last):
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
    fault = ""
    try:
        # Of a broken run, its head says what is wrong with them.
        metrics = None if active or state.status in runs.UNREADABLE else run.metrics
    except RunError as error:
        metrics, fault = None, str(error)
    _head(run, state, log, metrics, resumable=ended_as in ("stopped", "failed"))
    if fault:
        st.caption(f":material/error: {text.plain(fault)}")
    _actions(run, metrics)
    st.caption(" · ".join(_numbers(run, state, log, metrics)))
    if state.parent:
        _origin(state.parent)
    _curves(log, run.recipe.info.class_count)
    watch_learning.show(run)
    if state.status == "failed" and (tail := run.log_tail(12)):
        st.caption("Last lines of its log")
        st.code(tail, language=None)


def _head(run: Run, state: State, log: EventLog, metrics: Metrics | None, resumable: bool) -> None:
    """The run's name with what it reached and how far it is, above its curves."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(text.plain(text.named(run, state)), anchor=False, width="content")
        if metrics:
            accuracy = written.accuracy(metrics.test_accuracy, metrics.test_interval)
            st.markdown(f"**{accuracy}** test", width="content", help=_meaning(run, metrics))
        if state.status != "finished":
            _progress_line(run, state, log, resumable)
    if metrics and (said := outcome.explained(metrics, run.recipe)):
        st.markdown(f":material/warning: **{text.plain(said)}**")


def _actions(run: Run, metrics: Metrics | None) -> None:
    """What to do with the run from here; nothing where there is nothing."""
    shipped = _is_shipped(run.recipe)
    searched = run.status == "finished" and out_of_sample.is_there(run)
    if not metrics and not shipped and not searched:
        return
    here = {"query_params": {"run": run.id}}
    with st.container(horizontal=True, vertical_alignment="center"):
        if metrics:
            st.page_link(
                "pages/explore.py", label="Explore its errors", icon=":material/grid_on:", **here
            )
            if like := run.recipe.info.drawing:
                draw = f"Draw a {like.item}"
                st.page_link("pages/draw.py", label=draw, icon=":material/draw:", **here)
            most = next(int(p.high or 0) for p in hyperparameters() if p.name == "epochs")
            if run.status == "finished" and run.has_checkpoint and metrics.epochs < most:
                with st.popover("Train further", icon=":material/fast_forward:"):
                    _further(run, metrics.epochs, most)
        if searched:
            st.page_link(
                "pages/explore.py",
                label="Review the labels",
                icon=":material/fact_check:",
                query_params={"explore_view": "Labels"},
            )
        if shipped and st.button(
            "Use these settings",
            type="tertiary",
            icon=":material/tune:",
            on_click=use,
            args=(run.recipe,),
            help="Sets the sidebar to what this run is trained with.",
        ):
            st.rerun()  # the sidebar is not part of the live view


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
    st.progress(fraction, text=words)
    if state.status in runs.ACTIVE:
        stopping = state.status == "stopping"
        with browsers.asked_first(state, "Stop", ":material/stop:", stopping):
            st.button(
                "Stop",
                icon=":material/stop:",
                on_click=_try,
                args=(Run.stop, run),
                disabled=stopping,
                help="Ends after this step and keeps the best epoch so far.",
            )
    elif resumable:
        st.button("Resume", icon=":material/resume:", on_click=_try, args=(queue.resume, run))


def _curves(log: EventLog, classes: int) -> None:
    for column, quantity in zip(st.columns(2, gap="medium"), ("loss", "accuracy"), strict=True):
        column.plotly_chart(
            caching.learning_curves(log, quantity, classes),
            key=f"curve-{quantity}",
            config={"displaylogo": False, "displayModeBar": False},
            alt=f"{quantity} of training and validation by step",
        )


def _numbers(run: Run, state: State, log: EventLog, metrics: Metrics | None) -> list[str]:
    """What is known of it so far, or in the end, beside its test accuracy."""
    said, last = [], log.last
    active, classes = state.status in runs.ACTIVE, run.recipe.info.class_count
    if "epoch" in last:
        place = next(iter(best_epoch(log.epochs)), -1)
        best = {key: column[place] for key, column in log.epochs.items()}
        accuracy, epoch = best["validation_accuracy"], best["epoch"]
        reached = written.accuracy_of(accuracy, int(best["validation_images"]))
        useful = accuracy >= outcome.least_useful(classes)
        # The network that is kept answers in float32, and may differ by an image from the one
        # that was validated in bfloat16; of a run that failed since, it is an earlier epoch's.
        if metrics:
            reached = written.accuracy(metrics.validation_accuracy, metrics.validation_interval)
            epoch = epoch if metrics.best_epoch is None else metrics.best_epoch
            useful = not outcome.is_hardly_better_than_guessing(metrics, classes)
        said.append(f"**{reached}** validation")
        said.append(f"best epoch {epoch:.0f}" if useful else "hardly better than guessing")
        said.append(f"guessing gives {outcome.chance(classes)}")
    if active and "epoch" in last:
        said.append(f"learning rate {last['epoch']['learning_rate']:.3g}")
    if active and "batch" in last:
        said.append(f"{last['batch']['images_per_second']:,.0f} images/s")
    elif metrics:
        said.append(f"{text.duration(metrics.fit_seconds)} of training")
        said.append(f"{metrics.images_per_second:,.0f} images/s")
    if state.status == "finished" and "epoch" in last:
        said.append(f"ended after epoch {last['epoch']['epoch']} of {request.epochs(run)}")
    if state.status != "queued":
        said.append(f"started {when(state.started or state.created)}")
    if other := browsers.someone_else(state):
        said.append(f"begun by {other}")
    said.append(f"{run.recipe.parameters:,} parameters")
    return [*said, *filter(None, [text.settings(run.recipe)])]


def _meaning(run: Run, metrics: Metrics) -> str:
    """What a test accuracy is, for one who reads the first one."""
    total, classes = metrics.test_images, run.recipe.info.class_count
    counted = (
        f"{round(metrics.test_accuracy * total):,} of {total:,} test images, which it has never "
        "seen, are predicted correctly."
        if total
        else "The fraction of the test images, which it has never seen, that are predicted correctly."
    )
    return (
        f"{counted} Guessing among {classes} classes gives {outcome.chance(classes)}. With so many "
        "images, the accuracy on others of the same kind is within "
        f"{written.interval(metrics.test_interval)} % (95 % interval)."
    )


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
