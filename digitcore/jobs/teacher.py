"""The teacher that comes with the project, for recipes with distillation.

`teacher.tflite` is a network of the recipe `best`, trained for eight epochs on all of MNIST's
training images but the last 8.3 %.
"""

from __future__ import annotations

from pathlib import Path

from digitcore.datasets import registry
from digitcore.jobs import environment
from digitcore.recipes import Recipe
from digitcore.runs.predictor import Predictor
from digitcore.training.distillation import Learned, Teacher

FILE = Path(__file__).parent / "teacher.tflite"
LEARNED = Learned(registry.get("mnist"), 55_020)


def check(recipe: Recipe) -> None:
    """Raises RecipeError where the recipe distils and this teacher has no soft targets for it."""
    LEARNED.check_recipe(recipe)


def load() -> Teacher:
    """The teacher, which computes with all cores that this process may use.

    Raises:
        RunError: its file is damaged or gone.
    """
    predictor = Predictor(FILE, threads=environment.cores())
    return Teacher(predictor.probabilities, LEARNED)
