"""Two to five selected runs as one: chosen on validation, reported on test beside the best of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from digitcore.analysis import comparable, comparison, ensemble, verdicts, written
from digitcore.analysis.verdicts import Contender
from digitcore.datasets import Split
from digitcore.runs import Run, State
from ui import caching, text
from ui.choice import choice
from ui.compare_details import beside
from ui.paged_gallery import paged_gallery

MOST = 5
_WAYS = ("greedy", "all")


def show(runs: Sequence[Run], states: dict[str, State]) -> None:
    """Draws which of the runs are taken, what that gives, and what it changes.

    Raises:
        RunError, DataError: the runs cannot be compared, or their images are not here.
    """
    if "validation" not in comparable.splits(runs):
        st.caption("No image validated all of them, so nothing can be chosen.")
        return
    dataset = caching.dataset(runs[0])
    labels, *tables = comparable.in_common(
        [dataset.validation.labels, *(caching.tables(run)["validation"] for run in runs)]
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        way = choice("Members", _WAYS, "ensemble")
        st.caption(
            "Greedy adds, step by step, the run that helps most on validation, some more than once "
            "(Caruana et al., 2004); all takes each once. Probabilities are averaged."
            if way == "greedy"
            else "The mean of all runs' probabilities, each once."
        )
    weights = ensemble.greedy(tables, labels) if way == "greedy" else [1] * len(runs)
    best = max(range(len(runs)), key=lambda i: ensemble.score(tables[i], labels))
    names = [text.named(run, states[run.id], most=28) for run in runs]
    if np.count_nonzero(weights) == 1:
        st.markdown(f"No other run improves **{text.plain(names[best])}** on validation.")
        return
    reached = [
        written.accuracy_of(ensemble.score(table, labels)[0], len(labels))
        for table in (ensemble.mean(tables, weights), tables[best])
    ]
    members = ", ".join(
        name + f" ×{n}" * (n > 1) for name, n in zip(names, weights, strict=True) if n
    )
    st.markdown(
        text.plain(
            f"{members}: {reached[0]} on {len(labels):,} validation images; {names[best]}, the best of "
            f"them there, {reached[1]}."
        )
    )
    tables = [caching.tables(run)["test"] for run in runs]
    whole = ensemble.mean(tables, weights)
    _on_test(names[best], tables[best], whole, dataset.test, runs[0].recipe.info.classes)


def _on_test(
    name: str, single: np.ndarray, whole: np.ndarray, test: Split, classes: Sequence[str]
) -> None:
    """The paired verdict on the two tables, and the images of which only one of them is right."""
    one, other = single.argmax(axis=1), whole.argmax(axis=1)
    contenders = [Contender(name, [one]), Contender("the ensemble", [other])]
    (verdict,) = verdicts.against_first(contenders, test.labels, "test")
    sentence = verdict.sentence.removeprefix("the ensemble")
    start = "The ensemble" if sentence != verdict.sentence else ""
    st.markdown(f"**{text.plain(start + sentence)}**")
    broken, mended = comparison.disagreements(one, other, test.labels)
    changed = {"mended": mended, "broken": broken}
    side = choice(
        "Images",
        tuple(changed),
        "ensemble_images",
        format_func=lambda side: f"{side} ({len(changed[side]):,})",
    )
    indices = changed[side]
    if not len(indices):
        st.caption("No image.")
        return
    # A tile says what the one that errs predicted.
    errs = single if side == "mended" else whole
    left, right = st.columns([5, 6], gap="large")
    with left:
        _, opened = paged_gallery(
            indices,
            f"{side}-{name}-{len(indices)}",
            errs.__getitem__,
            test,
            "ensemble_gallery",
            classes,
            "ensemble_",
        )
    if opened is not None:
        answers = {"The ensemble": whole[opened], name: single[opened]}
        with right:
            beside(test.images[opened], int(test.labels[opened]), answers, classes)
