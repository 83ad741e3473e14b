"""Accuracy on corrupted images: what is computed of it, the job that measures it, and the command."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from digitcore import runs
from digitcore.__main__ import main
from digitcore.analysis.corruptions import TRANSFORMS
from digitcore.analysis.mnist_c import SUITE
from digitcore.analysis.robustness import (
    Flip,
    difference,
    flips,
    frames,
    mean_interval,
    summarise,
)
from digitcore.jobs import kinds, robustness
from digitcore.jobs.evaluate import dataset_of
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter
from digitcore.runs import Run, RunBrokenError
from digitcore.runs.predictor import Predictor


def outcomes(seed: int, images: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hard = rng.random(images)
    return rng.random((16, images)) * np.linspace(1, 2, 16)[:, None] > hard / 2


def test_the_summary_is_the_mean_over_the_suite_and_what_is_lost() -> None:
    one = outcomes(0)
    summary = summarise(one)
    assert summary.images == 300
    assert summary.clean == one[0].mean()
    assert summary.each == tuple(one[1:].mean(axis=1))
    assert summary.suite == pytest.approx(np.mean(summary.each))
    assert summary.lost == pytest.approx(summary.clean - summary.suite)


def test_intervals_are_those_of_the_bootstrap_of_scipy() -> None:
    one, other = outcomes(0), outcomes(1)
    suite = one[1:].mean(axis=0)
    for given, values in (
        (summarise(one).suite_interval, suite),
        (summarise(one).lost_interval, one[0] - suite),
        (difference(one, other)[1], other[1:].mean(axis=0) - suite),
    ):
        wanted = stats.bootstrap(
            (values,), np.mean, method="percentile", n_resamples=20_000, rng=1
        ).confidence_interval
        np.testing.assert_allclose(given, wanted, atol=2e-3)


def test_an_interval_is_over_images_and_not_over_outcomes() -> None:
    # Fifteen outcomes of an image that are always the same say no more than one.
    hard = np.random.default_rng(0).random(400) < 0.3
    low, high = summarise(np.tile(~hard, (16, 1))).suite_interval
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / 400), rel=0.1)


def test_a_difference_is_paired_and_of_the_same_images() -> None:
    one = outcomes(0)
    better = one.copy()
    better[1:, :20] = True
    value, (low, high) = difference(one, better)
    assert value == pytest.approx(better[1:].mean() - one[1:].mean())
    assert 0 < low < value < high
    assert difference(one, one) == (0, (0, 0))
    with pytest.raises(ValueError, match="same images"):
        difference(one, one[:, 1:])


@pytest.mark.parametrize(
    "odd", [np.ones((16, 4)), np.ones(4, bool), np.ones((16, 0), bool), np.ones((1, 4), bool)]
)
def test_what_are_no_outcomes_is_refused(odd: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Outcomes are"):
        summarise(odd)


def test_one_value_alone_has_no_width() -> None:
    assert mean_interval(np.full(50, 0.4)) == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize(
    ("predicted", "wanted"),
    [
        ([7, 7, 7, 7, 7], (None, None)),
        ([1, 7, 7, 9, 7], (Flip(-2, 1), Flip(1, 9))),
        ([7, 2, 7, 7, 3], (Flip(-1, 2), Flip(2, 3))),
        ([0, 0, 7, 0, 0], (Flip(-1, 0), Flip(1, 0))),
    ],
)
def test_a_flip_is_the_first_on_the_way_from_0(
    predicted: list[int], wanted: tuple[Flip | None, Flip | None]
) -> None:
    assert flips([-2, -1, 0, 1, 2], predicted) == wanted


def test_a_scale_that_begins_at_0_flips_in_one_direction() -> None:
    assert flips([0.0, 1.0, 2.0], [7, 7, 1]) == (None, Flip(2, 1))


def test_frames_are_the_image_at_each_severity_of_the_dial() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)

    def predict(images: np.ndarray) -> np.ndarray:
        return images[:, :1, :10].reshape(len(images), 10).astype(np.float32)

    rotation = TRANSFORMS[0]
    shown = frames(image, rotation, predict, seed=4)
    np.testing.assert_array_equal(shown.severities, rotation.dial)
    for at in (0, 45, 70, 90):
        wanted = rotation(image[None], float(shown.severities[at]), 4)
        np.testing.assert_array_equal(shown.images[at], wanted[0])
        np.testing.assert_array_equal(shown.probabilities[at], predict(wanted)[0])


@pytest.fixture
def run(finished: str) -> Run:
    return runs.load(finished)


def carried_out(run: Run) -> None:
    job = Job(run, "robustness")
    result = kinds.carry_out("robustness", run, Reporter(job, lambda line: None))
    assert result
    job.write_result(result)


def test_unaltered_images_have_the_accuracy_that_the_run_has_on_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(robustness, "IMAGES", 7)
    carried_out(run)
    known = robustness.read(run)
    assert known
    dataset = dataset_of(run.recipe, lambda done, total: None)
    for name in ("validation", "test"):
        split, one = getattr(dataset, name), getattr(known, name)
        chosen = robustness.images_of(name, len(split))
        assert one.images == len(chosen) == 7
        stored = run.probabilities()[name].argmax(axis=1) == split.labels
        np.testing.assert_array_equal(one.outcomes[0], stored[chosen])
        for curve in one.curves.values():
            assert dict(curve)[0] == stored[chosen].mean()


def test_each_curve_and_outcome_is_that_of_the_corrupted_images(run: Run) -> None:
    carried_out(run)
    known = robustness.read(run)
    assert known
    split = dataset_of(run.recipe, lambda done, total: None).test
    images = split.images[robustness.images_of("test", len(split))]
    labels = split.labels[robustness.images_of("test", len(split))]
    predict = Predictor(run).probabilities
    for one in TRANSFORMS:
        severity, accuracy = known.test.curves[one.name][-1]
        right = predict(one(images, severity)).argmax(axis=1) == labels
        assert accuracy == right.mean()
    for row, one in zip(known.test.outcomes[1:], SUITE, strict=True):
        right = predict(one(images, 100)).argmax(axis=1) == labels
        np.testing.assert_array_equal(row, right)


def test_validation_images_are_those_that_all_recipes_set_aside() -> None:
    few, many = (robustness.images_of("validation", n) for n in (3_000, 18_000))
    np.testing.assert_array_equal(few - 3_000, many - 18_000)
    assert len(few) == robustness.IMAGES
    test = robustness.images_of("test", 10_000)
    assert (test[0], test[-1], len(test)) == (0, 9_999, robustness.IMAGES)
    assert list(robustness.images_of("validation", 3)) == [0, 1, 2]


def test_runs_that_validated_other_images_are_told_apart(run: Run) -> None:
    metrics = run.metrics
    assert metrics
    other = Run(Path(shutil.copytree(run.path, run.path.with_name("20200101-000000-other-0000"))))
    assert robustness.same_images(run, other, "validation")
    runs.write_metrics(other.path / "metrics.json", replace(metrics, validation_images=7))
    assert not robustness.same_images(run, other, "validation")
    assert robustness.same_images(run, other, "test")
    for one, images in ((run, 5_000), (other, 18_000)):
        runs.write_metrics(one.path / "metrics.json", replace(metrics, validation_images=images))
    assert robustness.same_images(run, other, "validation")
    recipe = other.recipe.changed(training_images=other.recipe.training_images - 1)
    (other.path / "recipe.toml").write_text(recipe.to_toml())
    assert not robustness.same_images(run, other, "validation")


def test_what_was_measured_of_another_network_or_otherwise_counts_for_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert robustness.read(run) is None
    carried_out(run)
    metrics = run.metrics
    assert metrics
    for change in ({"network_checksum": "0" * 64}, {"data_checksum": "0" * 64}):
        runs.write_metrics(run.path / "metrics.json", replace(metrics, **change))
        assert robustness.read(run) is None
    runs.write_metrics(run.path / "metrics.json", metrics)
    assert robustness.read(run)
    monkeypatch.setattr(robustness, "DEFINITION", 2)
    assert robustness.read(run) is None


@pytest.mark.parametrize(
    "change",
    [
        {"images": 10**9},
        {"images": 3},
        {"packed": "%"},
        {"packed": ""},
        {"curves": {}},
        {"curves": {"rotation": [[0, 2.0]]}},
        {"curves": {"rotation": [[0, 0.5]]}},
    ],
)
def test_a_file_that_holds_something_else_is_an_error(run: Run, change: dict[str, object]) -> None:
    carried_out(run)
    path = run.path / "robustness.json"
    values = json.loads(path.read_text())
    values["test"] |= change
    path.write_text(json.dumps(values))
    with pytest.raises(RunBrokenError, match=r"robustness.json of run .* cannot be used"):
        robustness.read(run)


def test_the_command_measures_once_and_prints_what_was_measured(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["robustness", run.id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    known = robustness.read(run)
    assert known
    summary = summarise(known.validation.outcomes)
    assert (told["split"], told["runs"], told["images"]) == ("validation", [run.id], [10])
    assert told["suite"] == [summary.suite]
    assert told["suite_interval"] == [list(summary.suite_interval)]
    assert told["lost"] == [summary.lost]
    assert told["corruptions"]["fog"] == [summary.each[10]]
    rotation = told["transforms"]["rotation"]
    assert (rotation["unit"], rotation["severities"][0]) == ("°", -90)
    assert rotation["accuracy"] == [[value for _, value in known.validation.curves["rotation"]]]
    before = (run.path / "robustness.json").stat().st_mtime_ns
    assert main(["robustness", run.id, "--split", "test"]) == 0
    out = capsys.readouterr().out
    assert (run.path / "robustness.json").stat().st_mtime_ns == before
    assert out.startswith("40 test images")
    accuracy = f"{100 * summarise(known.test.outcomes).suite:.2f} %"
    assert accuracy in out.split("mean of the fifteen")[1].splitlines()[0]


def test_the_command_takes_each_run_once_and_says_why_one_cannot_be_measured(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["robustness", run.id, run.id]) == 1
    assert "Each run is given once" in capsys.readouterr().err
    (run.path / "model.tflite").unlink()
    assert main(["robustness", run.id, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "failed"
    assert "There is no network to predict with yet" in told["error"]
