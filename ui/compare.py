"""Selected runs beside each other: whether they differ, their curves, and one click away what differs.

Runs that differ only in their seed are one member of the comparison, with one line in the curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from digitcore.analysis import comparable, seeds, verdicts
from digitcore.analysis.verdicts import Contender, Verdict
from digitcore.datasets import DataError, Split
from digitcore.figures.curves import compare_curves
from digitcore.figures.style import run_colour
from digitcore.runs import Run, RunError, RunStateError, State
from ui import caching, compare_details, ensemble, text
from ui.choice import choice
from ui.compare_details import Compared, Member
from ui.frame import heard
from ui.run_table import dot, epochs, text_column

_ON_TEST = "Test is for reporting: of runs that are chosen by their test accuracy, the best is the luckiest."


def show(selected: list[tuple[Run, State]]) -> None:
    """Draws the comparison of the selected runs; of one, its curves."""
    states = {run.id: state for run, state in selected}
    measured = [run for run, state in selected if _is_measured(run, state)]
    groups = comparable.by_seed(measured)
    compared = None
    if len(measured) > 1:
        heard("Comparison")
        try:
            compared = _comparison(groups, states)
        except (RunError, DataError) as error:
            st.caption(f"Not compared. {text.plain(str(error))}")
    rest = [[run] for run, _ in selected if run not in measured]
    _curves([*groups, *rest], states)
    if compared and len(compared.members) > 1:
        box = st.expander("What differs", key="compare_details", on_change="rerun")
        if box.open:
            with box:
                compare_details.show(compared)
    if compared and len(measured) <= ensemble.MOST:
        box = st.expander("Ensemble", key="compare_ensemble", on_change="rerun")
        if box.open:
            with box:
                ensemble.show(measured, states)


def _is_measured(run: Run, state: State) -> bool:
    """Whether it can be compared: it has ended, and has metrics and predictions."""
    try:
        ended = state.status in ("finished", "stopped") and run.metrics is not None
        return ended and (run.path / "probabilities.npz").exists()
    except RunError:
        return False


def _comparison(groups: list[list[Run]], states: dict[str, State]) -> Compared:
    """Draws whether the members differ: a sentence and, where it cannot say all, a row for each."""
    offered = comparable.splits([run for group in groups for run in group])
    sentence = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        split_name = choice("Compare on", offered, "compare_on") if len(offered) > 1 else offered[0]
        compared = _compared(groups, states, split_name)
        if len(compared.members) > 2:
            compared = _against(compared)
        if split_name == "test":
            alone = (
                "" if len(offered) > 1 else "No image validated all of them, so this is on test. "
            )
            st.caption(alone + _ON_TEST)
    members = compared.members
    told = caching.verdicts(
        [member.runs for member in members],
        [member.contender for member in members],
        compared.split.labels,
        split_name,
    )
    sentence.markdown(f"**{text.plain(_sentence(compared, told))}**")
    if len(members) > 2 or (told and any(len(member.runs) > 1 for member in members)):
        _table(compared, told)
    return compared


def _against(compared: Compared) -> Compared:
    """The same with the member first that a person chose to hold the others against."""
    labels = {member.label: member for member in compared.members}
    if st.session_state.get("against", "") not in labels:
        st.session_state.pop("against", None)  # its run is not selected any more
    st.markdown("Against", width="content")
    picked = st.selectbox(
        "Against",
        list(labels),
        key="against",
        bind="query-params",
        label_visibility="collapsed",
        width=280,
    )
    first = labels[picked]
    others = [member for member in compared.members if member is not first]
    return Compared([first, *others], compared.split_name, compared.split)


def _compared(groups: list[list[Run]], states: dict[str, State], split_name: str) -> Compared:
    run = groups[0][0]
    dataset = caching.dataset(run)
    if run.metrics is None or dataset.checksum != run.metrics.data_checksum:
        raise RunStateError("The runs were measured on other images than those on this machine.")
    split = dataset.test if split_name == "test" else dataset.validation
    everyone = [run for group in groups for run in group]
    predictions = [caching.predicted(run, split_name) for run in everyone]
    labels, *predictions = comparable.in_common([split.labels, *predictions])
    by_id = {run.id: one for run, one in zip(everyone, predictions, strict=True)}
    members = []
    for group in groups:
        state = states[group[0].id]
        name = text.named(group[0], state, most=28)
        contender = Contender(name, [by_id[run.id] for run in group])
        members.append(Member(group, state.number, contender))
    return Compared(members, split_name, Split(split.images[-len(labels) :], labels))


def _sentence(compared: Compared, told: Sequence[Verdict]) -> str:
    first = compared.members[0]
    if told:
        return verdicts.summary(told, first.label)
    labels = compared.split.labels
    reached = verdicts.group_accuracy(seeds.group(first.contender.accuracies(labels)))
    return f"{first.label}: {reached} on {len(labels):,} {compared.split_name} images."


def _table(compared: Compared, told: Sequence[Verdict]) -> None:
    labels, split = compared.split.labels, compared.split_name
    rows: list[dict[str, Any]] = []
    for member, one in zip(compared.members, [None, *told], strict=True):
        reached = seeds.group(member.contender.accuracies(labels))
        rows.append(
            {
                "dot": dot(member.position),
                "name": text.cell(member.contender.name),
                "accuracy": 100 * reached.mean,
                "deviation": reached.deviation and 100 * reached.deviation,
                "seeds": reached.number,
                "difference": one and 100 * one.difference,
                "interval": verdicts.interval(one.interval) if one and one.interval else "",
                "p": "" if one is None or one.p is None else verdicts.short_p(one.p),
                "verdict": _word(one) if one else "",
            }
        )
    frame = pd.DataFrame(rows)
    percent = {"format": "%.2f"}
    st.dataframe(
        frame,
        column_config={
            "dot": st.column_config.ImageColumn("", width=30),
            "name": text_column("Name", frame["name"]),
            "accuracy": st.column_config.NumberColumn(
                f"{split.capitalize()} %", **percent, help="Over seeds: their mean"
            ),
            "deviation": st.column_config.NumberColumn("± SD", **percent, help="Over seeds"),
            "seeds": st.column_config.NumberColumn("n", help="Runs that differ only in their seed"),
            "difference": st.column_config.NumberColumn(
                "Difference", format="%+.2f", help="To the first, in points"
            ),
            "interval": st.column_config.TextColumn(
                "95 % interval",
                alignment="right",
                help="Of the difference: over images (paired bootstrap) for two runs, else over seeds (Welch)",
            ),
            "p": st.column_config.TextColumn(
                alignment="right",
                help="McNemar's exact test for two runs, else over seeds; corrected for the number of rows "
                "(Holm)",
            ),
            "verdict": text_column("Verdict", frame["verdict"]),
        },
        hide_index=True,
        placeholder="",
        width="content",
        key="compare-table",
        alt="Each of the compared runs against the first",
    )


def _word(one: Verdict) -> str:
    if one.told_apart:
        return "more accurate" if one.difference > 0 else "less accurate"
    if one.p is None:
        return "too few seeds to tell"
    needed = verdicts.more_images(one.paired) if one.paired else None
    return "cannot be told apart" + (f", {needed:,} images would" if needed else "")


def _curves(groups: list[list[Run]], states: dict[str, State]) -> None:
    """Validation by epoch, a line for each member; only runs with an epoch are drawn."""
    logs, styles = {}, {}
    for group in groups:
        state = states[group[0].id]
        trained = [log for run in group if len((log := epochs(run, states[run.id]))["step"])]
        if trained:
            name = verdicts.with_seeds(text.named(group[0], state, most=28), len(trained))
            logs[name], styles[name] = trained, run_colour(state.number)
    if not logs:
        st.caption("No epoch has ended yet.")
        return
    heard("Curves")
    for column, quantity in zip(st.columns(2, gap="medium"), ("loss", "accuracy"), strict=True):
        column.plotly_chart(
            compare_curves(logs, styles, quantity),
            key=f"compare-{quantity}",
            config={"displayModeBar": False},
            alt=f"Validation {quantity} by epoch of the selected runs",
        )
