"""What pages say of a recipe and of numbers."""

from __future__ import annotations

from digitcore.analysis import written
from digitcore.recipes import Recipe
from ui import text


def test_a_run_on_another_dataset_names_it_before_what_else_it_changes() -> None:
    fast = Recipe.load("fast")
    assert text.settings(fast) == ""
    assert text.settings(fast.changed(seed=3)) == "seed 3"
    elsewhere = fast.for_dataset("fashion-mnist").changed(seed=3)
    assert text.settings(elsewhere) == "Fashion-MNIST · seed 3"


def test_a_recipe_that_no_shipped_one_is_called_like_is_custom() -> None:
    assert text.settings(Recipe.load("fast").changed(name="mine")) == "custom recipe"


def test_an_accuracy_stands_with_its_interval_wherever_the_images_are_known() -> None:
    assert written.accuracy(0.9902, (0.98808, 0.99196)) == "99.02 % (98.81–99.20)"
    assert written.accuracy_of(0.97, 400) == "97.00 % (94.83–98.28)"
    assert written.accuracy_of(0.97, None) == written.accuracy_of(0.97, 0) == "97.00 %"
