"""What differs between compared runs: hyperparameters, classes, and images that one of two predicts correctly."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from digitcore.analysis import classification, comparable, comparison, verdicts
from digitcore.analysis.verdicts import Contender
from digitcore.datasets import Split
from digitcore.recipes import Recipe
from digitcore.runs import Run
from ui import caching, text
from ui.choice import choice
from ui.paged_gallery import paged_gallery
from ui.prediction_html import probability_bars, tile_uri


@dataclass(frozen=True)
class Member:
    """A run, or runs that differ only in their seed, and what they predicted. Arrays are read-only.

    `position` is the number of its first run, which decides colour and symbol.
    """

    runs: Sequence[Run]
    position: int
    contender: Contender

    @property
    def label(self) -> str:
        return self.contender.label

    @property
    def recipe(self) -> Recipe:
        return self.runs[0].recipe


@dataclass(frozen=True)
class Compared:
    """Members on the images of a split that all of them predicted; the first is held against the others."""

    members: Sequence[Member]
    split_name: str
    split: Split

    @property
    def names(self) -> Sequence[str]:
        """Of the classes."""
        return self.members[0].recipe.info.classes


def show(compared: Compared) -> None:
    """Draws all of it."""
    first, *others = compared.members
    left, right = st.columns(2, gap="large")
    with left:
        settings(compared.members)
    with right:
        labels = {member.label: member for member in others}
        other = others[0]
        if len(others) > 1:
            if st.session_state.get("compare_with", "") not in labels:
                st.session_state.pop("compare_with", None)
            picked = st.selectbox(
                f"{first.label} and", list(labels), key="compare_with", bind="query-params"
            )
            other = labels[picked]
        per_class(first, other, compared)
    images(first, other, compared)


def settings(members: Sequence[Member]) -> None:
    """The hyperparameters in which the members differ, and no other."""
    rows = comparable.differing_settings({member.label: member.runs for member in members})
    st.markdown("**Hyperparameters that differ**")
    if not rows:
        st.caption("None: their recipes are the same.")
        return
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="content",
        key="compare-settings",
        alt="Hyperparameters that differ between the compared runs",
    )


def per_class(first: Member, other: Member, compared: Compared) -> None:
    """How often each class's images are predicted correctly by the two, most different first."""
    labels, names = compared.split.labels, compared.names
    one, two = (
        np.mean(
            [
                [score.recall for score in classification.per_class(labels, p, len(names))]
                for p in member.contender.predictions
            ],
            axis=0,
        )
        for member in (first, other)
    )
    rows = pd.DataFrame(
        {
            "class": list(names),
            "images": np.bincount(labels, minlength=len(names)),
            "first": 100 * one,
            "other": 100 * two,
            "difference": np.round(100 * (two - one), 2) + 0.0,  # no -0.00
        }
    )
    if len(first.runs) == len(other.runs) == 1:
        found = comparison.per_class(
            first.contender.predictions[0], other.contender.predictions[0], labels, len(names)
        )
        rows["p"] = [verdicts.short_p(row.mcnemar_p) for row in found]
    st.markdown(
        "**By class**",
        help="Accuracy on the images that show the class (recall). p is McNemar's, corrected for the number "
        "of classes (Holm).",
    )
    st.dataframe(
        rows.sort_values("difference", key=lambda values: -values.abs(), kind="stable"),
        column_config={
            "class": st.column_config.TextColumn("Class"),
            "images": st.column_config.NumberColumn("Images", format="localized"),
            "first": st.column_config.NumberColumn(first.label, format="%.2f %%"),
            "other": st.column_config.NumberColumn(other.label, format="%.2f %%"),
            "difference": st.column_config.NumberColumn("Difference", format="%+.2f"),
            "p": st.column_config.TextColumn("p", alignment="right"),
        },
        column_order=["class", "difference", "p", "first", "other", "images"],
        hide_index=True,
        width="content",
        key="compare-classes",
        alt=f"Accuracy of {first.label} and {other.label} by class",
    )


def images(first: Member, other: Member, compared: Compared) -> None:
    """The images that one of the two predicts correctly and the other does not."""
    labels = compared.split.labels
    right = [member.contender.is_right(labels) for member in (first, other)]
    only = (np.flatnonzero(right[1] & ~right[0]), np.flatnonzero(right[0] & ~right[1]))
    sides = {
        "other": f"only {other.label} ({len(only[0]):,})",
        "first": f"only {first.label} ({len(only[1]):,})",
    }
    seeds_decide = len(first.runs) + len(other.runs) > 2
    st.markdown(
        "**Predicted correctly by**",
        help="Of several seeds, by more than half. " * seeds_decide
        + "Each tile says what the one that errs predicted.",
    )
    side = choice("Images", list(sides), "compare_images", format_func=sides.__getitem__)
    indices, errs, knows = (only[0], first, other) if side == "other" else (only[1], other, first)
    if not len(indices):
        st.caption("No image.")
        return
    left, right = st.columns([5, 6], gap="large")
    with left:
        _, opened = paged_gallery(
            indices,
            f"{compared.split_name}-{knows.label}-{errs.label}",
            lambda shown: probabilities(errs, compared, shown, right=False),
            compared.split,
            "compare_gallery",
            compared.names,
            "compare_",
        )
    if opened is not None:
        one = np.array([opened])
        answers = {
            member.label: probabilities(member, compared, one, right)[0]
            for member, right in ((knows, True), (errs, False))
        }
        with right:
            beside(compared.split.images[opened], int(labels[opened]), answers, compared.names)


def beside(
    image: np.ndarray, true: int, answers: Mapping[str, np.ndarray], names: Sequence[str]
) -> None:
    """One image, uint8 (height, width), and what each of two says of it, float (classes,) by its name."""
    picture, *bars = st.columns([2, 3, 3], gap="medium")
    picture.html(
        f'<img src="{tile_uri(image)}" alt="{html.escape(names[true])}" style="width: 100%; '
        'max-width: 10rem; image-rendering: pixelated; border-radius: 3px">'
    )
    for column, (label, row) in zip(bars, answers.items(), strict=True):
        column.markdown(f"**{text.plain(label)}**")
        column.html(probability_bars(row, true, names))


def probabilities(
    member: Member, compared: Compared, indices: np.ndarray, right: bool
) -> np.ndarray:
    """Of each image float32 (K, classes), by the first seed that predicts it correctly, or that does not."""
    images = len(compared.split)
    rows = np.stack(
        [caching.tables(run)[compared.split_name][-images:][indices] for run in member.runs]
    )
    fits = (rows.argmax(axis=2) == compared.split.labels[indices]) == right
    return rows[fits.argmax(axis=0), np.arange(len(indices))]
