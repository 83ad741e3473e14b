"""Every run in a table, where those selected are compared, opened, renamed, downloaded or deleted;
and a leaderboard of what networks reach for what they cost."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import get_args

import streamlit as st

from digitcore import runs
from digitcore.datasets import DataError
from digitcore.runs import ACTIVE, Run, RunError, State, Status
from ui import caching, compare, leaderboard, text
from ui.choice import choice
from ui.frame import heard, section
from ui.notices import run_notice
from ui.report_download import report_button
from ui.run_table import epochs, follow_address, row, selectable, wanted
from ui.shown_run import show, wrong_address

STATUSES = get_args(Status)
IN_FILE = 40
REFRESH_SECONDS = 3.0


def zipped(chosen: list[Run]) -> bytes:
    buffer = io.BytesIO()  # Streamlit would read a file into memory all the same
    runs.write_zip(chosen, buffer)
    return buffer.getvalue()


@st.dialog("Delete runs")
def delete(chosen: list[Run]) -> None:
    training = [run for run in chosen if run.status in ("running", "stopping")]
    others = [run for run in chosen if run not in training]
    for run in others:
        st.markdown(f"**{text.plain(text.named(run))}**")
    if training:
        names = ", ".join(f"**{text.plain(text.named(run))}**" for run in training)
        st.markdown(f"{names} still trains and is kept. Stop it first.")
    if others:
        st.caption("The folders are removed from this machine, and nothing brings them back.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", icon=":material/delete:", disabled=not others):
            try:
                runs.delete(others)
            except (RunError, OSError) as error:
                st.error(f"It could not be deleted. {text.plain(str(error))}")
                return
            st.rerun()
        if st.button("Cancel"):
            st.rerun()


@st.dialog("Rename run")
def rename(run: Run) -> None:
    with st.form("rename", border=False):
        title = st.text_input("Name", run.state.title, max_chars=80, placeholder=run.recipe.name)
        if not st.form_submit_button("Rename", type="primary"):
            return
    try:
        run.rename(title)
    except (RunError, OSError) as error:
        st.error(f"It could not be renamed. {text.plain(str(error))}")
        return
    st.rerun()


def report_files(run: Run) -> dict[str, Callable[[], bytes]]:
    """What can be drawn of a run, by the file's name; drawn when it is asked for.

    That is in another thread, where Streamlit's caches and state are out of reach.
    """

    def curves(kind: str) -> bytes:
        from digitcore.figures import static

        return static.to_bytes(
            static.curves_file(run.log(), text.named(run), run.recipe.info.class_count), kind
        )

    def images(kind: str) -> bytes:
        from digitcore.figures import static

        test = caching.dataset(run).test
        read = run.probabilities()["test"][:IN_FILE].argmax(axis=1)
        title, names = f"{text.named(run)}, test", run.recipe.info.classes
        figure = static.images_file(
            test.images[:IN_FILE], test.labels[:IN_FILE], read, title, names
        )
        return static.to_bytes(figure, kind)

    files = {}
    for kind in ("png", "pdf"):
        if len(epochs(run, run.state)["step"]):
            files[f"curves.{kind}"] = lambda kind=kind: curves(kind)
        if images_are_here(run):
            files[f"images.{kind}"] = lambda kind=kind: images(kind)
    return files


def images_are_here(run: Run) -> bool:
    if not (run.path / "probabilities.npz").exists():
        return False
    try:
        return caching.dataset(run).checksum == (run.metrics.data_checksum if run.metrics else None)
    except (DataError, RunError):
        return False


def actions(chosen: list[Run]) -> None:
    run = chosen[0]
    usable = len(chosen) == 1 and run.judged().status not in runs.UNREADABLE
    answers = run.status not in runs.UNREADABLE
    with st.container(horizontal=True, vertical_alignment="center"):
        if usable:
            here = {"query_params": {"run": run.id}}
            if answers and (run.path / "probabilities.npz").exists():
                st.page_link("pages/explore.py", label="Explore", icon=":material/grid_on:", **here)
            if answers and run.recipe.info.drawing and (run.path / "model.tflite").exists():
                st.page_link("pages/draw.py", label="Draw", icon=":material/draw:", **here)
            st.page_link(
                "pages/train.py", label="Training", icon=":material/model_training:", **here
            )
            if st.button("Rename", icon=":material/edit:"):
                rename(run)
        st.download_button(
            "Download",
            lambda: zipped(chosen),
            file_name=f"{run.id}.zip" if len(chosen) == 1 else f"{len(chosen)}-runs.zip",
            mime="application/zip",
            on_click="ignore",
            icon=":material/download:",
            help="The folder as a zip file: recipe, network, events and results",
        )
        report_button(chosen)
        if usable and (files := report_files(run)):
            with st.popover("Figures", icon=":material/image:"):
                for name, make in files.items():
                    st.download_button(
                        name, make, file_name=f"{run.id}-{name}", on_click="ignore", width="stretch"
                    )
        if st.button("Delete", icon=":material/delete:"):
            delete(chosen)


def table(everything: list[tuple[Run, State]]) -> None:
    rows = [row(run, state) for run, state in everything]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sought = st.text_input(
            "Filter",
            key="filter",
            placeholder="Name, recipe, setting or id",
            width=280,
            bind="query-params",
        )
        chosen_before = st.session_state.get("status", [])
        there = [
            status
            for status in STATUSES
            if status in chosen_before or any(r["status"] == status for r in rows)
        ]
        statuses = st.pills(
            "Status",
            there,
            selection_mode="multi",
            key="status",
            label_visibility="collapsed",
            bind="query-params",
        )
    shown = [r for r in rows if wanted(r, sought.casefold().split(), statuses)]
    if not shown:
        st.markdown("No run matches this filter.")
        return
    by_id = {run.id: (run, state) for run, state in everything}
    chosen_ids = selectable(shown, {run.id: run for run, _ in everything})
    selected = [by_id[run_id] for run_id in chosen_ids]
    chosen = [run for run, _ in selected]
    if not chosen:
        st.caption("Select rows to open, compare, rename, download or delete them.")
        return
    if len(chosen) == 1:
        show(chosen[0].id)
    for run in chosen:
        run_notice(run)
    actions(chosen)
    picked = {run.id for run in chosen}
    for r in shown:
        # Of several, the comparison tells what differs.
        told = [r["settings"] if len(chosen) == 1 else "", r["note"]] if r["id"] in picked else []
        if said := " · ".join(filter(None, told)):
            name = "" if r["status"] in runs.UNREADABLE else f"{r['whole_name']}: "
            st.caption(text.plain(name + said))
    compare.show(selected)


def view(show: Callable[[list[tuple[Run, State]]], None], polls: bool) -> None:
    everything = runs.list_states()
    if polls != any(state.status in ACTIVE for _, state in everything):
        st.rerun()  # the whole page, to begin or to end the polling
    show(everything)


ranked = choice("View", ("Table", "Leaderboard"), "view") == "Leaderboard"
heard("Leaderboard" if ranked else "Table")
if not ranked and not runs.list_runs():
    section("No runs yet")
    st.markdown("A run is one training of one recipe. It appears here as soon as it is started.")
    st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
else:
    if told := wrong_address("all runs"):
        st.caption(told)
    follow_address()
    active = bool(runs.list_active())
    polled = st.fragment(view, run_every=REFRESH_SECONDS if active else None)
    polled(leaderboard.show if ranked else table, polls=active)
