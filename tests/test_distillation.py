"""The network that teaches where a recipe distils: its answers, and what it has not learned."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from made_up import PLAIN, made_up_digits

from digitcore.analysis import classification
from digitcore.datasets import Dataset, Split, load_dataset
from digitcore.jobs import teacher
from digitcore.recipes import Recipe
from digitcore.training import distillation
from digitcore.training.batches import Batches


def test_it_answers_without_a_run_and_is_small() -> None:
    answers = teacher.load()(np.zeros((3, 28, 28), np.uint8))
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)
    assert teacher.FILE.stat().st_size < 1_500_000


def test_it_reads_digits_that_it_has_not_learned_as_well_as_the_best(mnist: Dataset) -> None:
    held_out = load_dataset(validation_split=0.083).validation
    table = teacher.load()(held_out.images)
    assert classification.accuracy(table, held_out.labels) > 0.995


def test_recipes_that_distil_validate_on_what_the_teacher_has_not_learned() -> None:
    distilling = [r for r in map(Recipe.load, Recipe.names()) if r.distillation]
    assert {recipe.name for recipe in distilling} == {"micro", "record"}
    for recipe in distilling:
        assert recipe.training_images == 60_000
        assert recipe.validation_split <= Recipe.load("best").validation_split


def test_answers_are_softened_and_keep_their_order() -> None:
    raw = np.array([[0.9, 0.09, *[0.01 / 8] * 8], [0.1] * 10])
    soft = distillation.soft_targets(lambda images: raw, np.zeros((2, 28, 28), np.uint8))
    assert soft.dtype == np.float32
    np.testing.assert_allclose(soft.sum(axis=1), 1, rtol=1e-6)
    assert 0.2 < soft[0, 0] < 0.4
    assert soft[0, 0] > soft[0, 1] > soft[0, 2] > raw[0, 2]
    np.testing.assert_allclose(soft[1], 0.1, rtol=1e-6)


def test_a_teacher_that_is_wholly_wrong_leaves_each_label_its_own_digit() -> None:
    images, labels = made_up_digits(train=330)[:2]
    wrong = np.roll(np.eye(10), 1, axis=1)[labels]
    answers = distillation.soft_targets(lambda images: wrong, images)
    recipe = PLAIN.changed(distillation=0.5, batch_size=330)
    _, learned, _ = next(iter(Batches(recipe, Split(images, labels), [], answers).steps()))
    assert (learned.numpy().max(axis=1) > 0.5).all()
    assert sorted(learned.numpy().argmax(axis=1)) == sorted(labels)


def test_many_images_are_asked_about_in_parts_and_what_is_raised_between_ends_it() -> None:
    images = np.zeros((2_500, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(2_500) % 250

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
