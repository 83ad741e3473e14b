"""How gradients become steps, and how large the steps are."""

from __future__ import annotations

from typing import Any

import keras

from digitcore.recipes import Recipe


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The recipe's Keras optimizer with its schedule.

    Args:
        recipe: optimizer, learning rate, schedule, momentum, weight decay and epochs.
        steps: steps per epoch.
    """
    rate = _schedule(recipe, steps)
    # Keras decouples weight decay from the gradient in every optimizer; None turns it off.
    decay = recipe.weight_decay or None
    optimizer: keras.optimizers.Optimizer
    if recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate, weight_decay=decay)
    elif recipe.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    elif recipe.optimizer == "rmsprop":
        optimizer = keras.optimizers.RMSprop(rate, weight_decay=decay)
    else:
        optimizer = keras.optimizers.SGD(
            rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, weight_decay=decay
        )
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _schedule(recipe: Recipe, steps: int) -> Any:
    total = steps * recipe.epochs
    if recipe.schedule == "cosine":
        warmup = round(total * recipe.warmup_ratio)
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else recipe.learning_rate,
            decay_steps=max(1, total - warmup),
            warmup_target=recipe.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    falls = range(recipe.step_epochs, recipe.epochs, recipe.step_epochs)
    if recipe.schedule == "step" and falls:
        return keras.optimizers.schedules.PiecewiseConstantDecay(
            boundaries=[epoch * steps for epoch in falls],
            values=[recipe.learning_rate * recipe.step_factor**k for k in range(len(falls) + 1)],
        )
    return recipe.learning_rate
