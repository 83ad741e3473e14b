"""The network that teaches where a recipe distils: it answers, is small, and has not learned what validates."""

from __future__ import annotations

import numpy as np

from digitcore import evaluation, worker
from digitcore.data import Dataset, load_dataset
from digitcore.recipe import Recipe


def test_it_answers_without_a_run_and_is_small() -> None:
    answers = worker._teacher()(np.zeros((3, 28, 28), np.uint8))
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)
    assert worker._TEACHER.stat().st_size < 1_500_000


def test_it_reads_digits_that_it_has_not_learned_as_well_as_the_best(mnist: Dataset) -> None:
    held_out = load_dataset(validation_share=0.083).validation
    table = worker._teacher()(held_out.images)
    assert evaluation.accuracy(table, held_out.labels) > 0.995


def test_recipes_that_distil_validate_on_what_the_teacher_has_not_learned() -> None:
    distilling = [r for r in map(Recipe.load, Recipe.names()) if r.distillation]
    assert {recipe.name for recipe in distilling} == {"micro"}
    for recipe in distilling:
        assert recipe.training_images == 60_000
        assert recipe.validation_share <= Recipe.load("best").validation_share
