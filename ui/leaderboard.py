"""The leaderboard: rankings of recipes and runs, and accuracy over cost."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from digitcore.analysis import leaderboard
from digitcore.analysis.leaderboard import Challenge, Cost, Entry
from digitcore.figures.leaderboard import accuracy_over_cost
from digitcore.figures.style import run_colour
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
_SHOWN = 5  # of each ranking
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
    """Draws the leaderboard of the recipes and these runs."""
    own = [
        (entry, state) for run, state in everything if (entry := leaderboard.from_run(run, state))
    ]
    names = text.told_apart({entry.run: entry.name for entry, _ in own})
    entries = leaderboard.recipes() + [entry._replace(name=names[entry.run]) for entry, _ in own]
    styles = {entry.run: run_colour(state.number) for entry, state in own}
    dots = {entry.run: dot(state.number) for entry, state in own}
    columns = st.columns(len(leaderboard.CHALLENGES), gap="medium")
    for column, challenge in zip(columns, leaderboard.CHALLENGES, strict=True):
        with column:
            _ranking(entries, challenge, dots)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown("**Accuracy over cost**", width="content")
        cost = choice("Cost", list(_COSTS), "leaderboard_cost", format_func=_COSTS.__getitem__)
    st.plotly_chart(
        accuracy_over_cost(entries, cost, styles),
        key=f"leaderboard-{cost}",
        config={"displayModeBar": False},
        alt=f"Validation accuracy of recipes and runs over {_COSTS[cost]}",
    )
    st.caption(_origin())


def _ranking(entries: list[Entry], challenge: Challenge, dots: dict[str, str]) -> None:
    st.markdown(f"**{challenge.title}**", help=_rules(challenge))
    ranked = leaderboard.ranked(entries, challenge)
    if not ranked:
        st.caption("Nothing qualifies yet.")
        return
    # The best run of a person's own is shown even if it ranks lower.
    rows = ranked[:_SHOWN] + [entry for entry in ranked[_SHOWN:] if entry.run][:1]
    st.dataframe(
        pd.DataFrame([_row(ranked.index(entry) + 1, entry, challenge, dots) for entry in rows]),
        hide_index=True,
        column_config=_COLUMNS,
        placeholder="–",
        key=f"challenge-{challenge.title}",
        alt=challenge.title,
    )


def _rules(challenge: Challenge) -> str:
    if challenge.most is None:
        return "Seconds of training, compilation included, until validation accuracy first is 99 %."
    return "Ranked by validation accuracy. Test is the accuracy on images that chose nothing."


def _row(rank: int, entry: Entry, challenge: Challenge, dots: dict[str, str]) -> dict[str, Any]:
    return {
        "dot": dots.get(entry.run, RING),
        "name": f"{rank}. {entry.name}",
        "validation": 100 * entry.validation_accuracy,
        "test": 100 * entry.test_accuracy,
        challenge.cost: getattr(entry, challenge.cost),
    }


def _origin() -> str:
    """Where the figures come from."""
    rows = leaderboard.measured()
    machines = " or ".join(dict.fromkeys(row["machine"] for row in rows))
    counts = sorted({len(row["trainings"]) for row in rows})
    seeds = (
        text.counted(counts[0], "seed")
        if len(counts) == 1
        else f"{counts[0]} to {counts[-1]} seeds"
    )
    return (
        f"Grey: the project's recipes, {seeds} each: mean accuracies, otherwise medians, "
        f"measured on {machines}. "
        "In colour: runs with at least "
        f"{leaderboard.FEWEST_VALIDATION_IMAGES:,} validation images, each on the machine that "
        "trained it. The line is the Pareto front: nothing cheaper is more accurate."
    )
