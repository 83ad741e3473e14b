"""Explore's view "Robustness": one image under a dial, and the accuracy that runs keep on corrupted images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from digitcore import runs
from digitcore.analysis import written
from digitcore.analysis.corruptions import TRANSFORMS
from digitcore.analysis.mnist_c import SUITE
from digitcore.analysis.robustness import Summary, difference, summarise
from digitcore.figures.robustness import severity_curves
from digitcore.figures.style import BLUE, run_colour
from digitcore.jobs import robustness
from digitcore.jobs.robustness import Measured, Robustness
from digitcore.runs import Run, RunError, State
from ui import caching, corrupt_one_image, text
from ui.frame import section
from ui.prediction_html import tile_uri
from ui.run_table import THIS, dot, text_column
from ui.short_jobs import button, row
from ui.study import Study

KIND = "robustness"
MOST_OTHERS = 4
_COLUMNS = 3


@dataclass(frozen=True)
class Shown:
    """A run as the charts and the tables show it.

    Attributes:
        run: the run.
        name: as pages name it.
        style: colour and symbol of its lines.
        dot: the same, as a picture.
        measured: on the split that is shown.
        summary: of that.
    """

    run: Run
    name: str
    style: tuple[str, str]
    dot: str
    measured: Measured
    summary: Summary


def show(study: Study) -> None:
    """Draws the view."""
    corrupt_one_image.show(study)
    section("Accuracy on corrupted images")
    try:
        known = _known(study.run)
    except RunError as error:
        st.error(text.plain(str(error)))
        known = None
    if known is None:
        row(study.run, KIND, _invitation)
        return
    this = Shown(
        study.run,
        text.named(study.run),
        (BLUE, "circle"),
        THIS,
        *_on(known, study.split_name),
    )
    st.markdown(_sentence(this.summary, study.split_name))
    if study.narrowed:
        st.caption("The selection narrows the tiles above, not this.")
    everyone = [this, *_others(study)]
    if len(everyone) > 1:
        _summaries(everyone, study.split_name)
    _charts(everyone)
    section("The fifteen corruptions")
    _suite(everyone, study)


def _invitation(run: Run) -> None:
    button(run, KIND, "Measure on corrupted images", ":material/blur_on:")
    st.caption(
        f"Rotated, noisy, covered and more, {robustness.IMAGES:,} images of each split: "
        "about a minute on two cores, once."
    )


def _known(run: Run) -> Robustness | None:
    path = run.path
    # The metrics say which network and data it must be of.
    files = (path / "robustness.json", path / "metrics.json")
    return _read(path, *(caching.changed(file) for file in files))


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(path: Path, changed: float, metrics_changed: float) -> Robustness | None:
    return robustness.read(Run(path))


def _on(known: Robustness, split_name: str) -> tuple[Measured, Summary]:
    measured = known.test if split_name == "test" else known.validation
    return measured, summarise(measured.outcomes)


def _sentence(summary: Summary, split_name: str) -> str:
    return (
        f"**{written.accuracy(summary.suite, summary.suite_interval)}** in the mean over fifteen "
        f"corruptions in the manner of MNIST-C: **{100 * summary.lost:.2f} points** "
        f"({written.interval(summary.lost_interval)}) less than the "
        f"{written.percent(summary.clean)} on the same {summary.images:,} {split_name} images as they are."
    )


def _others(study: Study) -> list[Shown]:
    """The runs that are chosen beside the one that is shown; for each not measured yet, a row."""
    offered = _comparable(study.run)
    if not offered:
        return []
    names = {run_id: text.named(run, state) for run_id, (run, state) in offered.items()}
    kept = [one for one in st.session_state.get("robust_with", []) if one in offered]
    if "robust_with" in st.session_state:
        st.session_state["robust_with"] = kept  # what was chosen may be gone
    chosen = st.multiselect(
        "Beside it",
        list(offered),
        format_func=names.__getitem__,
        max_selections=MOST_OTHERS,
        key="robust_with",
        placeholder=f"Up to {MOST_OTHERS} other runs on the same images",
        bind="query-params",
    )
    others = []
    for run_id in chosen:
        run, state = offered[run_id]
        try:
            known = _known(run)
        except RunError as error:
            st.caption(f":material/error: {text.plain(str(error))}")
            known = None
        if known is None:
            st.markdown(f"**{text.plain(names[run_id])}** has not been measured.")
            row(run, KIND, _invitation)
            continue
        style, picture = run_colour(state.number), dot(state.number)
        others.append(Shown(run, names[run_id], style, picture, *_on(known, study.split_name)))
    return others


def _comparable(run: Run) -> dict[str, tuple[Run, State]]:
    """By id, the other runs that were tested on the same data and have a network."""
    offered = {}
    wanted = run.metrics
    for other, state in runs.list_states():
        try:
            metrics = None if state.status in runs.UNREADABLE else other.metrics
        except RunError:
            continue
        if (
            other.id != run.id
            and metrics
            and wanted
            and metrics.data_checksum == wanted.data_checksum
            and (other.path / "model.tflite").exists()
        ):
            offered[other.id] = (other, state)
    return offered


def _summaries(everyone: list[Shown], split_name: str) -> None:
    rows: list[dict[str, Any]] = []
    first = everyone[0]
    for one in everyone:
        summary = one.summary
        values = {
            "dot": one.dot,
            "name": text.cell(one.name),
            "clean": 100 * summary.clean,
            "suite": 100 * summary.suite,
            "interval": written.interval(summary.suite_interval),
            "lost": 100 * summary.lost,
            "difference": None,
            "difference_interval": "",
        }
        if one is not first and robustness.same_images(first.run, one.run, split_name):
            value, (low, high) = difference(first.measured.outcomes, one.measured.outcomes)
            ends = f"{100 * low:+.2f} to {100 * high:+.2f}".replace("-", "−")
            values |= {"difference": 100 * value, "difference_interval": ends}
        rows.append(values)
    frame = pd.DataFrame(rows)
    percent = {"format": "%.2f"}
    st.dataframe(
        frame,
        column_config={
            "dot": st.column_config.ImageColumn("", width=30),
            "name": text_column("Run", frame["name"]),
            "clean": st.column_config.NumberColumn("As they are %", **percent),
            "suite": st.column_config.NumberColumn("Mean of fifteen %", **percent),
            "interval": st.column_config.TextColumn("95 % interval", alignment="right"),
            "lost": st.column_config.NumberColumn("Lost, points", **percent),
            "difference": st.column_config.NumberColumn(
                "Difference", format="%+.2f", help="Of the means, to the first run, in points"
            ),
            "difference_interval": st.column_config.TextColumn(
                "95 % interval of it",
                alignment="right",
                help="On the same images (paired bootstrap); a run that validated others has none",
            ),
        },
        hide_index=True,
        placeholder="",
        width="content",
        key="robustness-table",
        alt="Accuracy of the runs as the images are, and in the mean over fifteen corruptions",
    )


def _charts(everyone: list[Shown]) -> None:
    """A small figure for each transform, all on one scale."""
    styles = {one.name: one.style for one in everyone}
    # Row by row, so that a narrow window, which has them below each other, keeps their order.
    for begin in range(0, len(TRANSFORMS), _COLUMNS):
        columns = st.columns(_COLUMNS, gap="medium")
        for column, corruption in zip(columns, TRANSFORMS[begin:], strict=False):
            curves = {one.name: one.measured.curves[corruption.name] for one in everyone}
            column.plotly_chart(
                severity_curves(curves, styles, corruption),
                key=f"robustness-{corruption.name}",
                config={"displayModeBar": False},
                alt=f"Accuracy by severity: {corruption.title.lower()}",
            )


def _suite(everyone: list[Shown], study: Study) -> None:
    """Accuracy under each of the fifteen, with an example."""
    example = study.split.images[:1]
    frame = pd.DataFrame(
        {
            "example": [tile_uri(one(example, 100)[0]) for one in SUITE],
            "corruption": [one.title for one in SUITE],
            "what": [one.help for one in SUITE],
        }
    )
    config: dict[str, Any] = {
        "example": st.column_config.ImageColumn("", width=40),
        "corruption": text_column("Corruption", frame["corruption"]),
        "what": text_column("What is done", frame["what"]),
    }
    for number, one in enumerate(everyone):
        frame[f"run-{number}"] = [100 * value for value in one.summary.each]
        config[f"run-{number}"] = st.column_config.NumberColumn(one.name, format="%.2f %%")
    st.dataframe(
        frame,
        column_config=config,
        column_order=["example", "corruption", *list(frame)[3:], "what"],
        hide_index=True,
        height="content",
        width="content",
        key="suite-table",
        alt="Accuracy under each of the fifteen corruptions",
    )
    st.caption(
        "Computed by this project with the strengths of MNIST-C (Mu and Gilmer, 2019), not read from its files, "
        "on which the figures are others."
    )
