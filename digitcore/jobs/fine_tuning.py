"""Fine-tuning a run's network on a person's handwriting: what it changes of the recipe and the weights."""

from __future__ import annotations

import numpy as np

from digitcore.recipes import Recipe

VARIATIONS = 30  # of each drawing that is taught
MAX_VARIATIONS = 1_500

# What learning a hand changes of the recipe of the run that learns it.
_LESSON = {
    "epochs": 1,
    "batch_size": 128,
    "epoch_images": 6_000,
    "synthetic_digits": 0,
    "distillation": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "schedule": "cosine",
    "warmup_ratio": 0.1,
    "early_stopping": 0,
}
_OTHERS = 300
# How far from the old weights to those that were learned the network goes.
_SHARE = 0.7


def lesson(recipe: Recipe) -> Recipe:
    """How the network of that recipe learns a hand: little of everything, in small steps.

    Most of it is the dataset again, so that nothing is forgotten (rehearsal: Robins, 1995). What
    has learned to be unsure of letters sees some of them again, too.
    """
    return recipe.changed(**_LESSON, synthetic_outliers=min(_OTHERS, recipe.synthetic_outliers))


def blended(old: list[np.ndarray], learned: list[np.ndarray]) -> list[np.ndarray]:
    """Weights between those of before and those that were learned, array by array.

    Most of what was gained on the hand is there already, and much less is forgotten of the digits
    that all people write (Wortsman et al., 2022).
    """
    return [before + _SHARE * (after - before) for before, after in zip(old, learned, strict=True)]
