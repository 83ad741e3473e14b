"""What people say of labels: kept whatever happens, exported, imported, and what it does to accuracy."""

from __future__ import annotations

import json
import multiprocessing
import random
import string
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitcore import runs
from digitcore.analysis import label_errors
from digitcore.analysis.classification import wilson
from digitcore.runs import label_reviews
from digitcore.runs.label_reviews import COLUMNS, LabelReview, LabelReviewError

DATA, OTHER = "a" * 64, "b" * 64
GIVEN = {"test": np.arange(40) % 10, "training": np.arange(200) % 10}
KEEP = LabelReview(DATA, "test", 3, 3, "keep", time=1.0)
CHANGE = LabelReview(DATA, "test", 4, 4, "change", 9, time=2.0)
UNSURE = LabelReview(DATA, "training", 4, 4, "cannot tell", time=3.0)
LINES = [json.dumps(vars(one)) for one in (KEEP, CHANGE, UNSURE)]


def imported(text: str) -> list[LabelReview]:
    return label_reviews.from_csv(text.encode(), DATA, GIVEN, 10)


def test_the_last_word_about_an_image_counts_and_can_be_taken_back() -> None:
    label_reviews.add("mnist", [KEEP, CHANGE, UNSURE])
    label_reviews.add("mnist", [LabelReview(DATA, "test", 3, 3, "change", 5)])
    reviews = label_reviews.of("mnist", DATA)
    assert label_reviews.labels(reviews, "test") == {3: 5, 4: 9}
    assert label_reviews.labels(reviews, "training") == {4: None}
    assert reviews["test", 3].time > 1e9
    label_reviews.add("mnist", [LabelReview(DATA, "test", 4, 4, "none")])
    assert label_reviews.labels(label_reviews.of("mnist", DATA), "test") == {3: 5}
    assert label_reviews.of("mnist", OTHER) == {}
    assert label_reviews.of("fashion-mnist", DATA) == {}


def _adds(first: int) -> None:
    for index in range(first, first + 25):
        label_reviews.add("mnist", [LabelReview(DATA, "training", index, index % 10, "keep")])


def test_people_who_review_at_once_lose_nothing() -> None:
    runs.models_dir().mkdir()
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.map(_adds, (0, 25, 50, 75))
    read = label_reviews.read("mnist")
    assert set(read.by_data[DATA]) == {("training", index) for index in range(100)}
    assert read.damaged == 0


def test_half_a_line_of_a_process_that_died_costs_that_line_alone() -> None:
    label_reviews.add("mnist", [KEEP, CHANGE])
    path = label_reviews.path_of("mnist")
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        label_reviews.add("mnist", [UNSURE])
        read = label_reviews.read("mnist")
        reviews = read.by_data[DATA]
        # A line that lacks nothing but its end is whole.
        lines = [line for line in whole[:cut].split(b"\n") if line]
        sound = [line for line in lines if line in whole.split(b"\n")]
        assert len(reviews) == 1 + len(sound)
        assert read.damaged == len(lines) - len(sound)
        assert path.read_bytes().startswith(whole[:cut]), "nothing is lost"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_an_altered_file_of_reviews_is_read_or_told_and_never_rewritten(seed: int) -> None:
    dice = random.Random(seed)
    data = bytearray("\n".join(LINES * 3).encode())
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data))
        change = dice.randrange(4)
        if change == 0:
            data[at] = dice.randrange(256)
        elif change == 1:
            del data[at : at + dice.randint(1, 40)]
        elif change == 2:
            data[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 9)))
        else:
            data[at:at] = dice.choice([b"\n", b"null", b"[" * 5000, b'"index": -1, ', b"1e999"])
    path = label_reviews.path_of("mnist")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    read = label_reviews.read("mnist")
    assert len([line for line in bytes(data).split(b"\n") if line.strip()]) >= read.damaged
    for reviews in read.by_data.values():
        for one in reviews.values():
            assert one.verdict in ("keep", "change", "cannot tell")
            assert one.reviewed is None or 0 <= one.reviewed <= 255
    label_reviews.add("mnist", [KEEP])
    assert label_reviews.of("mnist", DATA)["test", 3] == KEEP
    assert path.read_bytes().startswith(bytes(data))


def test_a_file_that_is_too_long_or_no_file_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_reviews, "MOST_BYTES", 500)
    label_reviews.add("mnist", [KEEP])
    with pytest.raises(LabelReviewError, match="at most 500 bytes"):
        label_reviews.add("mnist", [CHANGE, UNSURE])
    assert len(label_reviews.of("mnist", DATA)) == 1
    path = label_reviews.path_of("mnist")
    path.write_bytes(path.read_bytes() * 3)
    with pytest.raises(LabelReviewError, match="longer than 500 bytes"):
        label_reviews.read("mnist")
    path.unlink()
    path.mkdir()
    with pytest.raises(LabelReviewError, match="cannot be read"):
        label_reviews.read("mnist")


def test_exported_reviews_are_imported_as_they_were() -> None:
    label_reviews.add("mnist", [UNSURE, KEEP, CHANGE])
    reviews = label_reviews.of("mnist", DATA)
    text = label_reviews.to_csv(reviews)
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert text.splitlines()[1] == f"{DATA},test,3,3,keep,,1.0"
    assert imported(text) == [KEEP, CHANGE, UNSURE]
    assert imported("\ufeff" + text.replace("\n", "\r\n")) == [KEEP, CHANGE, UNSURE]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{DATA},test,3,3,perhaps,,1", r"Line 2 .* is no review: verdict"),
        (f"{DATA},test,3,4,keep,,1", "another label of it: test 3, 4"),
        (f"{DATA},test,40,0,keep,,1", "an image that this dataset lacks"),
        (f"{DATA},exam,3,3,keep,,1", "is no review: split"),
        (f"{OTHER},test,3,3,keep,,1", "is of other images"),
        (f"{DATA},test,3,3,change,,1", "a label is there where"),
        (f"{DATA},test,3,3,change,3,1", "changed to another one"),
        (f"{DATA},test,3,3,change,10,1", "none of 10 classes"),
        (f"{DATA},test,-1,9,keep,,1", "is no review: index"),
        (f"{DATA},test,3", "is no review"),
        (f"{DATA},test,3,3,keep,,1,more", "is no review"),
        (f'{DATA},"test,3', "is CSV in UTF-8"),
    ],
)
def test_an_import_with_a_wrong_line_names_it_and_takes_nothing(line: str, said: str) -> None:
    with pytest.raises(LabelReviewError, match=said):
        imported("\n".join([",".join(COLUMNS), line]))


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(string.printable, max_size=300).map(str.encode)))
def test_any_file_may_be_imported_and_ends_in_reviews_or_a_sentence(data: bytes) -> None:
    for head in (b"", ",".join(COLUMNS).encode() + b"\n"):
        with suppress(LabelReviewError):
            label_reviews.from_csv(head + data, DATA, GIVEN, 10)


def test_accuracy_on_reviewed_labels_counts_what_was_changed_and_left_out() -> None:
    labels = np.zeros(100, np.uint8)
    predicted = np.zeros(100, np.int64)
    predicted[:10] = 1
    reviews = {0: 1, 1: 1, 2: 0, 3: None, 50: 2, 51: 0, 52: None}
    both = label_errors.reviewed_accuracy(predicted, labels, reviews)
    assert both is not None
    assert (both.given, both.images) == (0.90, 100)
    # Of 98, two that were wrong are right, one that was right is wrong, one wrong and one right are out.
    assert (both.reviewed, both.reviewed_images) == (90 / 98, 98)
    assert both.given_interval == wilson(90, 100)
    assert both.reviewed_interval == wilson(90, 98)
    assert (both.changed, both.left_out, both.kept, both.mended, both.spoiled) == (3, 2, 2, 2, 1)
    none = label_errors.reviewed_accuracy(predicted, labels, {})
    assert none is not None
    assert none.given == none.reviewed
    assert label_errors.reviewed_accuracy(predicted[:1], labels[:1], {0: None}) is None
