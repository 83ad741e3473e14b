"""The run that a page shows: chosen on a page or in the URL, and kept for the next page.

A page calls `shown_run` (Train: any run, or none) or `choose_run` (a select box of those that have
what the page needs). `show` and `show_started` turn all pages to another run.
"""

from __future__ import annotations

import time

import streamlit as st

from digitcore import datasets, runs
from digitcore.analysis import leaderboard, outcome, written
from digitcore.jobs import request
from digitcore.runs import Run, RunError, State
from ui import address, browsers, text
from ui.frame import section
from ui.notices import chosen_dataset, run_notice

_KEY = "picked_run"
_REMEMBERED = "run_id"
_LEFT = "run_left"
_ON_ITS_WAY_SECONDS = 5.0
IMPATIENCE = 2.0  # seconds within which a second click is none


def shown_run() -> Run | None:
    """The run in the URL, else the newest that trains or waits, else none."""
    try:
        if wanted := shown_id():
            return runs.load(wanted)
    except RunError:
        pass
    run = next((run for run, _ in runs.list_active()), None)
    if told := wrong_address(text.named(run) if run else ""):
        st.caption(told)
    return run


def wrong_address(shown: str) -> str | None:
    """What to say where there is no run of that id: what is shown instead, if anything is.

    None where there is one, or none was asked for.
    """
    wanted = shown_id()
    if not wanted or _exists(wanted):
        return None
    instead = f"; showing {text.plain(shown)}" if shown else ""
    return f":material/link_off: There is no run {text.plain(wanted[:100])}{instead}."


def _exists(run_id: str) -> bool:
    try:
        return bool(runs.load(run_id))
    except RunError:
        return False


def choose_run(need: str) -> Run:
    """A select box of the runs that have the file `need`; the page ends when none has."""
    everything = runs.list_states()
    offered = {
        run.id: (run, state)
        for run, state in everything
        if state.status not in runs.UNREADABLE and (run.path / need).exists()
    }
    wanted = shown_id()
    for run, state in everything:
        if run.id == wanted and state.status == "broken":
            st.caption(f":material/error: {text.plain(state.message)}")
    if not offered:
        _nothing_yet()
    if wanted in offered:
        st.session_state[_KEY] = wanted
    elif st.session_state.get(_KEY) not in offered:
        st.session_state[_KEY] = _default(list(offered.values())).id
    # Once each, as Streamlit asks for every option's label several times. The browser tells by its
    # label which one was chosen, so that no two may be the same.
    labels = {run_id: label(*one) for run_id, one in offered.items()}
    chosen = st.selectbox(
        "Run", list(offered), format_func=labels.__getitem__, key=_KEY, on_change=_picked
    )
    run, state = offered[chosen]
    name = text.named(run, state)
    if told := wrong_address(name):
        st.caption(told)
    elif wanted and wanted not in offered:
        other = text.plain(text.named(runs.load(wanted)))
        st.caption(f"{other} has nothing to show here yet; showing {text.plain(name)}.")
    if not _is_active(wanted):  # else the run that trains is still the one to go back to
        show(chosen)
    run_notice(run)
    _tell_poor(run)
    return run


def _tell_poor(run: Run) -> None:
    """One line where a run's network is of no use."""
    classes = run.recipe.info.class_count
    try:
        metrics = run.metrics
    except RunError:
        return  # the page says so where it needs the numbers
    if metrics and outcome.is_hardly_better_than_guessing(metrics, classes):
        st.caption(
            f":material/warning: This network is hardly better than guessing "
            f"({outcome.chance(classes)}). "
            "Choose another run above, or see on Train what became of its training."
        )


def _default(offered: list[tuple[Run, State]]) -> Run:
    """The run for who comes without one: the best by validation of those that may be compared.

    Else the newest. On a server for many it is none that may have learned somebody's handwriting.
    """
    general = [(run, state) for run, state in offered if not request.is_personal(run)]
    try:
        data = datasets.load_dataset(chosen_dataset(), download=False).checksum
    except datasets.DataError:
        data = None
    best = leaderboard.best(general, data) if data else None
    return best or (general or offered)[0][0]


def _is_active(run_id: str | None) -> bool:
    try:
        return bool(run_id) and runs.load(run_id or "").active
    except RunError:
        return False


def shown_id() -> str | None:
    """The id in the URL, or the one that was last looked at in this session."""
    asked = address.read("run")
    left, since = st.session_state.get(_LEFT, (None, 0.0))
    if asked == left and time.monotonic() - since < _ON_ITS_WAY_SECONDS:
        asked = None
    return asked or st.session_state.get(_REMEMBERED)


def show_started(run_id: str) -> None:
    """Shows a run that was just started here instead of the one that is shown.

    The live view asks each second with the address that the browser has: for a moment that
    is still the old one, which must not bring the old run back.
    """
    st.session_state[_LEFT] = (address.read("run"), time.monotonic())
    browsers.record(runs.load(run_id))
    show(run_id)


def show(run_id: str) -> None:
    """Puts the id into the URL, and keeps it for the next page."""
    st.session_state[_REMEMBERED] = run_id
    address.keep("run", run_id)


def label(run: Run, state: State) -> str:
    """`two-conv · 31e8 · 99.02 % (98.81–99.20), today 10:15`: test accuracy, else the status."""
    name = text.named(run, state)
    try:
        recipe = run.recipe
    except RunError:  # deleted since
        return name
    try:
        active = state.status in runs.ACTIVE
        metrics = None if active else run.metrics
    except RunError:
        metrics = None
    end = (
        written.accuracy(metrics.test_accuracy, metrics.test_interval) if metrics else state.status
    )
    # A title says by itself what the run is, such as whose drawings it learned.
    changed = "" if state.title else text.settings(recipe)
    changed = f" ({changed})" if changed else ""
    # Last, because a narrow box cuts it.
    return f"{name} · {end}, {when(state.created)}{changed}"


def when(seconds: float) -> str:
    """A time as `today 10:15`, `yesterday 10:15` or `12 Nov 10:15`; seconds since 1970."""
    then = time.localtime(seconds)
    days = (time.mktime(time.localtime()[:3] + (0,) * 5 + (-1,)) - seconds) / 86400
    date = f"{then.tm_mday} {time.strftime('%b', then)}"
    day = "today" if days <= 0 else "yesterday" if days <= 1 else date
    return f"{day} {time.strftime('%H:%M', then)}"


def _picked() -> None:
    show(st.session_state[_KEY])


def _nothing_yet() -> None:
    section("No trained network yet")
    st.markdown(
        "This page needs a run that has ended. Train one first; the smallest takes seconds."
    )
    st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
    st.stop()
