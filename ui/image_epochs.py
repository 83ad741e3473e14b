"""How one image's probabilities moved from epoch to epoch: computed by a short job, once a run."""

from __future__ import annotations

import streamlit as st

from digitcore.analysis import history
from digitcore.figures.history import history_figure
from digitcore.jobs import epochs
from digitcore.jobs.epochs import Epochs
from digitcore.runs import Run, RunError, kept_epochs
from ui import text
from ui.short_jobs import button, row
from ui.study import Study

KIND = "epochs"


def show(index: int, study: Study) -> None:
    """Draws the image's history; where it is not computed yet a button, where it cannot be a line."""
    run = study.run
    try:
        known = epochs.read(run)
        if known is not None:
            _history(index, study, known)
            return
    except RunError as error:
        st.caption(f":material/error: {text.plain(str(error))}")
    if kept_epochs.numbers(run):
        row(run, KIND, _invitation)
    else:
        st.caption(
            "**Epoch by epoch** · not known, as this run kept no weights of its epochs. "
            "Runs that are trained now do."
        )


def _invitation(run: Run) -> None:
    button(run, KIND, "Show it epoch by epoch", ":material/timeline:")
    kept = text.counted(len(kept_epochs.numbers(run)), "epoch")
    st.caption(f"Predicts all images with the weights of {kept}, once for the run.")


def _history(index: int, study: Study, known: Epochs) -> None:
    table = epochs.history(study.run, known, study.split_name, index)
    names = [text.plain(name) for name in study.names]
    st.markdown(f"**Epoch by epoch** · {history.sentence(known.epochs, table, names)}")
    metrics = study.run.metrics
    kept = metrics.best_epoch if metrics else None
    st.plotly_chart(
        history_figure(
            known.epochs,
            table,
            int(study.images.labels[index]),
            int(study.images.predicted[index]),
            study.names,
            kept,
        ),
        key="image_epochs",
        config={"displaylogo": False, "displayModeBar": False},
        alt="probability of the classes by epoch",
    )
    if kept in known.epochs:
        st.caption(f"The dotted line marks epoch {kept}, whose weights the network has.")
