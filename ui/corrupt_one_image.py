"""One image of the split under a dial: corrupted as a person turns it, with what the network says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from digitcore.analysis.corruptions import TRANSFORMS, Corruption
from digitcore.analysis.mnist_c import SUITE
from digitcore.analysis.robustness import Frames, flips, frames
from digitcore.runs import RunError
from ui import address, caching, text
from ui.dial import dial
from ui.frame import section
from ui.gallery import gallery
from ui.paged_gallery import tiles_of
from ui.study import Study

TILES = 12
# What is offered while nothing is selected.
AT_FIRST = "A correct image of each class"
_CORRUPTIONS = {one.name: one for one in (*TRANSFORMS, *SUITE)}


# Of its own, so that a turn draws nothing else anew.
@st.fragment
def show(study: Study) -> None:
    """A dial that takes one image through the severities of a corruption."""
    section("One image")
    left, right = st.columns([4, 7], gap="large")
    with left:
        st.selectbox(
            "Corruption",
            list(_CORRUPTIONS),
            format_func=_title,
            key="corruption",
            bind="query-params",
            on_change=address.keep,
            args=("severity", None),
        )
        corruption = _CORRUPTIONS[st.session_state["corruption"]]
        st.caption(_meaning(corruption))
        offered = _offered(study)
        tiles = tiles_of(offered, study.probabilities[offered], study.split)
        index = gallery(tiles, "dial_gallery", study.names, parameter="image")
        if index is None:
            st.markdown("No image is selected.")
            return
        if not study.narrowed:
            st.caption("Select images above to have them here.")
    with right:
        try:
            shown = _frames(
                study.run.path,
                caching.changed(study.run.path / "model.tflite"),
                study.split_name,
                index,
                corruption.name,
                study,
            )
        except RunError as error:
            st.error(text.plain(str(error)))
            return
        true = int(study.split.labels[index])
        dial(
            shown,
            corruption,
            _severity(corruption),
            true,
            study.names,
            f"{study.run.id}-{study.split_name}-{index}-{corruption.name}",
            lambda severity: address.keep("severity", f"{severity:g}"),
        )
        st.markdown(_flips(shown, corruption, study))


def _title(name: str) -> str:
    corruption = _CORRUPTIONS[name]
    return f"{corruption.title} (MNIST-C)" if corruption in SUITE else corruption.title


def _meaning(corruption: Corruption) -> str:
    if corruption not in SUITE:
        return corruption.help
    return f"{corruption.help} 100 % is as strong as in MNIST-C."


def _offered(study: Study) -> np.ndarray:
    """Indices of the images that the dial offers: the first that are selected, or one of each class.

    The image that was opened comes with them, at the end, so that no other tile moves.
    """
    if study.narrowed:
        firsts = study.shown[:TILES].tolist()
    else:
        labels, wrong = study.images.labels, study.images.wrong
        own = [np.flatnonzero(labels == label) for label in range(len(study.names))]
        # Of a class with no correct image, the first of all.
        firsts = [int(some[wrong[some].argmin()]) for some in own if len(some)][:TILES]
    opened = address.read("image") or ""
    is_one = opened.isdecimal() and len(opened) < 9 and int(opened) < len(study.split)
    if is_one and int(opened) not in firsts and not study.narrowed:
        firsts = [*firsts[: TILES - 1], int(opened)]
    return np.array(firsts, np.int64)


def _severity(corruption: Corruption) -> float:
    """Where the address says that the dial stands; else at the image as it is, of the suite at its end."""
    try:
        severity = float(address.read("severity") or "")
    except ValueError:
        severity = np.nan
    if not np.isfinite(severity):
        return 100.0 if corruption in SUITE else 0.0
    return severity


@st.cache_resource(max_entries=32, show_spinner=False)
def _frames(
    path: Path, changed: float, split_name: str, index: int, name: str, _study: Study
) -> Frames:
    predictor = caching.predictor(_study.run)
    image = _study.split.images[index]
    return frames(image, _CORRUPTIONS[name], predictor.probabilities, seed=index)


def _flips(shown: Frames, corruption: Corruption, study: Study) -> str:
    """At which severity the prediction changes, in a sentence."""
    top = shown.probabilities.argmax(axis=1)
    names = [text.plain(name) for name in study.names]
    at_first = names[top[np.abs(shown.severities).argmin()]]
    changes = [
        f"at **{corruption.written(flip.severity)}** to {names[flip.predicted]}"
        for flip in flips(shown.severities.tolist(), top.tolist())
        if flip
    ]
    if not changes:
        low, high = (corruption.written(shown.severities[k]) for k in (0, -1))
        return f"Predicted as {at_first} at every severity, from {low} to {high}."
    return f"Predicted as {at_first}; first changes {' and '.join(changes)}."
