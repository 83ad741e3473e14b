"""How far a run is, in a fraction and a sentence."""

from __future__ import annotations

from digitcore import runs
from digitcore.jobs import estimates, queue, request
from digitcore.runs import Run, State
from digitcore.runs.events import Event
from ui import text

STAGES = {
    "TensorFlow": "Loading TensorFlow",
    "data": "Reading the images",
    "writing": "Drawing synthetic digits",
    "teacher": "Predicting soft targets with the teacher",
    "precision": "Trying which precision is faster here",
    "training": "Compiling the first step",
    "testing": "Predicting the test images",
    "ranking": "Ranking the labels",
}


def progress(run: Run, state: State, last: dict[str, Event]) -> tuple[float, str]:
    """How much of the run is done, between 0 and 1, and a sentence about it."""
    begun, batch = last.get("start"), last.get("batch")
    steps = begun["steps_per_epoch"] * request.epochs(run) if begun else 0
    fraction = min(1.0, batch["step"] / steps) if batch and steps else 0.0
    if state.status == "queued":
        queue.ensure_worker()
        return fraction, _position(run)
    if state.status == "stopping":
        return fraction, "Stopping; the best epoch is kept"
    if state.status in ("failed", *runs.UNREADABLE):
        return fraction, f":material/error: {text.plain(state.message)}"
    if state.status != "running":
        done = max((e["epoch"] for e in (last.get("batch"), last.get("epoch")) if e), default=0)
        end = f"{state.status.capitalize()} in epoch {done} of {request.epochs(run)}"
        return fraction, text.plain(state.message) or end
    stage = last.get("stage", {}).get("stage", "TensorFlow")
    download = last.get("download")
    if stage == "data" and download and download["done"] < download["total"]:
        done, total = download["done"] / 1e6, download["total"] / 1e6
        return done / total, f"Downloading {run.recipe.info.title}: {done:.1f} of {total:.1f} MB"
    if not batch or not trains(last):
        return fraction, STAGES.get(stage, text.plain(stage))
    epoch = f"Epoch {batch['epoch']} of {request.epochs(run)}"
    left = text.duration(estimates.seconds_left(run) or 0.0)
    return fraction, f"{epoch} · {fraction:.0%} · {left} left".replace("%", " %")


def trains(last: dict[str, Event]) -> bool:
    """Whether it has made a step since it began, or began again, and is not yet tested."""
    begun, batch = last.get("start"), last.get("batch")
    trains = last.get("stage", {}).get("stage") == "training"
    return bool(trains and begun and batch and batch["step"] > begun["step"])


def _position(run: Run) -> str:
    """Where a run stands in the queue, and how long it waits, as far as that can be told."""
    before = estimates.ahead(run)
    if len(before) < queue.slots():
        return "Starting"
    position = 1 + sum(other.status == "queued" for other in before)
    words = f"Waiting, {text.ordinal(position)} in the queue"
    seconds = estimates.wait_seconds(run)
    return f"{words} · begins in about {text.duration(seconds)}" if seconds else words
