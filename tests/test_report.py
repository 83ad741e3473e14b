"""What a report tells of a run, and of several."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reported import here, tables, told
from runs_that_err import labels_of, run_that_errs

from digitcore.analysis import calibration, comparison
from digitcore.analysis.classification import wilson
from digitcore.analysis.corruptions import TRANSFORMS
from digitcore.analysis.mnist_c import SUITE
from digitcore.datasets import Dataset
from digitcore.jobs import robustness
from digitcore.recipes import Recipe
from digitcore.reports import report
from digitcore.reports.document import Code, Picture
from digitcore.runs import Run, RunError

Like = Callable[..., Run]
HOSTILE = """<script>alert(1)</script> "q" & $x_1$ 50% #1 \\end{table} ~^"""


@pytest.fixture
def like(finished: str, small_data: Path) -> Like:
    return functools.partial(run_that_errs, finished, small_data)


def test_a_report_tells_all_that_is_known_of_a_run(like: Like) -> None:
    run = like("aaaa", 12)
    document = told(run)
    assert [one.title for one in document.sections] == [
        *("Result", "Network", "Learning curves", "Errors", "Calibration"),
        *("Hyperparameters", "Data and versions", "How to reproduce it"),
    ]
    pictures = [one for s in document.sections for one in s.blocks if isinstance(one, Picture)]
    assert [one.name for one in pictures] == ["curves", "confusion", "errors", "reliability"]
    known = tables(document)
    metrics = run.metrics
    assert metrics
    (test, validation, _) = known["accuracies"].rows
    assert test[:4] == ["test", 40, metrics.test_accuracy, metrics.test_interval]
    assert validation[2:4] == [metrics.validation_accuracy, metrics.validation_interval]
    layers = known["layers"].rows
    assert [row[1] for row in layers[:-1]] == [row.layer for row in run.recipe.summary()]
    assert layers[-1][3] == run.recipe.parameters
    settings = {row[0]: row[1:] for row in known["hyperparameters"].rows}
    assert settings["epochs"] == ["1 epochs", "5 epochs"]
    assert settings["batch size"] == ["128 images", ""]
    about = dict(known["circumstances"].rows)
    assert about["its SHA-256"] == metrics.data_checksum
    assert about["SHA-256 of the network"] == metrics.network_checksum
    assert about["tensorflow"] == (metrics.versions or {})["tensorflow"]


def test_errors_and_classes_are_those_of_the_test_split(like: Like, small_data: Path) -> None:
    """It errs on the first twelve images, whose labels are 0 to 9, 0, 1."""
    document = told(like("aaaa", 12))
    known = tables(document)
    labels = labels_of("test", small_data)
    assert [row[:3] for row in known["errors"].rows] == [
        [i, str(labels[i]), str((labels[i] + 1) % 10)] for i in range(12)
    ]
    classes = {row[0]: row for row in known["classes"].rows}
    assert classes["0"][1:] == [4, 2 / 3, 0.5, wilson(2, 4), pytest.approx(4 / 7)]
    assert classes["5"][3] == 0.75


def test_calibration_is_that_of_analysis(like: Like, small_data: Path) -> None:
    run = like("aaaa", 4)
    rows = tables(told(run))["calibration"].rows
    probabilities, labels = run.probabilities(), labels_of("test", small_data)
    temperature = calibration.temperature(
        probabilities["validation"], labels_of("validation", small_data)
    )
    answers = calibration.answers(probabilities["test"], labels)
    assert rows[0][1:4] == [
        pytest.approx(1),
        pytest.approx(calibration.reliability(*answers).error),
        pytest.approx(calibration.error_interval(*answers)),
    ]
    assert rows[1][0] == f"at temperature {temperature:.2f}"
    scaled = calibration.at_temperature(probabilities["test"], temperature)
    error = calibration.reliability(*calibration.answers(scaled, labels)).error
    assert rows[1][2] == pytest.approx(error)


def test_the_command_and_the_recipe_train_the_same_again(like: Like, tmp_path: Path) -> None:
    run = like("aaaa", 4)
    document = told(run)
    command, recipe = (one for one in document.sections[-1].blocks if isinstance(one, Code))
    assert command.text == "python -m digitcore train --recipe recipe.toml"
    for text in (recipe.text, document.attachments["recipe.toml"]):
        (tmp_path / "recipe.toml").write_text(text)
        assert Recipe.load(tmp_path / "recipe.toml") == run.recipe


def test_a_run_that_continues_another_names_it_instead(like: Like) -> None:
    run = like("aaaa", 4)
    run.update(parent="20261121-101500-fast-3f9c")
    commands = [one.text for one in told(run).sections[-1].blocks if isinstance(one, Code)]
    assert commands[0] == "python -m digitcore resume 20261121-101500-fast-3f9c --epochs 1"


def test_robustness_is_told_where_it_was_measured(like: Like) -> None:
    run = like("aaaa", 12)
    assert not any(one.title == "Robustness" for one in told(run).sections)
    metrics = run.metrics
    assert metrics
    outcomes = np.zeros((1 + len(SUITE), 40), bool)
    outcomes[0, :30], outcomes[1, :10] = True, True
    curves = {each.name: [(severity, 0.5) for severity in each.severities] for each in TRANSFORMS}
    packed = base64.b64encode(np.packbits(outcomes).tobytes()).decode()
    one = {"images": 40, "curves": curves, "packed": packed}
    values = {"time": 0, "definition": robustness.DEFINITION, "validation": one, "test": one}
    values |= {key: getattr(metrics, key) for key in ("network_checksum", "data_checksum")}
    (run.path / "robustness.json").write_text(json.dumps(values))
    document = told(run)
    (section,) = (each for each in document.sections if each.title == "Robustness")
    picture = section.blocks[0]
    assert isinstance(picture, Picture)
    assert len(picture.figure.axes) == len(TRANSFORMS)
    rows = tables(document)["corruptions"].rows
    assert [row[:2] for row in rows[:3]] == [
        ["none", 0.75],
        [SUITE[0].title, 0.25],
        [SUITE[1].title, 0],
    ]
    assert rows[1][2] == wilson(10, 40)
    assert rows[-2][1] == pytest.approx(0.25 / 15)
    assert rows[-1][1] == pytest.approx(0.75 - 0.25 / 15)


def test_without_the_images_the_rest_is_told(like: Like) -> None:
    run = like("aaaa", 12)
    document = report.document([run], lambda run: None)
    (errors,) = (one for one in document.sections if one.title == "Errors")
    (sentence,) = errors.blocks
    assert "not on the machine" in str(sentence)
    assert {"accuracies", "layers", "hyperparameters"} <= set(tables(document))
    assert not {"classes", "calibration"} & set(tables(document))


def test_two_runs_are_compared_on_both_splits_before_each_has_its_chapter(
    like: Like, small_data: Path
) -> None:
    first, other = like("aaaa", 12), like("bbbb", 2, epochs=3)
    document = told(first, other)
    chapters = [one.title for one in document.sections if one.level == 1]
    assert chapters == ["Comparison", "fast · aaaa", "fast · bbbb"]
    sentences = [one for one in document.sections[0].blocks if isinstance(one, str)]
    assert [one.split(":")[0] for one in sentences] == ["On validation", "On test"]
    assert "fast · bbbb is 25.00 points" in sentences[1]
    known = tables(document)
    for split, images in (("validation", 20), ("test", 40)):
        one, two = known[f"comparison-{split}"].rows
        assert one == ["fast · aaaa", 1 - 12 / images, None, 1, None, None, None]
        assert two[4:] == [
            pytest.approx(10 / images),
            comparison.paired_interval(0, 10, images),
            comparison.mcnemar(0, 10),
        ]
    assert known["differing-hyperparameters"].rows == [["fast · aaaa", "1"], ["fast · bbbb", "3"]]
    assert "differing-networks" not in known
    found = comparison.per_class(
        *(run.probabilities()["test"].argmax(axis=1) for run in (first, other)),
        labels_of("test", small_data),
        10,
    )
    assert [row[4] for row in known["comparison-classes"].rows] == [d.difference for d in found]
    names = set(report.files(document))
    assert {"aaaa-recipe.toml", "bbbb-recipe.toml", "tables/bbbb-classes.tex"} <= names
    assert len(names) == 2 + 2 * len(document.tables) + 2


def test_runs_that_differ_only_in_their_seed_have_one_chapter(like: Like) -> None:
    runs_ = [like(f"a{seed}aa", 8 + seed, seed=seed) for seed in range(3)]
    document = told(*runs_)
    assert [one.title for one in document.sections if one.level == 1] == [
        "Comparison",
        "fast · a0aa",
    ]
    known = tables(document)
    assert [row[:2] for row in known["seeds"].rows] == [[run.id, k] for k, run in enumerate(runs_)]
    ((name, mean, deviation, number, *_),) = known["comparison-test"].rows
    assert (name, number) == ("fast · a0aa", 3)
    assert (mean, deviation) == (pytest.approx(1 - 9 / 40), pytest.approx(1 / 40))


def test_runs_whose_ids_end_alike_do_not_write_over_each_other(like: Like) -> None:
    document = told(like("aaaa", 12), like("b-aaaa", 2, epochs=3))
    names = [one.name for one in document.tables]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("status", ["queued", "failed"])
def test_a_run_that_has_not_ended_has_no_report(like: Like, status: str) -> None:
    run = like("aaaa", 12)
    run.update(status=status)
    with pytest.raises(RunError, match="have ended"):
        told(run)


def test_runs_that_cannot_be_compared_are_refused(like: Like) -> None:
    run = like("aaaa", 12)
    with pytest.raises(RunError, match="each run once"):
        told(run, run)


def test_the_shipped_run_is_told_of_on_mnist(mnist: Dataset, tmp_path: Path) -> None:
    root = Path(__file__).parents[1] / "models" / "reader"
    document = report.document([Run(root)], here)
    known = tables(document)
    test, validation = known["accuracies"].rows[:2]
    assert (test[1], validation[1]) == (10_000, 3_000)
    errors = known["errors"].rows
    wrong = round(10_000 * (1 - test[2]))
    caption = next(
        one.caption
        for section in document.sections
        for one in section.blocks
        if isinstance(one, Picture) and one.name == "errors"
    )
    assert f"of {wrong:,}" in caption
    assert len(errors) == 24
    assert np.all(np.diff([row[3] for row in errors]) <= 0)


def test_networks_that_differ_have_a_table_of_their_own(like: Like) -> None:
    first, other = like("aaaa", 12), like("bbbb", 2, epochs=3, layers=[{"kind": "flatten"}])
    known = tables(told(first, other))
    assert [one.heading for one in known["differing-networks"].columns] == ["run", "layers"]
    assert known["differing-networks"].rows[1] == ["fast · bbbb", "flatten"]
    assert "layers" not in [one.heading for one in known["differing-hyperparameters"].columns]
