"""Runs as rows of a table: what is known of each, in the order of the columns."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from digitcore import files
from digitcore.analysis import comparable, outcome, seeds, written
from digitcore.figures import style
from digitcore.recipes import Recipe
from digitcore.runs import ACTIVE, UNREADABLE, Metrics, Run, RunError, State, events
from digitcore.runs.dropping import chosen_on_test
from ui import address, browsers, caching, text
from ui.shown_run import shown_id

_YOU = "you"
_SELECTED, _TABLES = "selected_runs", "tables_of_runs"

SHAPES = {
    "circle": '<circle cx="8" cy="8" r="5"/>',
    "square": '<rect x="3" y="3" width="10" height="10"/>',
    "diamond": '<path d="M8 2 14 8 8 14 2 8Z"/>',
    "triangle-up": '<path d="M8 3 14 13H2Z"/>',
}
LETTERS = 14  # of a name in a table, so that the numbers beside it are seen in a narrow window
# Wide enough for `100.00 %`, and no more: a window of 400 pixels shows both after a name.
PERCENT = st.column_config.NumberColumn(format="%.2f %%", width=70)
INTERVAL = st.column_config.TextColumn(alignment="right", width=98)
# First what a narrow window must show.
COLUMNS = {
    "dot": st.column_config.ImageColumn("", width=30, help="Its colour in the curves below"),
    "name": None,
    "validation": {**PERCENT, "label": "Valid.", "help": "Validation accuracy of the best epoch"},
    "test": {**PERCENT, "label": "Test", "help": "Accuracy of the same network"},
    "validation_interval": {
        **INTERVAL,
        "label": "Valid. ±",
        "help": "95 % interval (Wilson) of the validation accuracy in percent; of several seeds the SD",
    },
    "test_interval": {
        **INTERVAL,
        "label": "Test ±",
        "help": "95 % interval (Wilson) of the test accuracy in percent; of several seeds the SD",
    },
    "changed": None,
    "by_epoch": st.column_config.LineChartColumn(
        "By epoch",
        help="Validation accuracy by epoch, from 0 to 100 % in every row",
        width=90,
        y_min=0,
        y_max=100,
        color=style.BLUE,
    ),
    "status": st.column_config.TextColumn("Status"),
    "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
    "seconds": st.column_config.NumberColumn("Training", format="%.0f s"),
    "created": st.column_config.DatetimeColumn("When", format="D MMM, HH:mm"),
    "by": st.column_config.TextColumn("By", help="Whose browser began it, by a made-up name"),
    "note": st.column_config.TextColumn("Note"),
}


def text_column(label: str, texts: pd.Series, **more: Any) -> Any:
    """A column as wide as these texts, which Streamlit would cut; a letter takes 7.4 pixels or fewer."""
    longest = max(len(label), int(texts.fillna("").str.len().max()))
    return st.column_config.TextColumn(label, width=min(420, 17 + round(7.4 * longest)), **more)


def _picture(shape: str, style: str) -> str:
    """A `data:` URI of an SVG picture."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" {style}>{shape}</svg>'
    return "data:image/svg+xml;utf8," + quote(svg)


# The run that a page is about, beside others.
THIS = _picture(SHAPES["circle"], f'fill="{style.BLUE}"')
# What is no run.
RING = _picture(SHAPES["circle"], f'fill="none" stroke="{style.GREY}" stroke-width="2"')


@functools.lru_cache(maxsize=100)
def dot(position: int) -> str:
    """The run's colour and symbol in its curves, as a `data:` URI of an SVG picture."""
    colour, symbol = style.run_colour(position)
    return _picture(SHAPES[symbol], f'fill="{colour}"')


def epochs(run: Run, state: State) -> events.Columns:
    """The run's epochs; none while it has not begun."""
    if state.status in ACTIVE:
        return caching.events(run).epochs  # its file grows, and only what is new is read
    try:
        return files.remembered(run.path / "events.jsonl", events.read_epochs)
    except OSError:
        return events.EventLog().epochs


def row(run: Run, state: State) -> dict[str, Any]:
    """What the table says of a run: the keys of `COLUMNS`, and its `id`."""
    recipe = None
    try:
        recipe = run.recipe
        # What a resumed run had reached before is no result yet.
        unknown = state.status in (*ACTIVE, *UNREADABLE)
        metrics, note = None if unknown else run.metrics, state.message
        told = outcome.explained(metrics, recipe) if metrics else ""
        note = note or " ".join(filter(None, [told, chosen_on_test(state) if metrics else ""]))
    except RunError as error:
        metrics, note = None, str(error)
    log = epochs(run, state)
    curve = (100 * log["validation_accuracy"]).tolist()
    validation, ends = _validation(metrics, log)
    return {
        "dot": dot(state.number),
        "name": text.cell(text.named(run, state, most=LETTERS)),
        "whole_name": text.named(run, state),
        "recipe": recipe and recipe.name,
        "settings": recipe and text.settings(recipe),
        "changed": recipe and _changed(recipe, state.title),
        "status": state.status,
        "by_epoch": curve,
        "validation": validation,
        "validation_interval": ends,
        "test": 100 * metrics.test_accuracy if metrics else None,
        "test_interval": written.interval(metrics.test_interval) if metrics else "",
        "parameters": recipe and recipe.parameters,
        "seconds": metrics.fit_seconds if metrics else None,
        "created": pd.Timestamp.fromtimestamp(state.created) if state.created else None,
        "by": browsers.someone_else(state) or (_YOU if state.begun_by else ""),
        "note": text.cell(note),
        "id": run.id,
    }


def _changed(recipe: Recipe, title: str) -> str:
    """What differs from the recipe that the run is named after; a title does not name it."""
    return " · ".join(filter(None, [recipe.name * bool(title), text.settings(recipe)]))


def _validation(metrics: Metrics | None, log: events.Columns) -> tuple[float | None, str]:
    """Validation accuracy in percent, and its interval; of the best epoch so far while none is kept."""
    if metrics:
        return 100 * metrics.validation_accuracy, written.interval(metrics.validation_interval)
    if not len(log["step"]):
        return None, ""
    place = log["validation_accuracy"].argmax()
    accuracy = float(log["validation_accuracy"][place])
    ends = written.interval_of(accuracy, int(log["validation_images"][place]))
    return 100 * accuracy, written.interval(ends) if ends else ""


def _over_seeds(members: list[dict[str, Any]], recipe: Recipe) -> dict[str, Any]:
    """One row for runs that differ only in their seed: mean ± SD, and costs in the mean.

    `members` holds their ids. The first decides colour and name.
    """
    first = members[0]
    seed = Recipe.load(recipe.name).seed if recipe.name in Recipe.names() else 0
    title = first["whole_name"].rpartition(" · ")[0]
    told: dict[str, Any] = {}
    for split in ("validation", "test"):
        group = seeds.group([member[split] for member in members])
        told |= {split: group.mean, f"{split}_interval": f"± {group.deviation:.2f}"}
    epochs = min(len(member["by_epoch"]) for member in members)
    curves = [member["by_epoch"][:epochs] for member in members]
    short = title if len(title) <= LETTERS else f"{title[: LETTERS - 1]}…"
    return {
        **first,
        **told,
        "name": text.cell(f"{short} · {len(members)} seeds"),
        "changed": _changed(recipe.changed(seed=seed), title if title != recipe.name else ""),
        "by_epoch": [sum(values) / len(values) for values in zip(*curves, strict=True)],
        "seconds": sum(member["seconds"] for member in members) / len(members),
        "note": "",
        "id": f"seeds of {first['id']}",
        "members": [member["id"] for member in members],
    }


def with_seeds_as_one(
    rows: list[dict[str, Any]], runs: Mapping[str, Run], selected: Collection[str]
) -> list[dict[str, Any]]:
    """The rows, those of runs that differ only in their seed as one, with its runs below if one is selected.

    Args:
        rows: as `row` makes them.
        runs: at least theirs, by id.
        selected: ids of runs.
    """
    by_id = {row["id"]: row for row in rows}
    listed: list[dict[str, Any]] = []
    for group in comparable.by_seed([runs[row["id"]] for row in rows]):
        members = [by_id[run.id] for run in group]
        # A row may be older than its run's file.
        if len(members) == 1 or any(member["test"] is None for member in members):
            listed += members
            continue
        listed.append(_over_seeds(members, group[0].recipe))
        if any(run.id in selected for run in group):
            listed += [
                {**member, "name": text.cell(f"↳ seed {run.recipe.seed} · {run.id[-4:]}")}
                for member, run in zip(members, group, strict=True)
            ]
    return listed


def selected_after(
    rows: list[dict[str, Any]], before: Collection[str], marked: Collection[str]
) -> list[str]:
    """The ids of the runs that are selected once these rows are marked; marking one of seeds takes them all.

    Args:
        rows: as `with_seeds_as_one` gives them.
        before: the runs that were selected.
        marked: ids of rows.
    """
    chosen = {row["id"] for row in rows if row["id"] in marked and "members" not in row}
    for row in rows:
        members = set(row.get("members", ()))
        if members and (row["id"] in marked) != (members <= set(before)):
            chosen = chosen | members if row["id"] in marked else chosen - members
    order = [run_id for row in rows for run_id in row.get("members", [row["id"]])]
    return [run_id for run_id in dict.fromkeys(order) if run_id in chosen]


def _marked(rows: list[dict[str, Any]], selected: Collection[str]) -> list[int]:
    """Which rows are marked while these runs are selected, by number."""
    return [
        place
        for place, row in enumerate(rows)
        if all(run_id in selected for run_id in row.get("members", [row["id"]]))
    ]


def wanted(row: dict[str, Any], words: list[str], statuses: list[str]) -> bool:
    """Whether a row has each of the words, and one of the statuses if any is given."""
    told = f"{row['whole_name']} {row['recipe']} {row['settings']} {row['id']}".casefold()
    return all(word in told for word in words) and (not statuses or row["status"] in statuses)


def follow_address() -> None:
    """Selects the rows that the address names; to be called where a page begins, in no fragment.

    A fragment may be drawn with the address that the browser had a moment ago.
    """
    asked = address.read("selected")
    ids = [shown_id()] if asked is None else asked.split(",")
    if st.session_state.get(_SELECTED) != ids:
        st.session_state[_SELECTED] = ids
        st.session_state[_TABLES] = st.session_state.get(_TABLES, 0) + 1


def selectable(rows: list[dict[str, Any]], runs: Mapping[str, Run]) -> list[str]:
    """Draws the table, whose selection is kept in the address; the ids of the selected runs.

    Runs that differ only in their seed are one row, which opens where it or one of its runs is selected.
    """
    selected = st.session_state[_SELECTED]
    listed = with_seeds_as_one(rows, runs, selected)
    ids = [row["id"] for row in listed]
    # Another key for other rows: a selection is by place, and must not slide to another run. And for
    # a selection from the address, as by the back button: a table cannot be told another one.
    key = f"runs-{st.session_state[_TABLES]}-{hash(tuple(ids))}"

    shared = any(row["by"] not in ("", _YOU) for row in rows)

    def keep() -> None:
        marked = st.session_state[key].selection.rows
        chosen = selected_after(listed, selected, [ids[place] for place in marked])
        st.session_state[_SELECTED] = chosen
        if sorted(marked) != _marked(listed, chosen):
            st.session_state[_TABLES] += 1  # it shows another selection than it was given
        address.keep("selected", ",".join(chosen))

    table = pd.DataFrame(listed)
    st.dataframe(
        table,
        column_order=[name for name in COLUMNS if name != "by" or shared],
        column_config={
            **COLUMNS,
            "name": text_column("Name", table["name"]),
            "changed": text_column(
                "Changed", table["changed"], help="What differs from its recipe, and from which"
            ),
        },
        hide_index=True,
        placeholder="",
        key=key,
        on_select=keep,
        selection_default={"selection": {"rows": _marked(listed, selected)}},
        alt="All runs",
    )
    return [row["id"] for row in rows if row["id"] in selected]
