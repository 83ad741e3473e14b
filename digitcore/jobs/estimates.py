"""How long trainings take, and how long a queued one waits for them."""

from __future__ import annotations

import heapq
import statistics

from digitcore import runs
from digitcore.jobs import queue, request
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError

_ENOUGH_IMAGES = 50_000
_LAST_BATCHES = 40


def ahead(run: Run) -> list[Run]:
    """The runs that train now, and those that are queued before this one."""
    active = runs.list_active()
    training = [other for other, state in active if state.status != "queued"]
    waiting = queue.in_order(active)
    return training + waiting[: waiting.index(run) if run in waiting else len(waiting)]


def images_per_second(recipe: Recipe) -> float | None:
    """How fast this network trained here the last time, or None if it never did."""
    alike = ("layers", "batch_size", "precision")
    for run, state in runs.list_states():
        if not state.turn:
            continue  # it came with the project, and was trained on another machine
        try:
            other = run.recipe
            if any(getattr(other, name) != getattr(recipe, name) for name in alike):
                continue
            metrics = run.metrics
        except RunError:
            continue
        # The first steps are slow, so a short run tells nothing.
        speed = metrics.images_per_second if metrics else 0.0
        if metrics and speed * metrics.fit_seconds >= _ENOUGH_IMAGES:
            return speed
    return None


def seconds_left(run: Run) -> float | None:
    """About how long a run that waits or trains still needs; None if nothing tells.

    By the speed in its last events, or else that of an earlier run of this network.
    """
    recipe, step = run.recipe, 0
    speed: float | None
    log = run.log()
    if batch := log.last.get("batch"):
        step = batch["step"]
        speed = statistics.median(log.batches["images_per_second"][-_LAST_BATCHES:].tolist())
    else:
        speed = images_per_second(recipe)
    if not speed:
        return None
    # Its dataset may have fewer images than the recipe names.
    begun = log.last.get("start")
    an_epoch = (
        begun["steps_per_epoch"] if begun else -(-recipe.images_an_epoch() // recipe.batch_size)
    )
    return max(0, request.epochs(run) * an_epoch - step) * recipe.batch_size / speed


def wait_seconds(run: Run) -> float | None:
    """About how long until a queued run starts; None if a run ahead of it cannot be estimated."""
    busy = [0.0] * queue.slots()
    for other in ahead(run):
        try:
            left = seconds_left(other)
        except RunError:  # deleted since
            return None
        if left is None:
            return None
        heapq.heapreplace(busy, busy[0] + left)
    return busy[0]
