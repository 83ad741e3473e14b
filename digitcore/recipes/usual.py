"""The learning rate that an optimizer is usually given, and how far a recipe's is from it."""

from __future__ import annotations

from typing import NamedTuple

from digitcore.recipes.recipe import Recipe


class Usual(NamedTuple):
    """What people call an optimizer, and the learning rate that Keras gives it unless told."""

    title: str
    learning_rate: float


# Keras 3's defaults (https://keras.io/api/optimizers). Adam's is also its authors' (Kingma and Ba,
# 2015), and AdamW's theirs (Loshchilov and Hutter, 2019).
USUAL = {
    "adam": Usual("Adam", 0.001),
    "adamw": Usual("AdamW", 0.001),
    "rmsprop": Usual("RMSprop", 0.001),
    "sgd": Usual("SGD", 0.01),
}
# Between them a rate is no reason to fail: shipped recipes train well with 20 times Adam's usual one.
_HIGH, _LOW = 10, 0.01


def unusual_learning_rate(recipe: Recipe) -> str:
    """What is unusual about a recipe's learning rate, in a sentence.

    Empty where the rate is less than 10 times the optimizer's usual one and more than a hundredth
    of it, or is that of the shipped recipe of this name.
    """
    title, usual = USUAL[recipe.optimizer]
    ratio = recipe.learning_rate / usual
    if _LOW < ratio < _HIGH * (1 - 1e-9) or _is_shipped_so(recipe):
        return ""
    times = f"{ratio:,.0f} times" if ratio > 1 else f"1/{1 / ratio:,.0f} of"
    of = f"{title}'s usual {usual:g}"
    return f"The learning rate is {times} {of}: {'lower' if ratio > 1 else 'raise'} it."


def _is_shipped_so(recipe: Recipe) -> bool:
    if recipe.name not in Recipe.names():
        return False
    shipped = Recipe.load(recipe.name)
    return (shipped.optimizer, shipped.learning_rate) == (recipe.optimizer, recipe.learning_rate)
