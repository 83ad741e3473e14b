"""Runs as rows of a table: what is known of each, in the order of the columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from digitcore import figures, runs
from digitcore.runs import Run, RunError
from ui import text

SHAPES = {
    "circle": '<circle cx="8" cy="8" r="5"/>',
    "square": '<rect x="3" y="3" width="10" height="10"/>',
    "diamond": '<path d="M8 2 14 8 8 14 2 8Z"/>',
    "triangle-up": '<path d="M8 3 14 13H2Z"/>',
}
PERCENT = st.column_config.NumberColumn(format="%.2f %%")
COLUMNS = {
    "dot": st.column_config.ImageColumn("", width=30, help="Its colour in the curves below"),
    "name": st.column_config.TextColumn("Name"),
    "recipe": st.column_config.TextColumn("Recipe", width=105),
    "settings": st.column_config.TextColumn("Changed", help="What differs from the recipe"),
    "status": st.column_config.TextColumn("Status"),
    "by_epoch": st.column_config.LineChartColumn(
        "By epoch",
        help="Validation accuracy by epoch, from 90 to 100 %",
        width=90,
        y_min=90,
        y_max=100,
        color=figures.BLUE,
    ),
    "validation": {**PERCENT, "label": "Validation", "help": "Accuracy of the best epoch"},
    "test": {**PERCENT, "label": "Test", "help": "Accuracy of the same network"},
    "interval": st.column_config.TextColumn(
        "Test interval", help="95 % interval (Wilson) in percent", alignment="right"
    ),
    "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
    "seconds": st.column_config.NumberColumn("Training", format="%.0f s"),
    "created": st.column_config.DatetimeColumn("When", format="D MMM, HH:mm"),
    "note": st.column_config.TextColumn("Note"),
}


def dot(position: int) -> str:
    """The run's colour and symbol in its curves, as a `data:` URI of an SVG picture."""
    colour, symbol = figures.run_colour(position)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="{colour}">'
    return "data:image/svg+xml;utf8," + quote(f"{svg}{SHAPES[symbol]}</svg>")


@st.cache_data(max_entries=500, show_spinner=False)
def epochs_of(path: Path, changed: float) -> list[dict[str, Any]]:
    """A run's epoch events; `changed` is the file's time, so that new ones are seen."""
    events = runs.current(Run(path).events()[0])
    return [event for event in events if event["kind"] == "epoch"]


def epochs(run: Run) -> list[dict[str, Any]]:
    """The run's epoch events; none while it has not begun."""
    file = run.path / "events.jsonl"
    return epochs_of(run.path, file.stat().st_mtime) if file.exists() else []


def row(run: Run) -> dict[str, Any]:
    """What the table says of a run: the keys of `COLUMNS`, and its `id`."""
    state, broken = run.state, run.status == "broken"
    try:
        # What a resumed run had reached before is no result yet.
        metrics, note = {} if run.active else run.metrics or {}, state.message
    except RunError as error:
        metrics, note = {}, str(error)
    curve = [100 * event["validation_accuracy"] for event in epochs(run)]
    interval = [f"{100 * end:.2f}" for end in metrics.get("test_interval", ())]
    return {
        "dot": dot(state.number),
        "name": run.name,
        "recipe": None if broken else run.recipe.name,
        "settings": None if broken else text.settings(run.recipe),
        "status": state.status,
        "by_epoch": curve,
        "validation": 100 * metrics["validation_accuracy"] if metrics else max(curve, default=None),
        "test": 100 * metrics["test_accuracy"] if metrics else None,
        "interval": "–".join(interval),
        "parameters": None if broken else run.recipe.parameters,
        "seconds": metrics.get("fit_seconds"),
        "created": pd.Timestamp.fromtimestamp(state.created) if state.created else None,
        "note": note,
        "id": run.id,
    }


def wanted(row: dict[str, Any], words: list[str], statuses: list[str]) -> bool:
    """Whether a row has each of the words, and one of the statuses if any is given."""
    told = f"{row['name']} {row['recipe']} {row['settings']} {row['id']}".casefold()
    return all(word in told for word in words) and (not statuses or row["status"] in statuses)
