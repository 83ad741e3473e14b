"""Several networks against the first of them, each with a verdict in a sentence.

A network here is a run, or a group of runs that differ only in their seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitcore.analysis import comparison, seeds, written
from digitcore.analysis.comparison import SIGNIFICANCE, Comparison
from digitcore.analysis.seeds import Group, GroupDifference


def with_seeds(name: str, number: int) -> str:
    """The name of so many runs that differ only in their seed: `fast (5 seeds)`, or `fast` of one."""
    return name if number == 1 else f"{name} ({number} seeds)"


@dataclass(frozen=True)
class Contender:
    """A network by its name, and what it predicts for the same N images: integer (N,), one array a seed."""

    name: str
    predictions: Sequence[NDArray[np.integer]]

    @property
    def label(self) -> str:
        """Its name in a sentence: `fast (5 seeds)`."""
        return with_seeds(self.name, len(self.predictions))

    def accuracies(self, labels: NDArray[np.integer]) -> list[float]:
        """Of each seed, 0 to 1."""
        return [float(np.mean(one == labels)) for one in self.predictions]

    def is_right(self, labels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which images are predicted correctly, bool (N,): by most of the seeds, if there are several."""
        right = np.mean([one == labels for one in self.predictions], axis=0)
        return np.asarray(right > 0.5)


@dataclass(frozen=True)
class Verdict:
    """How one network differs from the first.

    Attributes:
        name: of the network.
        group: its accuracies; `first` those that it is compared with.
        difference: its accuracy minus the first's, -1 to 1.
        interval: 95 % interval of the difference: over images for two runs, over seeds otherwise.
        p: of McNemar's exact test for two runs, over seeds otherwise (see `seeds`), corrected for the number
            of comparisons (Holm). None where the seeds do not show how far they spread.
        paired: the comparison image by image, of two runs.
        sentence: all that in plain words.
    """

    name: str
    group: Group
    first: Group
    difference: float
    interval: tuple[float, float] | None
    p: float | None
    paired: Comparison | None
    sentence: str

    @property
    def told_apart(self) -> bool:
        return self.p is not None and self.p < SIGNIFICANCE


def against_first(
    contenders: Sequence[Contender], labels: NDArray[np.integer], split: str
) -> list[Verdict]:
    """A verdict for each but the first, in order.

    Two single runs are compared image by image; where either is a group, over seeds. The p values are
    corrected together, by Holm's method.

    Args:
        contenders: one or more.
        labels: integer (N,), the true classes.
        split: the images' name in the sentences, "test" or "validation".

    Raises:
        ValueError: there is none, or the arrays do not fit together.
    """
    if not contenders:
        raise ValueError("A comparison needs a network. Received: none")
    first, *others = contenders
    measured = [_measured(first, other, labels) for other in others]
    known = [one.mcnemar_p if isinstance(one, Comparison) else one.p for one in measured]
    corrected = iter(comparison.holm([p for p in known if p is not None]))
    ps = [None if p is None else next(corrected) for p in known]
    tests = sum(p is not None for p in ps)
    images = f"{len(labels):,} {split} images"
    return [
        Verdict(
            name=other.name,
            group=seeds.group(other.accuracies(labels)),
            first=seeds.group(first.accuracies(labels)),
            difference=one.difference,
            interval=one.interval,
            p=p,
            paired=one if isinstance(one, Comparison) else None,
            sentence=_sentence(one, (first.label, other.label), images, p, tests),
        )
        for other, one, p in zip(others, measured, ps, strict=True)
    ]


def summary(verdicts: Sequence[Verdict], first: str) -> str:
    """The verdicts in a sentence: its own for one, else how many differ from the first."""
    if len(verdicts) == 1:
        return verdicts[0].sentence
    better = sum(one.told_apart and one.difference > 0 for one in verdicts)
    worse = sum(one.told_apart and one.difference < 0 for one in verdicts)
    alike = len(verdicts) - better - worse
    counts = [
        f"{better} more accurate" * bool(better),
        f"{worse} less accurate" * bool(worse),
        f"{alike} cannot be told apart from it" * bool(alike),
    ]
    return f"Of {len(verdicts)} compared with {first}: {', '.join(filter(None, counts))}."


def points(difference: float) -> str:
    """A difference of accuracies as `0.47`, in points of percent."""
    return f"{100 * difference:.2f}".replace("-", "−")


def interval(ends: tuple[float, float]) -> str:
    """An interval of a difference as `−0.03 to 0.13`, in points."""
    return f"{points(ends[0])} to {points(ends[1])}"


def p_value(p: float) -> str:
    """A p value as `p < 0.001`, `p = 0.049` or `p = 0.21`."""
    short = short_p(p)
    return f"p {short}" if short.startswith("<") else f"p = {short}"


def short_p(p: float) -> str:
    """A p value without its name: `< 0.001`, `0.049` or `0.21`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def group_accuracy(group: Group) -> str:
    """Accuracies as `99.03 ± 0.03 % (n = 5)`, or `99.02 %` of a single run."""
    if group.deviation is None:
        return written.percent(group.mean)
    return f"{100 * group.mean:.2f} ± {100 * group.deviation:.2f} % (n = {group.number})"


def _measured(
    first: Contender, other: Contender, labels: NDArray[np.integer]
) -> Comparison | GroupDifference:
    if len(first.predictions) == len(other.predictions) == 1:
        return comparison.compare(first.predictions[0], other.predictions[0], labels)
    return seeds.difference_of_groups(first.accuracies(labels), other.accuracies(labels))


def more_images(one: Comparison) -> int | None:
    """About how many images would tell two apart that these do not: 39,000 for 38,612.

    None where none would, or where only the correction for other comparisons keeps the two together.
    """
    needed = one.images_needed
    if needed is None:
        return None
    size = int(10 ** max(0, len(str(needed)) - 2))
    rounded = round(needed / size) * size
    return rounded if rounded > one.images else None


def _sentence(
    one: Comparison | GroupDifference,
    names: tuple[str, str],
    images: str,
    p: float | None,
    tests: int,
) -> str:
    pair = f"{names[0]} and {names[1]}"
    if p is None or one.interval is None:
        return (
            f"{pair} differ by {points(one.difference)} points on {images}, and the seeds do not show "
            "how far they spread: train more of them."
        )
    which = "McNemar" if isinstance(one, Comparison) else "over seeds"
    test = f"{which} {p_value(p)}" + (f", Holm over {tests}" if tests > 1 else "")
    if p < SIGNIFICANCE:
        return _told_apart(one.difference, one.interval, names, f"on {images} ({test})")
    details = f"difference {points(one.difference)} points, {interval(one.interval)}; {test}"
    if not isinstance(one, Comparison):
        return f"{pair} cannot be told apart by these seeds on {images} ({details})."
    if not any(one.discordant):
        return f"{pair} predict the same of {images} correctly."
    apart = f"{pair} cannot be told apart on {images}"
    if one.images_needed is None:
        each = f"{one.discordant[0]:,} image" + "s" * (one.discordant[0] > 1)
        return f"{apart}: each predicts {each} correctly that the other does not."
    needed = f"; that would take about {more:,}" if (more := more_images(one)) else ""
    return f"{apart}{needed} ({details})."


def _told_apart(
    difference: float, ends: tuple[float, float], names: tuple[str, str], rest: str
) -> str:
    """The more accurate one first, so that the difference is positive."""
    first, other = names
    if difference < 0:
        first, other = other, first
        difference, ends = -difference, (-ends[1], -ends[0])
    return f"{other} is {points(difference)} points ({interval(ends)}) more accurate than {first} {rest}."
