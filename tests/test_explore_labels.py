"""Explore's view "Labels": the search that is begun there, and the review of what it finds."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from made_up import PLAIN
from pages_of_runs import bars, said, visit
from streamlit.testing.v1 import AppTest

from digitcore import datasets, runs
from digitcore.analysis.written import accuracy_of
from digitcore.jobs import cross_validation, out_of_sample
from digitcore.jobs.out_of_sample import OutOfSample, Suspect
from digitcore.runs import Run, label_reviews
from digitcore.runs.label_reviews import LabelReview

CHECKSUMS = "0" * 64


@pytest.fixture
def run(finished: str, fresh_pages: None) -> Run:
    return runs.load(finished)


@pytest.fixture
def searched(run: Run) -> OutOfSample:
    """A search that found every label right but those of test images 7 and 3 and training image 190."""
    dataset = datasets.load_dataset()
    tables, qualities = [], []
    for split, wrong in (("test", {7: 2, 3: 5}), ("training", {190: 4})):
        labels = out_of_sample.labels_of(split, dataset).astype(np.int64)  # type: ignore[arg-type]
        predicted = labels.copy()
        for index, label in wrong.items():
            predicted[index] = label
        table = np.full((len(labels), 10), 0.1 / 9, np.float32)
        table[np.arange(len(labels)), predicted] = 0.9
        if split == "test":
            table[7] = np.eye(10)[2]
        tables.append(table)
        qualities.append(table[np.arange(len(labels)), labels].astype(np.float64))
    folds = out_of_sample.dealt(labels, 2, 0)
    unseen = OutOfSample(dataset.checksum, 2, 2, 1, 2, folds, *tables[::-1], *qualities[::-1])
    searching = runs.create(PLAIN)
    out_of_sample.write(searching, unseen)
    searching.update(status="finished")
    return unseen


def labels_view(run: Run, **query: str) -> AppTest:
    app = visit("explore", run=run.id, explore_view="Labels", **query)
    assert not app.exception
    return app


def pressed(app: AppTest, label: str) -> None:
    app.button[[button.label for button in app.button].index(label)].click().run()
    assert not app.exception


def reviewed(unseen: OutOfSample, split: str) -> dict[int, int | None]:
    return label_reviews.labels(label_reviews.of("mnist", unseen.data_checksum), split)


def test_a_search_is_begun_watched_stopped_and_resumed_from_the_page(run: Run) -> None:
    app = labels_view(run)
    assert "4 small networks are trained" in said(app)
    pressed(app, "Find label errors")
    search = cross_validation.under_way("mnist")
    assert search is not None
    assert search.recipe == cross_validation.usual_recipe("mnist")
    assert bars(app) == ["Looking for label errors: Starting"]
    pressed(app, "Stop")
    assert search.status == "stopped"
    app = labels_view(run)
    assert "The last search stopped. Stopped before it began" in said(app).replace("\\", "")
    pressed(app, "Resume the search")
    assert search.status == "queued"


def test_a_search_that_is_done_is_a_run_like_others_on_every_page(
    run: Run, searched: OutOfSample
) -> None:
    (search,) = (one for one in runs.list_runs() if out_of_sample.is_there(one))
    app = visit("train", run=search.id)
    assert not app.exception
    assert "Review the labels" in [link.proto.label for link in app.get("page_link")]
    for page in ("runs", "draw", "explore"):
        assert not visit(page, run=search.id, selected=f"{search.id},{run.id}").exception


def test_the_selection_of_the_runs_images_is_folded_away_and_kept_here(
    run: Run, searched: OutOfSample
) -> None:
    app = labels_view(run, true="3")
    (folded,) = [one for one in app.expander if one.label.startswith("Selection of")]
    assert "True" in [box.label for box in folded.selectbox]
    assert "true" in app.query_params
    assert bars(app) == ["0 of 40 suspects reviewed"]
    app.segmented_control(key="explore_view").set_value("Errors").run()
    assert not app.exception


def test_the_image_that_is_shown_is_the_suspects(run: Run, searched: OutOfSample) -> None:
    dataset = datasets.load_dataset(validation_split=0.3)
    images = out_of_sample.training_images(dataset)[0]
    for index in (0, len(dataset.train) - 1, len(dataset.train), 199):
        shown = out_of_sample.image_of(Suspect("training", index, 0, 1, 0.0), dataset)
        np.testing.assert_array_equal(shown, images[index])
    shown = out_of_sample.image_of(Suspect("test", 39, 0, 1, 0.0), dataset)
    np.testing.assert_array_equal(shown, dataset.test.images[39])


def test_without_cleanlab_the_page_says_what_it_needs(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    app = labels_view(run)
    assert "requirements-labels.txt" in said(app).replace("\\", "")
    assert "Find label errors" not in [button.label for button in app.button]


def test_each_verdict_is_kept_and_turns_to_the_next_suspect(
    run: Run, searched: OutOfSample
) -> None:
    app = labels_view(run)
    assert bars(app) == ["0 of 40 suspects reviewed"]
    assert "Labelled **7** · the networks suggest **2**" in said(app)
    assert "About 2 of 40 test labels are wrong" in said(app)
    pressed(app, "Change to 2")
    assert "Labelled **3** · the networks suggest **5**" in said(app)
    assert app.query_params["suspect"] == "3"
    pressed(app, "Cannot tell")
    assert reviewed(searched, "test") == {7: 2, 3: None}
    assert bars(app) == ["2 of 40 suspects reviewed"]
    third = int(app.query_params["suspect"])
    pressed(app, f"Keep {third % 10}")
    assert reviewed(searched, "test")[third] == third % 10
    # Its own class among the others keeps it as well.
    fourth = int(app.query_params["suspect"])
    pressed(app, str(fourth % 10))
    pressed(app, "Previous")
    assert "Kept" in said(app)
    pressed(app, "Take back")
    assert "Not reviewed yet" in said(app)
    assert len(reviewed(searched, "test")) == 3
    # An unreviewed suspect comes before those that have a verdict.
    assert "Labelled **" in said(labels_view(run))
    pressed(labels_view(run, suspect="7"), "Change to 2")
    assert reviewed(searched, "test")[7] == 2


def test_a_reload_and_a_link_show_the_same_suspect_and_a_strange_one_the_first(
    run: Run, searched: OutOfSample
) -> None:
    app = labels_view(run, labels_of="training labels")
    assert "training image 190" in said(app)
    assert "the networks suggest **4**" in said(app)
    assert "test image 3" in said(labels_view(run, suspect="3"))
    for strange in ("-1", "nonsense", "999999999999999999999", "<b>"):
        assert "test image 7" in said(labels_view(run, suspect=strange))


def test_a_late_press_is_of_the_suspect_that_was_seen(run: Run, searched: OutOfSample) -> None:
    app = labels_view(run)
    keys = {button.key for button in app.button if button.label.startswith("Keep")}
    pressed(app, "Keep 7")
    assert not keys & {button.key for button in app.button}


def test_a_press_replaces_only_the_review_that_was_seen(run: Run, searched: OutOfSample) -> None:
    app = labels_view(run)
    label_reviews.add("mnist", [LabelReview(searched.data_checksum, "test", 7, 7, "cannot tell")])
    pressed(app, "Change to 2")
    assert reviewed(searched, "test") == {7: None}
    assert "Somebody reviewed this label meanwhile" in app.toast[0].value
    app = labels_view(run, suspect="7")
    assert "Nobody can tell" in said(app)
    pressed(app, "Change to 2")
    assert reviewed(searched, "test") == {7: 2}
    # Nor does it take back what another one said.
    app = labels_view(run, suspect="7")
    label_reviews.add("mnist", [LabelReview(searched.data_checksum, "test", 7, 7, "keep")])
    pressed(app, "Take back")
    assert reviewed(searched, "test") == {7: 7}


def test_keys_can_be_turned_off(run: Run, searched: OutOfSample) -> None:
    app = labels_view(run)
    keys = {button.label: button.proto.shortcut for button in app.button if button.proto.shortcut}
    assert keys.items() >= {"Keep 7": "k", "Change to 2": "s", "Cannot tell": "t"}.items()
    assert keys.items() >= {"5": "5", "Next": "right"}.items()
    app.toggle(key="label_keys").set_value(False).run()
    assert not [button.label for button in app.button if button.proto.shortcut]


def test_accuracy_on_given_and_reviewed_labels_stands_side_by_side(
    run: Run, searched: OutOfSample
) -> None:
    dataset = datasets.load_dataset(validation_split=run.recipe.validation_split)
    tables = run.probabilities()
    predicted = {name: table.argmax(axis=1) for name, table in tables.items()}
    first = len(dataset.train)
    labels = dataset.validation.labels
    # What the network predicts for a validation image that it has wrong.
    wrong = int(np.flatnonzero(predicted["validation"] != labels)[0])
    given, now = int(labels[wrong]), int(predicted["validation"][wrong])
    unsure = int(np.flatnonzero(predicted["validation"] != labels)[1])
    data = searched.data_checksum
    label_reviews.add(
        "mnist",
        [
            LabelReview(data, "training", first + wrong, given, "change", now),
            LabelReview(data, "training", first + unsure, int(labels[unsure]), "cannot tell"),
            LabelReview(data, "training", 0, 0, "change", 1),
            LabelReview(CHECKSUMS, "training", first, 0, "change", 1),
        ],
    )
    right = int((predicted["validation"] == labels).sum())
    app = labels_view(run, split="validation")
    count = len(labels)
    assert f"**{accuracy_of(right / count, count)}** on given labels" in said(app)
    after = accuracy_of((right + 1) / (count - 1), count - 1)
    assert f"**{after}** on reviewed labels" in said(app)
    assert "1 label changed, 1 left out as nobody can tell, 0 kept" in said(app)
    assert "1 image became correct and 0 wrong" in said(app)
    assert "No label of this split was reviewed yet" in said(labels_view(run))


def test_reviews_are_imported_and_a_wrong_file_is_told(run: Run, searched: OutOfSample) -> None:
    data = searched.data_checksum
    good = label_reviews.to_csv({("test", 7): LabelReview(data, "test", 7, 7, "change", 1, 5.0)})
    for text, told in (
        (good.replace(",7,7,", ",7,8,"), "Nothing was imported"),
        (good, "1 review imported"),
    ):
        app = labels_view(run)
        uploader = app.file_uploader(key="label_reviews_file")
        uploader.set_value(("reviews.csv", io.BytesIO(text.encode()).getvalue(), "text/csv")).run()
        assert not app.exception
        assert told in app.toast[0].value
    assert reviewed(searched, "test") == {7: 1}


def test_damaged_reviews_and_a_damaged_search_are_told(run: Run, searched: OutOfSample) -> None:
    label_reviews.add("mnist", [LabelReview(searched.data_checksum, "test", 7, 7, "keep")])
    path = label_reviews.path_of("mnist")
    whole = path.read_bytes()
    path.write_bytes(b'{"half": \n' + whole)
    app = labels_view(run)
    assert "1 line of" in said(app)
    assert bars(app) == ["1 of 40 suspects reviewed"]
    path.unlink()
    path.mkdir()
    assert "cannot be read" in said(labels_view(run))
    path.rmdir()
    (searching,) = (one for one in runs.list_runs() if out_of_sample.is_there(one))
    (searching.path / out_of_sample.FILE).write_bytes(b"no npz")
    assert "4 small networks are trained" in said(labels_view(run))
