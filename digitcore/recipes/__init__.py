"""What is trained, and how: recipes, their layers, and the TOML files of those that come with digitcore.

RecipeError (ValueError)   the recipe cannot be found, read, or does not fit together
"""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule
from digitcore.recipes.fields import hyperparameters
from digitcore.recipes.hyperparameter import Hyperparameter
from digitcore.recipes.recipe import EARLIER_NAMES, Recipe, RecipeError, inapplicable

__all__ = [
    "EARLIER_NAMES",
    "Hyperparameter",
    "Recipe",
    "RecipeError",
    "hyperparameters",
    "inapplicable",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return submodule(__name__, name)
