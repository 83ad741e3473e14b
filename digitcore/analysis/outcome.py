"""What came of a training: whether its network learned more than guessing gives.

Guessing among k classes is right once in k times. A network that always predicts the same class is
right a little more often if that class is frequent: 11.35 % of MNIST's test
images show a one.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from digitcore.analysis import classification, written
from digitcore.recipes import Recipe
from digitcore.recipes.usual import USUAL, unusual_learning_rate
from digitcore.runs import Metrics

Outcome = Literal["learned", "hardly better than guessing", "learned nothing"]

# How far from guessing to useful a network gets that always answers the most frequent class: with ten
# classes, to 11.8 %.
_UNEVEN = 0.2
# Steps within which hardly any network learns.
_FEW_STEPS = 100
# What keeps a network from learning where there is so much of it.
_STRONG = {"label_smoothing": 0.3, "weight_decay": 0.1, "rotation": 40, "shift": 7, "elastic": 3}
_STRONG_DROPOUT = 0.7


def guessing(classes: int) -> float:
    """The accuracy, 0 to 1, of guessing among that many equally frequent classes.

    Raises:
        ValueError: there is less than one class.
    """
    if classes < 1:
        raise ValueError(f"There must be one class or more. Received: {classes}")
    return 1 / classes


def chance(classes: int) -> str:
    """What guessing among that many classes gives, as `10 %`."""
    return f"{100 * guessing(classes):.3g} %"


def least_useful(classes: int) -> float:
    """The accuracy below which a network is hardly better than guessing: 19 % with ten classes.

    That is twice what guessing gives, or a tenth of the way from there to all correct where that
    is less.
    """
    by_chance = guessing(classes)
    return by_chance + min(by_chance, 0.1 * (1 - by_chance))


def judged(low: float, classes: int) -> Outcome:
    """What a network has learned, given that its accuracy is at least `low`.

    Args:
        low: the lower end of the 95 % interval (Wilson) of its accuracy, 0 to 1. So a few lucky
            answers among few images are no proof.
        classes: of its dataset.

    Raises:
        ValueError: there is less than one class.
    """
    by_chance, useful = guessing(classes), least_useful(classes)
    if low <= by_chance + _UNEVEN * (useful - by_chance):
        return "learned nothing"
    return "hardly better than guessing" if low < useful else "learned"


def of_metrics(metrics: Metrics, classes: int) -> Outcome:
    """What a run's network has learned, by its validation or its test images.

    Either may be too few to show it. This ranks no runs, so it may look at the test split.
    """
    return judged(max(metrics.validation_interval[0], metrics.test_interval[0]), classes)


def is_hardly_better_than_guessing(metrics: Metrics, classes: int) -> bool:
    """Whether a run's network is of no use: it learned nothing, or next to nothing."""
    return of_metrics(metrics, classes) != "learned"


def rejection_threshold(metrics: Metrics | None, validation: np.ndarray, classes: int) -> float:
    """The confidence below which a run's network is not sure.

    It is infinite where the network is hardly better than guessing: nothing that it says is sure.

    Args:
        metrics: the run's, if it has any.
        validation: its probabilities, float (N, classes), of its validation images.
        classes: of its dataset.

    Raises:
        ValueError: there is no image.
    """
    if metrics and is_hardly_better_than_guessing(metrics, classes):
        return math.inf
    return classification.rejection_threshold(validation)


def explained(metrics: Metrics, recipe: Recipe) -> str:
    """What happened to a run that is hardly better than guessing, and what to change, in sentences.

    Empty for a run that learned.
    """
    classes = recipe.info.class_count
    found = of_metrics(metrics, classes)
    if found == "learned":
        return ""
    reached = written.accuracy(metrics.validation_accuracy, metrics.validation_interval)
    if found == "learned nothing":
        what = f"It learned nothing: {reached} on validation is no better than guessing ({chance(classes)})."
    else:
        what = f"It learned hardly anything: {reached} on validation, and guessing gives {chance(classes)}."
    if metrics.best_epoch == 0:
        return f"{what} No epoch had ended: let it train on."
    return f"{what} {advice(recipe)}"


def advice(recipe: Recipe) -> str:
    """What to change in a recipe that did not learn, the likeliest reason first, in a sentence."""
    title, usual = USUAL[recipe.optimizer]
    # At most: the dataset may have fewer images than the recipe asks for.
    steps = recipe.epochs * -(-recipe.images_an_epoch() // recipe.batch_size)
    averaged = 1 / (1 - recipe.ema_decay)
    strong = [
        f"{name.replace('_', ' ')} {getattr(recipe, name):g}"
        for name, most in _STRONG.items()
        if getattr(recipe, name) >= most
    ]
    rates = [getattr(layer, "rate", 0) for layer in recipe.layers]
    strong += [f"dropout {rate:g}" for rate in rates if rate >= _STRONG_DROPOUT]
    if unusual := unusual_learning_rate(recipe):
        return unusual
    if averaged > steps:
        return (
            f"The EMA of the weights averages over {averaged:,.0f} steps, and it made {steps:,} "
            "at most: lower the EMA decay."
        )
    if strong:
        return f"Try it with less: {', '.join(strong)}."
    if steps < _FEW_STEPS:
        many = f"{steps} step" + "s" * (steps > 1)
        return f"It made {many} at most: train for more epochs or with a smaller batch."
    return f"Try another learning rate ({title}'s usual one is {usual:g}) or another seed."
