"""The leaderboard: rankings of recipes and runs, and accuracy over cost."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.analysis import comparable, leaderboard
from digitcore.analysis.leaderboard import Cost, Entry
from digitcore.datasets import registry
from digitcore.figures.leaderboard import accuracy_over_cost
from digitcore.figures.style import run_colour
from digitcore.runs import Run, State
from ui import text
from ui.choice import choice
from ui.run_table import INTERVAL, LETTERS, PERCENT, RING, dot, text_column

_COSTS: dict[Cost, str] = {
    "parameters": "parameters",
    "fit_seconds": "training time",
    "seconds_to_99": "time to 99 %",
    "prediction_ms": "one prediction",
}
_UNCERTAIN = "Of a run its 95 % interval in percent, of several seeds their SD"
_COLUMNS = {
    "dot": st.column_config.ImageColumn("", width=30, help="Its colour below"),
    "validation": {**PERCENT, "label": "Valid.", "help": "Validation accuracy"},
    "test": {**PERCENT, "label": "Test", "help": "Test accuracy"},
    "validation_uncertainty": {**INTERVAL, "label": "Valid. ±", "help": _UNCERTAIN, "width": 112},
    "test_uncertainty": {**INTERVAL, "label": "Test ±", "help": _UNCERTAIN, "width": 112},
    "parameters": st.column_config.NumberColumn(
        "Param.", format="localized", width=72, help="Parameters"
    ),
    "fit_seconds": st.column_config.NumberColumn("Training", format="%.1f s", width=76),
    "seconds_to_99": st.column_config.NumberColumn(
        "To 99 %",
        format="%.1f s",
        width=70,
        help="Seconds of training, compilation included, until validation accuracy first is 99 %",
    ),
    "prediction_ms": st.column_config.NumberColumn("Per image", format="%.2f ms", width=78),
}
_RULES = (
    "Ranked by validation accuracy or, for the fastest, by the time to 99 %. "
    "Test is the accuracy on images that chose nothing."
)


def show(everything: list[tuple[Run, State]]) -> None:
    """Draws the leaderboard of the recipes and these runs; runs that differ only in their seed are one."""
    states = {run.id: state for run, state in everything}
    entries = {
        run.id: entry._replace(name=text.named(run, state, most=LETTERS))
        for run, state in everything
        if (entry := leaderboard.from_run(run, state))
    }
    groups = comparable.by_seed([run for run, _ in everything if run.id in entries])
    own = [_own(group, entries, states) for group in groups]
    _ranking(
        leaderboard.recipes() + own,
        {entry.run: dot(states[entry.run].number) for entry in own},
        {group[0].id: [entries[run.id] for run in group] for group in groups if len(group) > 1},
    )
    with _heading():
        st.markdown("**Accuracy over cost**", width="content")
        cost = choice("Cost", list(_COSTS), "cost", format_func=_COSTS.__getitem__)
    st.plotly_chart(
        accuracy_over_cost(
            leaderboard.recipes() + own,
            cost,
            {one.run: run_colour(states[one.run].number) for one in own},
        ),
        key=f"leaderboard-{cost}",
        config={"displayModeBar": False},
        alt=f"Validation accuracy of recipes and runs over {_COSTS[cost]}",
    )
    st.caption(_origin())


def _own(group: list[Run], entries: dict[str, Entry], states: dict[str, State]) -> Entry:
    """A run, or runs that differ only in their seed as one entry, which is named by their number."""
    entry = leaderboard.over_seeds([entries[run.id] for run in group])
    if len(group) == 1:
        return entry
    name = group[0].called(states[group[0].id])
    return entry._replace(name=f"{name[:LETTERS]} · {len(group)} seeds")


def _heading() -> DeltaGenerator:
    return st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    )


def _ranking(entries: list[Entry], dots: dict[str, str], seeds: dict[str, list[Entry]]) -> None:
    """A row for each entry; that of several seeds, by its first run's id, opens to these."""
    titles = {one.title: one for one in leaderboard.CHALLENGES}
    with _heading():
        st.markdown("**Ranking**", width="content", help=_RULES)
        challenge = titles[choice("Ranking", list(titles), "ranking")]
    ranked = leaderboard.ranked(entries, challenge)
    if not ranked:
        st.caption("Nothing qualifies yet.")
        return
    decides = [challenge.cost] if challenge.most is None else []
    rows = pd.DataFrame([_row(rank, entry, dots) for rank, entry in enumerate(ranked, 1)])
    # First what decides the ranking, so that a narrow window shows it.
    order = list(dict.fromkeys(["dot", "name", *decides, *_COLUMNS]))
    several = any(entry.run in seeds for entry in ranked)
    event: Any = _table(
        rows,
        order,
        key=f"ranking-{challenge.title}",
        on_select="rerun" if several else "ignore",
        selection_mode="single-row",
        alt=f"Ranking of recipes and runs: {challenge.title}",
    )
    opened = [ranked[place] for place in event.selection.rows] if several else []
    for entry in opened:
        if entry.run in seeds:
            _seeds(entry, seeds[entry.run], dots, order)


def _seeds(whole: Entry, members: list[Entry], dots: dict[str, str], order: list[str]) -> None:
    """The runs of which an entry is the mean."""
    alike = {one.run: dots[whole.run] for one in members}
    rows = pd.DataFrame([{**_row(0, one, alike), "name": one.name} for one in members])
    _table(rows, order, key="ranking-seeds", alt=f"The runs of {whole.name}")


def _table(rows: pd.DataFrame, order: list[str], **options: Any) -> Any:
    return st.dataframe(
        rows,
        column_order=order,
        column_config={"name": text_column("Name", rows["name"]), **_COLUMNS},
        width="content",
        hide_index=True,
        placeholder="–",
        **options,
    )


def _row(rank: int, entry: Entry, dots: dict[str, str]) -> dict[str, Any]:
    return {
        "dot": dots.get(entry.run, RING),
        "name": f"{rank}. {entry.name}",
        "validation": 100 * entry.validation_accuracy,
        "test": 100 * entry.test_accuracy,
        "validation_uncertainty": entry.uncertainty("validation"),
        "test_uncertainty": entry.uncertainty("test"),
        **{cost: getattr(entry, cost) for cost in _COSTS},
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
        f"In colour: runs on {registry.get(leaderboard.dataset()).title} with at least "
        f"{leaderboard.FEWEST_VALIDATION_IMAGES:,} validation images, each on the machine that "
        "trained it. The line is the Pareto front: nothing cheaper is more accurate."
    )
