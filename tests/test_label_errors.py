"""Label errors: probabilities by networks that never saw an image, their ranking, and the command."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import PLAIN, write_npz
from studio import Studio

from digitcore import datasets, runs
from digitcore.__main__ import main
from digitcore.analysis import label_errors
from digitcore.datasets import Dataset
from digitcore.jobs import carry_out, cross_validation, out_of_sample, queue
from digitcore.jobs.out_of_sample import OutOfSample
from digitcore.recipes import Recipe
from digitcore.runs import Run, label_reviews
from digitcore.runs.label_reviews import LabelReview

PLANTED, FIRST = 50, 60
EPOCHS = 25
IMAGES = 10_000
# As found by the usual recipe on all of MNIST, on a sixth of it: fewer images need more epochs.
SMALL = cross_validation.usual_recipe("mnist").changed(
    name="planted",
    training_images=IMAGES,
    epochs=6,
    rotation=10,
    shift=1.5,
    scale=0.1,
    shear=5,
)
TABLE = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.98, 0.02]], np.float32)
GIVEN = np.array([0, 1, 1, 1], np.uint8)


def planted(labels: np.ndarray, within: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which 50 of the first `within` are wrong, and where these are."""
    random = np.random.default_rng(seed)
    indices = random.choice(within, PLANTED, replace=False)
    wrong = labels.copy()
    wrong[indices] = (labels[indices] + random.integers(1, 10, PLANTED)) % 10
    return wrong, indices


def test_planted_errors_of_mnist_are_among_the_first_suspects(
    mnist: Dataset, tmp_path: Path
) -> None:
    """The real command, from files with wrong labels to the table; a network of 57,114 parameters."""
    images = np.concatenate([mnist.train.images, mnist.validation.images])[:IMAGES]
    labels = np.concatenate([mnist.train.labels, mnist.validation.labels])[:IMAGES]
    training, wrong_training = planted(labels, IMAGES, 0)
    test, wrong_test = planted(mnist.test.labels, len(mnist.test), 1)
    write_npz(tmp_path / "mnist.npz", [images, training, mnist.test.images, test])
    studio = Studio(tmp_path, tmp_path)
    found = studio.call("labels", "--recipe", studio.recipe(SMALL), "--most", str(FIRST))
    for split, indices in (("training", wrong_training), ("test", wrong_test)):
        first = [one["index"] for one in found["suspects"] if one["split"] == split]
        assert len(first) == FIRST
        assert len(set(first) & set(indices.tolist())) >= 45, split
    # What a person would be told is the true label, nearly always.
    true = {"training": labels, "test": mnist.test.labels}
    told = {"training": wrong_training, "test": wrong_test}
    mended = [
        one["suggested"] == true[one["split"]][one["index"]]
        for one in found["suspects"]
        if one["index"] in told[one["split"]]
    ]
    assert np.mean(mended) > 0.95
    assert 30 <= found["estimated_errors"]["training"] <= 150


def test_each_image_is_predicted_by_a_network_that_never_saw_it(
    small_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels of noise can only be learned by heart, so that nobody predicts what was held back."""
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    layers = [{"kind": "flatten"}, {"kind": "dense", "units": 512}]
    recipe = PLAIN.changed(
        layers=layers, epochs=EPOCHS, batch_size=20, learning_rate=0.0005, validation_split=0.02
    )
    run = cross_validation.cross_validate(recipe, folds=2)
    assert carry_out.carry_out(run)
    assert run.status == "finished"
    found = out_of_sample.read(run)
    assert found is not None
    assert found.is_whole
    labels = out_of_sample.labels_of("training", datasets.load_dataset())
    in_sample = run.log().epochs["accuracy"]
    assert in_sample.max() > 0.8
    assert (found.training_table.argmax(axis=1) == labels).mean() < 0.25
    assert not (run.path / "checkpoint").exists()
    # What it counts goes on from fold to fold.
    assert run.log().epochs["epoch"].tolist() == list(range(1, 2 * EPOCHS + 1))
    assert (np.diff(run.log().epochs["step"]) > 0).all()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_folds_are_of_one_size_and_have_each_class_evenly(count: int) -> None:
    labels = np.tile(np.arange(10), 40).astype(np.uint8)  # periodic, as scikit-learn's are
    folds = out_of_sample.dealt(labels, count, seed=5)
    assert set(folds.tolist()) == set(range(count))
    table = np.array([np.bincount(labels[folds == fold], minlength=10) for fold in range(count)])
    assert (table.max(axis=0) - table.min(axis=0)).max() <= 1
    assert np.ptp(table.sum(axis=1)) <= 1
    assert (folds != out_of_sample.dealt(labels, count, seed=6)).any()


def test_a_label_fits_as_well_as_it_is_probable() -> None:
    quality = label_errors.quality(TABLE, GIVEN)
    np.testing.assert_allclose(quality, TABLE[np.arange(4), GIVEN], rtol=1e-6)
    assert label_errors.suspects(quality, 2).tolist() == [3, 1]
    sure = np.repeat(TABLE[:1], 100, axis=0)
    wrong = np.concatenate([np.ones(7, np.uint8), np.zeros(93, np.uint8)])
    both = np.concatenate([sure, sure[:, ::-1]])
    given = np.concatenate([wrong, np.ones(100, np.uint8)])
    assert label_errors.estimated_errors(both, given) == 7


def test_the_suggested_class_is_the_likeliest_of_the_others(tmp_path: Path) -> None:
    table = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]], np.float32)
    found = whole(table, np.array([2, 0], np.uint8))
    told = out_of_sample.suspects(found, "test", np.array([2, 0], np.uint8), 9)
    assert [(one.index, one.given, one.suggested) for one in told] == [(1, 0, 1), (0, 2, 1)]


def whole(table: np.ndarray, labels: np.ndarray) -> OutOfSample:
    """A cross-validation that is done, with the same table for test and training."""
    quality = table[np.arange(len(labels)), labels].astype(np.float64)
    folds = (np.arange(len(labels)) % 2).astype(np.int8)
    return OutOfSample("0" * 64, 2, 2, 0, 0, folds, table, table, quality, quality)


def kept(unseen: OutOfSample) -> Run:
    run = runs.create(Recipe.load("fast"))
    out_of_sample.write(run, unseen)
    run.update(status="finished")
    return run


def test_what_was_found_is_read_back_and_damage_is_a_sentence() -> None:
    table = np.full((6, 10), 0.1, np.float32)
    found = whole(table, np.arange(6, dtype=np.uint8))
    run = kept(found)
    read = out_of_sample.read(run)
    assert read is not None
    for name, value in vars(found).items():
        np.testing.assert_array_equal(getattr(read, name), value)
    assert out_of_sample.newest("mnist", "0" * 64) is not None
    assert out_of_sample.newest("mnist", "1" * 64) is None
    assert out_of_sample.newest("kmnist", "0" * 64) is None
    whole_file = (run.path / out_of_sample.FILE).read_bytes()
    odd = [
        {"training_table": table * 2},
        {"test_table": np.full((6, 3), 0.1, np.float32)},
        {"training_quality": np.full(6, np.nan)},
        {"test_errors": 7},
        {"folds": np.full(6, 2, np.int8)},
        {"done": 1},
        {"count": 1},
        {"training_table": table[:4]},
        {"folds": np.zeros(6, np.float64)},
    ]
    for change in odd:
        out_of_sample.write(run, replace(found, **change))
        with pytest.raises(runs.RunBrokenError, match="cannot be used"):
            out_of_sample.read(run)
        assert out_of_sample.newest("mnist", "0" * 64) is None
    random = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(whole_file)
        for place in random.integers(0, len(damaged), 4):
            damaged[place] ^= 1 << random.integers(8)
        (run.path / out_of_sample.FILE).write_bytes(damaged[: random.integers(1, len(damaged))])
        with pytest.raises(runs.RunBrokenError):
            out_of_sample.read(run)
    (run.path / out_of_sample.FILE).write_bytes(whole_file)
    assert out_of_sample.newest("mnist", "0" * 64) is not None


def test_without_cleanlab_nothing_is_begun_and_the_way_out_is_said(
    small_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    assert main(["labels"]) == 1
    said = capsys.readouterr().err
    assert "Finding label errors needs cleanlab: pip install -r requirements-labels.txt" in said
    assert runs.list_runs() == []


def test_the_command_trains_once_and_then_shows_what_it_has(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = studio.recipe(PLAIN.changed(epochs=1))
    table = tmp_path / "suspects.csv"
    arguments = ("labels", "--recipe", recipe, "--folds", "2", "--most", "5")
    found = studio.call(*arguments, "--csv", str(table))
    run = studio.only_run()
    assert (found["run"], found["folds"], found["status"]) == (run.id, 2, "finished")
    assert [one["split"] for one in found["suspects"]] == ["test"] * 5 + ["training"] * 5
    scores = [one["score"] for one in found["suspects"][:5]]
    assert scores == sorted(scores)
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == [one["index"] for one in found["suspects"]]
    with studio.start("labels", "--split", "test", "--most", "3") as process:
        out, err = process.communicate()
    assert process.returncode == 0
    assert out.startswith("test: about ")
    assert len(out.splitlines()) == 7
    assert "epoch" not in err
    assert studio.only_run() == run
    index, given = found["suspects"][0]["index"], found["suspects"][0]["given"]
    studio.enter(monkeypatch)
    one = LabelReview(found["data_checksum"], "test", index, given, "keep", time=9.0)
    (tmp_path / "in.csv").write_text(label_reviews.to_csv({one.place: one}))
    exchange = (
        "--reviews-from",
        str(tmp_path / "in.csv"),
        "--reviews-to",
        str(tmp_path / "out.csv"),
    )
    told = studio.call("labels", *exchange)
    assert (told["imported"], told["reviews"]) == (1, 1)
    assert (tmp_path / "out.csv").read_text() == (tmp_path / "in.csv").read_text()
    (tmp_path / "in.csv").write_text("nothing")
    assert "has the columns" in studio.call("labels", *exchange, status=1)["error"]
    assert studio.call("labels", "--most", "0", status=1)["error"].startswith("--most is a number")
    assert "2 to 20 folds" in studio.call(*arguments, "--again", "--folds", "1", status=1)["error"]
