"""What a selection says, in a line."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from digitcore.analysis import classification, written
from digitcore.analysis.selection import EVERYTHING, Selection
from digitcore.runs import Run
from ui import text
from ui.study import Study


def told(study: Study) -> str:
    """What is selected, as Markdown: `**4 predicted as 9 · writer 2041** · 6 images`."""
    chosen, of = study.selection, study.images
    count, errors = len(study.shown), int(of.wrong[study.shown].sum())
    words = f"**{' · '.join(_narrowed(study))}** · {text.counted(count, 'image')}"
    if not count or count == errors or (chosen.true, chosen.predicted).count(None) == 0:
        return words
    rate = written.accuracy(errors / count, classification.wilson(errors, count))
    return f"{words} · {errors:,} wrong, {rate}"


def _narrowed(study: Study) -> list[str]:
    """What each facet that narrows the selection says, classes first."""
    chosen, of = study.selection, study.images
    words = [_of_classes(chosen, study.names)]
    if (areas := len(chosen.areas)) and of.points is None:
        words.append("an area of the map, which is not computed yet and does not count")
    elif areas:
        words.append("in an area of the map" if areas == 1 else f"in {areas} areas of the map")
    if chosen.confidence != EVERYTHING.confidence:
        low, high = (round(100 * end) for end in chosen.confidence)
        if not low:
            words.append(f"at most {high} % sure")
        else:
            words.append(f"at least {low} % sure" if high == 100 else f"{low} to {high} % sure")
    if chosen.writer is not None:
        words.append(f"by writer {chosen.writer}")
    if chosen.text:
        words.append(f"“{text.plain(chosen.text)}”")
    if chosen.beside:
        other = text.plain(text.named(Run(study.run.path.with_name(st.session_state["other"]))))
        words.append(f"beside {other}: {chosen.beside}")
    return words


def _of_classes(chosen: Selection, names: Sequence[str]) -> str:
    true, predicted = (
        None if label is None else text.plain(names[label])
        for label in (chosen.true, chosen.predicted)
    )
    wrong = chosen.only_errors
    return {
        (True, True): f"{true} correct"
        if true == predicted
        else f"{true} predicted as {predicted}",
        (True, False): f"{true} predicted wrong" if wrong else f"{true}",
        (False, True): f"{'Wrongly predicted' if wrong else 'Predicted'} as {predicted}",
        (False, False): "All errors" if wrong else "All images",
    }[true is not None, predicted is not None]
