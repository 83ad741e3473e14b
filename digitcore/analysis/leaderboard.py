"""Networks ranked by accuracy and cost: the project's recipes as measured, and a person's runs.

Validation accuracy ranks, and test accuracy is only reported: the highest test accuracy of many
is the luckiest one.
"""

from __future__ import annotations

import functools
import json
import math
import statistics
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any, Literal, NamedTuple, get_args

from digitcore.analysis import seeds, written
from digitcore.recipes import Recipe
from digitcore.runs import Metrics, Run, RunError, State

FEWEST_VALIDATION_IMAGES = 3_000
Cost = Literal["parameters", "fit_seconds", "seconds_to_99", "prediction_ms"]


class Entry(NamedTuple):
    """One network, or one recipe over several seeds.

    `run` is the id of a person's run, of several seeds the first's, and empty for a recipe. `seeds` is the number of trainings:
    accuracies (0 to 1) are means over them, all else medians. Spreads are standard deviations of the
    accuracy over seeds; a single training has intervals instead (95 %, Wilson).
    `fit_seconds` and `seconds_to_99` include compilation; the latter ends when validation accuracy
    first is 99 % and is None if it never is. `prediction_ms` is for one image. None also means
    that it was not measured.
    """

    name: str
    run: str
    seeds: int
    parameters: int
    validation_accuracy: float
    test_accuracy: float
    validation_spread: float | None
    validation_interval: tuple[float, float] | None
    test_spread: float | None
    test_interval: tuple[float, float] | None
    fit_seconds: float
    seconds_to_99: float | None
    prediction_ms: float | None

    def uncertainty(self, split: Literal["validation", "test"]) -> str:
        """How far to trust the accuracy: an interval, or `± 0.05 (n = 5)`."""
        if ends := getattr(self, f"{split}_interval"):
            return written.interval(ends)
        spread = getattr(self, f"{split}_spread")
        return "" if spread is None else f"± {100 * spread:.2f} (n = {self.seeds})"


class Challenge(NamedTuple):
    """A ranking: by validation accuracy among those whose cost is at most `most`, else by cost."""

    title: str
    cost: Cost
    most: float | None


CHALLENGES = (
    Challenge("Highest accuracy", "parameters", math.inf),
    Challenge("At most 1,000 parameters", "parameters", 1_000),
    Challenge("At most 8,000 parameters", "parameters", 8_000),
    Challenge("Fastest to 99 %", "seconds_to_99", None),
)


def recipes() -> list[Entry]:
    """The project's recipes, as `benchmarks/accuracy.py` measured them."""
    return [_from_recipe(row) for row in measured()]


@functools.cache
def measured() -> list[dict[str, Any]]:
    """The rows of `recipes/measured.json`: a recipe, the machine, and each training."""
    text = resources.files("digitcore").joinpath("recipes", "measured.json").read_text("utf-8")
    rows: list[dict[str, Any]] = json.loads(text)["rows"]
    return rows


def dataset() -> str:
    """The name of the one dataset that everything here is compared on."""
    return Recipe.model_validate(measured()[0]["recipe"]).dataset


def _from_recipe(row: dict[str, Any]) -> Entry:
    trainings: list[dict[str, Any]] = row["trainings"]
    alone = len(trainings) == 1
    return over_seeds(
        [
            Entry(
                name=row["recipe"]["name"],
                run="",
                seeds=1,
                parameters=row["parameters"],
                validation_accuracy=one["validation_accuracy"],
                test_accuracy=one["test_accuracy"],
                validation_spread=None,
                validation_interval=None,
                test_spread=None,
                test_interval=(one["test_interval"][0], one["test_interval"][1]) if alone else None,
                fit_seconds=one["fit_seconds"],
                seconds_to_99=one["seconds_to_99"],
                prediction_ms=one["prediction_ms"],
            )
            for one in trainings
        ]
    )


def over_seeds(entries: Sequence[Entry]) -> Entry:
    """One entry for trainings that differ only in their seed: mean accuracies with their spread, else medians.

    A cost that one of them lacks, such as the time to 99 % that it never reached, the whole lacks.
    """
    first = entries[0]
    if len(entries) == 1:
        return first
    validation, test = (
        seeds.group([getattr(one, f"{split}_accuracy") for one in entries])
        for split in ("validation", "test")
    )
    costs = {cost: [getattr(one, cost) for one in entries] for cost in get_args(Cost)}
    medians: dict[str, Any] = {
        k: None if None in v else statistics.median(v) for k, v in costs.items()
    }
    return first._replace(
        seeds=len(entries),
        validation_accuracy=validation.mean,
        test_accuracy=test.mean,
        validation_spread=validation.deviation,
        test_spread=test.deviation,
        validation_interval=None,
        test_interval=None,
        **{**medians, "parameters": first.parameters},
    )


def from_run(run: Run, state: State) -> Entry | None:
    """The entry of a run that has ended; None if its task differs from the recipes'.

    It differs if the run has other data than the recipes were measured on, so few validation
    images that a perfect score is easy, or initial weights from another run (fine-tuning).
    """
    metrics = _comparable(run, state, measured()[0]["data_checksum"])
    if not metrics or (metrics.validation_images or 0) < FEWEST_VALIDATION_IMAGES:
        return None
    return Entry(
        name=run.called(state),
        run=run.id,
        seeds=1,
        parameters=run.recipe.parameters,
        validation_accuracy=metrics.validation_accuracy,
        test_accuracy=metrics.test_accuracy,
        validation_spread=None,
        validation_interval=metrics.validation_interval,
        test_spread=None,
        test_interval=metrics.test_interval,
        fit_seconds=metrics.fit_seconds,
        seconds_to_99=metrics.seconds_to_99 or None,
        prediction_ms=metrics.prediction_ms or None,
    )


def _comparable(run: Run, state: State, data_checksum: str) -> Metrics | None:
    """The metrics of a run that has ended on these data and is not fine-tuned; else None."""
    if state.status not in ("finished", "stopped"):
        return None
    try:
        metrics = run.metrics
    except RunError:
        return None
    if not metrics or metrics.fine_tuning or metrics.data_checksum != data_checksum:
        return None
    return metrics


def best(candidates: Iterable[tuple[Run, State]], data_checksum: str) -> Run | None:
    """The run with the highest validation accuracy on these data; the first of equals.

    Compared by the lower end of its interval, so that none wins by a few lucky images. Runs that
    have not ended or are fine-tuned take no part; None if none is left.
    """
    ends = [
        (metrics.validation_interval[0], run)
        for run, state in candidates
        if (metrics := _comparable(run, state, data_checksum))
    ]
    return max(ends, key=lambda one: one[0])[1] if ends else None


def pareto_front(entries: Iterable[Entry], cost: Cost) -> list[Entry]:
    """The entries that no other beats: cheapest first, each more accurate than all cheaper ones.

    Args:
        entries: compared by validation accuracy; those without this cost are left out.
        cost: the less the better.
    """
    best: list[Entry] = []
    for entry in sorted(
        _with(entries, cost), key=lambda one: (getattr(one, cost), -one.validation_accuracy)
    ):
        if not best or entry.validation_accuracy > best[-1].validation_accuracy:
            best.append(entry)
    return best


def ranked(entries: Iterable[Entry], challenge: Challenge) -> list[Entry]:
    """The entries that qualify for a challenge, the best first."""
    with_cost = _with(entries, challenge.cost)
    most = challenge.most
    if most is None:
        return sorted(with_cost, key=lambda one: getattr(one, challenge.cost))
    eligible = [entry for entry in with_cost if getattr(entry, challenge.cost) <= most]
    # The cheaper of two equals comes first.
    return sorted(
        eligible, key=lambda one: (-one.validation_accuracy, getattr(one, challenge.cost))
    )


def _with(entries: Iterable[Entry], cost: Cost) -> list[Entry]:
    return [entry for entry in entries if getattr(entry, cost) is not None]
