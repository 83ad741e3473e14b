"""Which runs can be compared, on which images, and which of them differ only in their seed.

The validation images are the last of the training images. So of runs that were given the same training
images and set aside different fractions of them, the smallest fraction validated all.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitcore.analysis import written
from digitcore.runs import Metrics, Run, RunBrokenError, RunError, RunStateError, RunUnsuitableError

MOST = 20


def check(runs: Sequence[Run], split: str) -> None:
    """Refuses runs that did not predict the same images of that split, "test" or "validation".

    Raises:
        RunError: they are fewer than two or more than 20, one of them has not ended or is given twice, or
            they have different datasets or other images.
    """
    if not 2 <= len(runs) <= MOST:
        raise RunUnsuitableError(f"A comparison takes 2 to {MOST} runs. Received: {len(runs)}")
    if len({run.id for run in runs}) < len(runs):
        raise RunUnsuitableError(
            f"A comparison has each run once. Received: {', '.join(run.id for run in runs)}"
        )
    measured = [_metrics(run) for run in runs]
    _same("runs of one dataset", runs, [run.recipe.info.title for run in runs])
    checksums = [f"images {(one.data_checksum or 'unknown')[:8]}" for one in measured]
    _same("runs that were measured on the same images", runs, checksums)
    if split == "validation":
        given = [f"the first {run.recipe.training_images:,} training images" for run in runs]
        _same("runs that were validated on the same images", runs, given)


def predicted(run: Run, split: str) -> NDArray[np.uint8]:
    """The classes that the run predicted for the images of that split, uint8 (N,).

    Raises:
        RunError: it has no predictions, or those of other images than its metrics are of.
    """
    table = run.probabilities()[split]
    images = getattr(run.metrics, f"{split}_images", None)
    if images not in (None, len(table)):
        raise RunBrokenError(
            f"probabilities.npz of run {run.id} is of other images than its metrics.json."
        )
    classes: NDArray[np.uint8] = table.argmax(axis=1).astype(np.uint8)
    return classes


def in_common(arrays: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """The last entries of each, as many as the shortest has: those of the images that all runs predicted.

    Args:
        arrays: labels or predictions of one split of runs that `check` lets pass, (N,), (M,) and so on.
    """
    least = min(map(len, arrays))
    return [one[len(one) - least :] for one in arrays]


def splits(runs: Sequence[Run]) -> list[str]:
    """The splits on which these runs can be compared: validation first, which is for choosing.

    Raises:
        RunError: there is none; the reason is that of the test split.
    """
    check(runs, "test")
    try:
        check(runs, "validation")
    except RunUnsuitableError:
        return ["test"]
    return ["validation", "test"]


def by_seed(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs in groups that differ only in their seed, in order of each group's first run.

    A run that was stopped or fine-tuned is alone: more than its seed differs. So is one whose seed its group
    has already, because the same training again says nothing of how far seeds spread.
    """
    groups: list[list[Run]] = []
    alike: dict[Hashable, list[list[Run]]] = {}
    for run in runs:
        known = alike.setdefault(_all_but_seed(run), [])
        for group in known:
            if all(run.recipe.seed != other.recipe.seed for other in group):
                group.append(run)
                break
        else:
            known.append([run])
            groups.append(known[-1])
    return groups


def _all_but_seed(run: Run) -> Hashable:
    """What runs that differ only in their seed have in common; of any other run its id."""
    try:
        metrics = run.metrics if run.status == "finished" else None
        recipe = run.recipe
    except RunError:  # damaged, or deleted since it was listed
        return run.id
    if metrics is None or metrics.fine_tuning:
        return run.id
    fields = set(type(recipe).model_fields) - {"name", "description", "seed"}
    return (metrics.data_checksum, *(getattr(recipe, field) for field in sorted(fields)))


def differing_settings(members: Mapping[str, Sequence[Run]]) -> list[dict[str, str]]:
    """A row for each hyperparameter in which members of a comparison differ: its name under "", and each value.

    Args:
        members: a name, and the run, or the runs that differ only in their seed.
    """
    recipes = {name: group[0].recipe for name, group in members.items()}
    first, *others = recipes.values()
    fields = [
        name for name in type(first).model_fields if name not in ("name", "description", "seed")
    ]
    rows = [
        {"": name.replace("_", " ")}
        | {label: _written(getattr(recipe, name)) for label, recipe in recipes.items()}
        for name in fields
        if any(getattr(first, name) != getattr(other, name) for other in others)
    ]
    parameters = {label: f"{recipe.parameters:,}" for label, recipe in recipes.items()}
    if len(set(parameters.values())) > 1:
        rows.append({"": "parameters", **parameters})
    used = {k: ", ".join(str(run.recipe.seed) for run in group) for k, group in members.items()}
    if len(set(used.values())) > 1:
        rows.append({"": "seed", **used})
    return rows


def _written(setting: Any) -> str:
    return " · ".join(map(str, setting)) if isinstance(setting, tuple) else written.value(setting)


def _metrics(run: Run) -> Metrics:
    metrics = run.metrics if run.status in ("finished", "stopped") else None
    if metrics is None:
        raise RunStateError(f"Only runs that have ended can be compared. {run.id} is {run.status}.")
    return metrics


def _same(rule: str, runs: Sequence[Run], values: Sequence[str]) -> None:
    if len(set(values)) > 1:
        # One of each kind is enough to see what differs.
        kinds = {value: run.id for run, value in zip(reversed(runs), reversed(values), strict=True)}
        told = ", ".join(f"{run_id} ({value})" for value, run_id in reversed(kinds.items()))
        raise RunUnsuitableError(f"A comparison needs {rule}. Received: {told}")
