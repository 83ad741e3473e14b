"""One click to the report of runs: HTML, PDF, and tables as CSV and LaTeX, in one zip file."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from digitcore.analysis import comparable
from digitcore.datasets import DataError, Dataset
from digitcore.runs import Run, RunError
from ui import caching


def report_button(chosen: Sequence[Run]) -> None:
    """Draws the button where these runs, or the one, can be reported; else nothing."""
    if not _can_be_reported(chosen):
        return
    name = f"report-{chosen[0].id}"

    def zipped() -> bytes:
        # In another thread, where Streamlit's state is out of reach; here, because it takes Matplotlib.
        from digitcore.reports import report

        return report.to_zip(report.document(chosen, _dataset), name)

    st.download_button(
        "Report",
        zipped,
        file_name=f"{name}.zip",
        mime="application/zip",
        on_click="ignore",
        icon=":material/description:",
        help="HTML, PDF, and tables as CSV and LaTeX: what a student submits",
    )


def _can_be_reported(chosen: Sequence[Run]) -> bool:
    try:
        if len(chosen) > 1:
            comparable.check(chosen, "test")
        return all(run.status in ("finished", "stopped") and run.metrics for run in chosen)
    except RunError:
        return False


def _dataset(run: Run) -> Dataset | None:
    try:
        return caching.dataset(run)
    except DataError:
        return None
