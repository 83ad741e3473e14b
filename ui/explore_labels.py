"""Explore's view "Labels": images whose label may be wrong, one by one, and what people say of them."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from digitcore.analysis import label_errors, written
from digitcore.analysis.label_errors import Reviewed
from digitcore.datasets import DataError, Dataset
from digitcore.jobs import out_of_sample
from digitcore.jobs.out_of_sample import SPLITS, Newest, SplitName, Suspect
from digitcore.runs import RunError, label_reviews
from digitcore.runs.label_reviews import LabelReview, LabelReviewError, Reviews, Verdict
from ui import address, caching, text
from ui.choice import choice
from ui.frame import heard
from ui.label_review_files import added, review_files
from ui.label_search import search
from ui.prediction_html import probability_bars, tile_uri
from ui.shown_run import when
from ui.study import Study


@dataclass(frozen=True)
class _Desk:
    """What is reviewed: a dataset by its name, and the suspects of one of its splits."""

    name: str
    newest: Newest
    dataset: Dataset
    reviews: Reviews
    split: SplitName
    suspects: Sequence[Suspect]

    @property
    def names(self) -> Sequence[str]:
        """Of the classes."""
        return self.dataset.info.classes

    def of(self, suspect: Suspect) -> LabelReview | None:
        return self.reviews.get((suspect.split, suspect.index))

    @functools.cached_property
    def done(self) -> list[bool]:
        """Whether each suspect is reviewed."""
        return [self.of(one) is not None for one in self.suspects]


MOST = 100  # suspects of each split
_SUSPECT = "suspect"
# A class for each key; of more, one is chosen from a list.
_MOST_KEYS = 10


def show(study: Study) -> None:
    """Draws the view."""
    name = study.run.recipe.dataset
    checksum = caching.dataset(study.run).checksum
    newest = out_of_sample.newest(name, checksum, caching.out_of_sample)
    if newest is None:
        search(name)
        return
    try:
        dataset = caching.dataset(newest.run)
        out_of_sample.check_images(newest.run, newest.out_of_sample, dataset)
        reviews = label_reviews.of(name, checksum)
    except (RunError, DataError, LabelReviewError) as error:
        st.error(text.plain(str(error)))
        return
    _accuracies(study, reviews)
    split = choice("Labels of", SPLITS, "labels_of", format_func=lambda one: f"{one} labels")
    suspects = caching.suspects(newest, split, MOST, dataset)
    _review(_Desk(name, newest, dataset, reviews, split, suspects))
    review_files(name, dataset, reviews)


def _accuracies(study: Study, reviews: Reviews) -> None:
    """The run's accuracy on given and on reviewed labels, on the split that is shown."""
    both = label_errors.reviewed_accuracy(
        study.probabilities.argmax(axis=1), study.split.labels, _of_split(study, reviews)
    )
    if both is None:
        return
    heard("Accuracy")
    left, right = st.columns(2)
    for column, title, accuracy, images in (
        (left, "given", written.accuracy(both.given, both.given_interval), both.images),
        (right, "reviewed", written.accuracy(both.reviewed, both.reviewed_interval), both.reviewed_images),
    ):  # fmt: skip
        column.markdown(f"**{accuracy}** on {title} labels  \n{images:,} {study.split_name} images")
    st.caption(_told(both))


def _of_split(study: Study, reviews: Reviews) -> Mapping[int, int | None]:
    """Reviewed labels by the index in the split that is shown."""
    if study.split_name == "test":
        return label_reviews.labels(reviews, "test")
    # Validation images are the training images behind those that were trained on.
    first = len(caching.dataset(study.run).train)
    among = label_reviews.labels(reviews, "training").items()
    count = len(study.split)
    return {index - first: label for index, label in among if 0 <= index - first < count}


def _told(both: Reviewed) -> str:
    if not (both.changed or both.left_out or both.kept):
        return "No label of this split was reviewed yet."
    return (
        f"{text.counted(both.changed, 'label')} changed, {both.left_out:,} left out as nobody can tell, "
        f"{both.kept:,} kept. By the changes {text.counted(both.mended, 'image')} became correct and "
        f"{both.spoiled:,} wrong. Only suspects are reviewed: a wrong label that the networks agree with "
        "stays, so this accuracy is too high rather than too low."
    )


def _review(desk: _Desk) -> None:
    """One suspect, large, with what can be said of it."""
    heard("Review")
    unseen, split, suspects = desk.newest.out_of_sample, desk.split, desk.suspects
    reviewed = sum(desk.done)
    st.progress(
        reviewed / max(1, len(suspects)), f"{reviewed:,} of {len(suspects):,} suspects reviewed"
    )
    st.caption(
        f"About {unseen.errors(split):,} of {len(unseen.table(split)):,} {split} labels are wrong, as "
        "confident learning estimates it. The most suspect come first."
    )
    rank = _rank(desk)
    suspect = suspects[rank]
    given, suggested = (
        text.plain(desk.names[label]) for label in (suspect.given, suspect.suggested)
    )
    image = out_of_sample.image_of(suspect, desk.dataset)
    left, right = st.columns([1, 2], gap="large")
    left.html(
        f'<img src="{tile_uri(image)}" '
        f'alt="{html.escape(desk.names[suspect.given])}" style="width: 100%; max-width: 20rem; '
        'image-rendering: pixelated; border-radius: 3px">'
    )
    with right:
        st.markdown(
            f"Labelled **{given}** · the networks suggest **{suggested}**  \n"
            f"Suspect {rank + 1} of {len(suspects)} · {split} image {suspect.index:,}"
        )
        st.caption(_said(desk.of(suspect), desk.names))
        _buttons(desk, rank)
        st.html(probability_bars(unseen.table(split)[suspect.index], suspect.given, desk.names))
        st.caption("By networks that did not learn from this image; its label is underlined.")


def _rank(desk: _Desk) -> int:
    """Which suspect is shown: that in the address, else the first that is not reviewed."""
    ranks = {str(one.index): rank for rank, one in enumerate(desk.suspects)}
    here = ranks.get(address.read(_SUSPECT) or "")
    return here if here is not None else _next_open(desk.done, -1)


def _next_open(done: Sequence[bool], rank: int) -> int:
    """The first after that rank that is not reviewed, then from the beginning; else the next."""
    order = [*range(rank + 1, len(done)), *range(max(0, rank))]
    return next((other for other in order if not done[other]), min(rank + 1, len(done) - 1))


def _said(review: LabelReview | None, names: Sequence[str]) -> str:
    if review is None:
        return "Not reviewed yet"
    said = {
        "keep": "Kept",
        "cannot tell": "Nobody can tell",
        "change": f"Changed to {text.plain(names[review.label or 0])}",
    }[review.verdict]
    return f":material/check: {said}, {when(review.time)}"


def _buttons(desk: _Desk, rank: int) -> None:
    """What can be said of a suspect, and the ways to others, each with a key."""
    suspect, names = desk.suspects[rank], desk.names
    known = desk.of(suspect)
    keys = st.session_state.get("label_keys", True)
    first, others, ways = (
        st.container(horizontal=True, gap="xsmall", vertical_alignment="center") for _ in range(3)
    )

    def press(where: Any, label: str, shortcut: str, action: Any, **options: Any) -> None:
        where.button(
            label,
            shortcut=shortcut if keys else None,
            on_click=action,
            # Another key for another suspect, so that a late press is not of one that nobody saw.
            key=f"label-{label}-{shortcut}-{suspect.split}-{suspect.index}",
            **options,
        )

    def say(verdict: Verdict, label: int | None = None) -> Callable[[], None]:
        following = desk.suspects[_next_open(desk.done, rank)].index
        review = LabelReview(
            desk.dataset.checksum, suspect.split, suspect.index, suspect.given, verdict, label
        )
        return functools.partial(_keep, desk.name, review, known, following)

    def is_a(label: int) -> Callable[[], None]:
        return say("keep") if label == suspect.given else say("change", label)

    def go(to: int) -> Callable[[], None]:
        return functools.partial(address.keep, _SUSPECT, str(desk.suspects[to].index))

    press(first, f"Keep {names[suspect.given]}", "K", say("keep"))
    other = suspect.suggested
    press(first, f"Change to {names[other]}", "S", is_a(other), type="primary")
    press(first, "Cannot tell", "T", say("cannot tell"))
    if len(names) <= _MOST_KEYS:
        for label, name in enumerate(names):
            press(others, name, str(label), is_a(label), help=f"It is {text.plain(name)}")
    else:
        _choose(suspect, names, is_a, others)
    press(ways, "Previous", "Left", go(rank - 1), disabled=rank == 0)
    press(
        ways,
        "Next",
        "Right",
        go((rank + 1) % len(desk.suspects)),
        disabled=rank + 1 == len(desk.suspects),
    )
    back = functools.partial(_keep, desk.name, known, known, None)
    press(ways, "Take back", "Z", back, type="tertiary", disabled=not desk.done[rank])
    ways.toggle(
        "Keys", True, key="label_keys", help="Turn them off where single keys are in your way."
    )


def _choose(
    suspect: Suspect, names: Sequence[str], is_a: Callable[[int], Callable[[], None]], where: Any
) -> None:
    """A list of the other classes, where there are more of them than digits on a keyboard."""
    key = f"label-other-{suspect.split}-{suspect.index}"

    def chosen() -> None:
        if (label := st.session_state[key]) is not None:
            is_a(label)()

    where.selectbox(
        "Another class",
        [label for label in range(len(names)) if label != suspect.given],
        index=None,
        format_func=lambda label: names[label],
        key=key,
        on_change=chosen,
        placeholder="Another class",
        label_visibility="collapsed",
        width=180,
    )


def _keep(
    name: str, review: LabelReview | None, known: LabelReview | None, following: int | None
) -> None:
    """Keeps a review and turns to the following suspect; takes it back where none follows.

    It replaces the review that was known where the button was drawn, and no other: while the page is
    drawn anew, a key also presses the button of the suspect before, and somebody else may review.
    """
    if review is None:
        return
    try:
        now = label_reviews.of(name, review.data_checksum).get(review.place)
    except LabelReviewError:
        return  # the page says why
    if now != known:
        if address.read(_SUSPECT) in (None, str(review.index)):
            st.toast("Somebody reviewed this label meanwhile. Press again to replace that.")
        return
    if following is None:
        review = replace(review, verdict="none", label=None, time=0.0)
    if added(name, [review]) and following is not None:
        address.keep(_SUSPECT, str(following))
