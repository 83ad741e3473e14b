"""What came of a training: whether its network learned more than guessing gives.

Guessing among k classes is right once in k times. A network that always predicts the same class is
right a little more often if that class is frequent: 11.35 % of MNIST's test
images show a one.
"""

from __future__ import annotations

from typing import Literal

from digitcore.runs import Metrics

Outcome = Literal["learned", "hardly better than guessing", "learned nothing"]

# How far from guessing to useful a network gets that always answers the most frequent class: with ten
# classes, to 11.8 %.
_UNEVEN = 0.2


def guessing(classes: int) -> float:
    """The accuracy, 0 to 1, of guessing among that many equally frequent classes.

    Raises:
        ValueError: there is less than one class.
    """
    if classes < 1:
        raise ValueError(f"There must be one class or more. Received: {classes}")
    return 1 / classes


def least_useful(classes: int) -> float:
    """The accuracy below which a network is hardly better than guessing: 19 % with ten classes.

    That is twice what guessing gives, or a tenth of the way from there to all correct where that
    is less.
    """
    chance = guessing(classes)
    return chance + min(chance, 0.1 * (1 - chance))


def judged(low: float, classes: int) -> Outcome:
    """What a network has learned, given that its accuracy is at least `low`.

    Args:
        low: the lower end of the 95 % interval (Wilson) of its accuracy, 0 to 1. So a few lucky
            answers among few images are no proof.
        classes: of its dataset.

    Raises:
        ValueError: there is less than one class.
    """
    chance, useful = guessing(classes), least_useful(classes)
    if low <= chance + _UNEVEN * (useful - chance):
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
