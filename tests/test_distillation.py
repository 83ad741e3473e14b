"""Distillation: the teacher, its soft targets, and the recipes that it is refused for."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_up import PLAIN, made_up_digits
from streamlit.testing.v1 import AppTest

from digitcore import datasets, runs, training
from digitcore.__main__ import main
from digitcore.analysis import classification
from digitcore.datasets import Dataset, Split, load_dataset, registry
from digitcore.jobs import queue, teacher
from digitcore.recipes import Recipe, RecipeError
from digitcore.training import distillation
from digitcore.training.batches import Batches
from digitcore.training.distillation import Learned, Teacher

ROOT = Path(__file__).parents[1]


def test_the_teacher_predicts_without_a_run_and_is_small() -> None:
    probabilities = teacher.load().predict(np.zeros((3, 28, 28), np.uint8))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert teacher.FILE.stat().st_size < 1_500_000


def test_the_teacher_is_as_good_as_the_best_on_digits_it_has_not_learned(mnist: Dataset) -> None:
    dataset = load_dataset(validation_split=0.083)
    assert len(dataset.train) == teacher.LEARNED.images
    held_out = dataset.validation
    table = teacher.load().predict(held_out.images)
    assert classification.accuracy(table, held_out.labels) > 0.995


def test_shipped_recipes_that_distil_validate_on_what_the_teacher_has_not_learned() -> None:
    distilling = [r for r in map(Recipe.load, Recipe.names()) if r.distillation]
    assert {recipe.name for recipe in distilling} == {"micro", "record"}
    for recipe in distilling:
        teacher.check(recipe)
        assert recipe.validation_split == Recipe.load("best").validation_split


def test_soft_targets_are_softened_and_keep_their_order() -> None:
    raw = np.array([[0.9, 0.09, *[0.01 / 8] * 8], [0.1] * 10])
    soft = distillation.soft_targets(Teacher(lambda images: raw), np.zeros((2, 28, 28), np.uint8))
    assert soft.dtype == np.float32
    np.testing.assert_allclose(soft.sum(axis=1), 1, rtol=1e-6)
    assert 0.2 < soft[0, 0] < 0.4
    assert soft[0, 0] > soft[0, 1] > soft[0, 2] > raw[0, 2]
    np.testing.assert_allclose(soft[1], 0.1, rtol=1e-6)


def test_a_teacher_that_is_wholly_wrong_leaves_each_label_its_own_digit() -> None:
    images, labels = made_up_digits(train=330)[:2]
    wrong = np.roll(np.eye(10), 1, axis=1)[labels]
    soft = distillation.soft_targets(Teacher(lambda images: wrong), images)
    recipe = PLAIN.changed(distillation=0.5, batch_size=330)
    _, learned, _ = next(iter(Batches(recipe, Split(images, labels), [], soft).steps()))
    assert (learned.numpy().max(axis=1) > 0.5).all()
    assert sorted(learned.numpy().argmax(axis=1)) == sorted(labels)


def test_the_teacher_predicts_in_batches_and_what_is_raised_between_ends_it() -> None:
    images = np.zeros((2_500, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(2_500) % 250

    @Teacher
    def of_the_corner(part: np.ndarray) -> np.ndarray:
        assert len(part) <= 1000
        return np.eye(10)[part[:, 0, 0] % 10]

    assert (
        distillation.soft_targets(of_the_corner, images).argmax(axis=1) == images[:, 0, 0] % 10
    ).all()
    turns = itertools.count(1)

    def third() -> None:
        if next(turns) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distillation.soft_targets(of_the_corner, images, third)


# --- the recipes that it is refused for ----------------------------------------------

DISTILLING = PLAIN.changed(distillation=0.5, validation_split=0.083)


@pytest.mark.parametrize(
    ("training_images", "validation_split"),
    [(60_000, 0.084), (60_000, 0.1), (60_000, 0.5), (55_000, 0.02), (56_000, 0.02), (500, 0.083)],
)
def test_a_recipe_that_validates_on_what_the_teacher_learned_is_refused(
    training_images: int, validation_split: float
) -> None:
    recipe = DISTILLING.changed(training_images=training_images, validation_split=validation_split)
    first = datasets.split_sizes(60_000, training_images, validation_split)[0]
    assert first < 55_020
    with pytest.raises(RecipeError, match=f"learned the first 55,020: .* Received: {first:,} "):
        teacher.check(recipe)
    teacher.check(recipe.changed(distillation=0))


@pytest.mark.parametrize(
    ("training_images", "validation_split"), [(60_000, 0.083), (60_000, 0.02), (57_000, 0.03)]
)
def test_a_recipe_that_validates_on_other_images_is_not_refused(
    training_images: int, validation_split: float
) -> None:
    teacher.check(
        DISTILLING.changed(training_images=training_images, validation_split=validation_split)
    )


def test_a_dataset_with_the_same_images_has_the_same_teacher() -> None:
    teacher.check(DISTILLING.changed(dataset="qmnist"))
    with pytest.raises(RecipeError, match="distillation is 0 for Fashion-MNIST"):
        DISTILLING.changed(dataset="fashion-mnist")


def test_the_teacher_of_another_dataset_is_refused() -> None:
    learned = Learned(registry.get("fashion-mnist"), 55_020)
    with pytest.raises(RecipeError, match=r"learned Fashion-MNIST\. Received: dataset=mnist"):
        learned.check_recipe(DISTILLING)


def test_no_run_is_made_of_a_refused_recipe_and_the_command_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(RecipeError, match="Distillation needs"):
        queue.submit(DISTILLING.changed(validation_split=0.1))
    assert main(["train", "--recipe", "micro", "--validation-split", "0.1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: Distillation needs validation images that the teacher has not")
    assert runs.list_runs() == []


def test_a_run_of_an_earlier_version_with_a_refused_recipe_is_not_extended() -> None:
    run = runs.create(DISTILLING.changed(validation_split=0.1))
    run.update(status="finished")
    with pytest.raises(RecipeError, match="Distillation needs"):
        queue.extend(run, 5)


def test_train_says_why_before_anything_starts() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "start_worker", lambda: None)
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
        app.query_params["recipe"] = "fast"
        app.query_params["distillation"] = "0.5"
        app.query_params["training_images"] = "30000"
        app.run()
        start = next(button for button in app.button if button.label == "Start")
        assert start.disabled
        assert "Distillation needs validation images" in app.error[0].value
        app.select_slider(key="training_images").set_value(60_000).run()
        start = next(button for button in app.button if button.label == "Start")
        assert not start.disabled
        assert not app.error


def test_other_images_than_those_that_the_teacher_learned_are_refused(small_data: Path) -> None:
    dataset = load_dataset(download=False)
    with pytest.raises(RecipeError, match=r"teacher has learned, MNIST\. Received: .*small data"):
        training.train(DISTILLING, dataset, lambda event: None, teacher=teacher.load())


def test_a_training_checks_the_images_that_it_is_given(mnist: Dataset) -> None:
    tenth = load_dataset(validation_split=0.1)
    with pytest.raises(RecipeError, match="54,000 images for training and the next 6,000"):
        training.train(DISTILLING, tenth, lambda event: None, teacher=teacher.load())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux's CPU affinity")
def test_the_teacher_computes_with_no_more_threads_than_cores_that_it_may_use() -> None:
    counts = """
import os
import numpy as np
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from digitcore.jobs import teacher
before = len(os.listdir("/proc/self/task"))
loaded = teacher.load()
loaded.predict(np.zeros((500, 28, 28), np.uint8))
print(len(os.listdir("/proc/self/task")) - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", counts], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "0"
