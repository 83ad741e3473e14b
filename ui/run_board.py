"""The board: accuracy over what it costs, and who wins the challenges."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from digitcore.analysis import leaderboard
from digitcore.analysis.leaderboard import Challenge, Cost, Entry
from digitcore.figures import interactive
from digitcore.runs import Run, State
from ui import text
from ui.choice import choice
from ui.run_table import PERCENT, RING, dot

_COSTS: dict[Cost, str] = {
    "parameters": "parameters",
    "fit_seconds": "training time",
    "seconds_to_99": "time to 99 %",
    "prediction_ms": "one prediction",
}
_PLACES = 5
_COLUMNS = {
    "dot": st.column_config.ImageColumn("", width=30, help="Its colour below"),
    "name": st.column_config.TextColumn("Name", width=95),
    "validation": {**PERCENT, "label": "Validation", "width": 82},
    "test": {**PERCENT, "label": "Test", "width": 68},
    "parameters": st.column_config.NumberColumn(
        "Param.", format="localized", width=66, help="Parameters"
    ),
    "seconds_to_99": st.column_config.NumberColumn("To 99 %", format="%.1f s", width=66),
}


def show(everything: list[tuple[Run, State]]) -> None:
    """Draws the board of the recipes and these runs where it is called."""
    own = [(entry, state) for run, state in everything if (entry := leaderboard.of_run(run, state))]
    names = text.told_apart({entry.run: entry.name for entry, _ in own})
    entries = leaderboard.recipes() + [entry._replace(name=names[entry.run]) for entry, _ in own]
    styles = {entry.run: interactive.run_colour(state.number) for entry, state in own}
    dots = {entry.run: dot(state.number) for entry, state in own}
    columns = st.columns(len(leaderboard.CHALLENGES), gap="medium")
    for column, challenge in zip(columns, leaderboard.CHALLENGES, strict=True):
        with column:
            _challenge(entries, challenge, dots)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown("**Accuracy over cost**", width="content")
        cost = choice("Cost", list(_COSTS), "board_cost", format_func=_COSTS.__getitem__)
    st.plotly_chart(
        interactive.accuracy_over_cost(entries, cost, styles),
        key=f"board-{cost}",
        config={"displayModeBar": False},
        alt=f"Validation accuracy over {_COSTS[cost]} of the recipes and the runs",
    )
    st.caption(_origin())


def _challenge(entries: list[Entry], challenge: Challenge, dots: dict[str, str]) -> None:
    st.markdown(f"**{challenge.title}**", help=_rules(challenge))
    found = leaderboard.places(entries, challenge)
    if not found:
        st.caption("Nothing takes part yet.")
        return
    # The next one of a person's own is shown however far behind it is.
    rows = found[:_PLACES] + [entry for entry in found[_PLACES:] if entry.run][:1]
    st.dataframe(
        pd.DataFrame([_row(found.index(entry) + 1, entry, challenge, dots) for entry in rows]),
        hide_index=True,
        column_config=_COLUMNS,
        placeholder="–",
        key=f"challenge-{challenge.title}",
        alt=challenge.title,
    )


def _rules(challenge: Challenge) -> str:
    if challenge.most is None:
        return "Seconds of training until validation first has 99 %, preparation included."
    return "The highest validation accuracy wins; test is what it reaches on images never used."


def _row(place: int, entry: Entry, challenge: Challenge, dots: dict[str, str]) -> dict[str, Any]:
    return {
        "dot": dots.get(entry.run, RING),
        "name": f"{place}. {entry.name}",
        "validation": 100 * entry.validation_accuracy,
        "test": 100 * entry.test_accuracy,
        challenge.cost: getattr(entry, challenge.cost),
    }


def _origin() -> str:
    """Where the recipes' figures come from, as a sentence or two."""
    rows = leaderboard.measured()
    machines = " or ".join(dict.fromkeys(row["machine"] for row in rows))
    counts = sorted({len(row["trainings"]) for row in rows})
    seeds = (
        text.counted(counts[0], "seed")
        if len(counts) == 1
        else f"{counts[0]} to {counts[-1]} seeds"
    )
    return (
        f"Grey: the project's recipes over {seeds} each, accuracies as means and the rest as "
        f"medians, measured on {machines}. "
        "In colour: runs, on the machine where each was trained, if they were validated on "
        f"{leaderboard.FEWEST_VALIDATION_IMAGES:,} images or more. "
        "The line joins what nothing cheaper beats. Places go by validation; test only reports."
    )
