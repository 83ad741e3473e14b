"""From a recipe and a dataset to a trained network: no files, no processes, no pages."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from digitcore.datasets import DataError, Dataset, Split
from digitcore.drawing import synthetic
from digitcore.recipes import Recipe
from digitcore.training import loop
from digitcore.training.batches import Batches
from digitcore.training.distillation import Teacher, soft_targets
from digitcore.training.loop import DivergedError, Trained, Training, Trial
from digitcore.training.state import Checkpoint, Event

__all__ = ["PRECISIONS", "DivergedError", "StoppedError", "Trained", "train"]

SAVE_SECONDS = 30.0
PRECISIONS = ("float32", "mixed_bfloat16")
# Where the recipe's precision is "auto": steps of each, and how far the mean loss may differ.
_TRIAL_STEPS = 12
_AGREES = 0.1
# On a GPU XLA halved a step, about, after it had compiled for ten seconds: so from here on it wins.
_XLA_FROM_SECONDS = 30.0


class StoppedError(Exception):
    """Asked to stop before the first step, so that nothing was trained."""


def train(
    recipe: Recipe,
    dataset: Dataset,
    report: Callable[[Event], bool | None],
    *,
    stop: Callable[[], bool] | None = None,
    save: Callable[[Checkpoint], None] | None = None,
    save_seconds: float = SAVE_SECONDS,
    resume_from: Checkpoint | None = None,
    weights: list[np.ndarray] | None = None,
    taught: Split | None = None,
    teacher: Teacher | None = None,
) -> Trained:
    """Trains the recipe's network on the dataset's training split.

    Args:
        recipe: what to train, seed included: the same recipe, dataset and machine
            give the same weights.
        dataset: uint8 images; `validation` chooses the best epoch, `test` is not read.
        report: called with each event of kind "start", "batch" (at most 200 an epoch) or
            "epoch", and "stage" around what comes before the first step, see `events`; returning
            True asks to stop after this step.
        stop: asked after each step; True ends the training there.
        save: called with what `resume_from` takes: after each whole epoch, within an epoch
            each `save_seconds`, and where the training is stopped.
        save_seconds: the longest training time in seconds between two calls of `save`.
        resume_from: goes on there, to the same end as if never interrupted.
        weights: begins with these, arrays in Keras's order as `Model.get_weights` gives them,
            and not with random ones.
        taught: more images that are learned, all of them in every epoch.
        teacher: whose answers a recipe with distillation learns from, such as `teacher.load()`.
            It is asked once, about the images before they are warped.

    Returns:
        The network of the best epoch, and how long it took.

    Raises:
        DivergedError: the loss is no longer a finite number.
        StoppedError: asked to stop while digits were still written, the teacher asked, or
            precisions tried.
        DataError: `resume_from` was learned from another dataset.
        ValueError: the recipe distils, and there is no teacher.
    """
    stop = stop or (lambda: False)
    start = replace(resume_from) if resume_from else Checkpoint()
    if start.data_checksum not in ("", dataset.checksum):
        raise DataError(
            "A training goes on with the digits that it began with, which are not on this machine. "
            f"Received: {dataset.source}"
        )
    start.data_checksum = dataset.checksum
    extras = [taught] if taught else []

    def before_each() -> None:
        if stop():
            raise StoppedError

    if recipe.synthetic_digits or recipe.synthetic_outliers:
        asked = (recipe.synthetic_digits, recipe.synthetic_outliers)
        with _stage(report, "writing"):
            extras.append(Split(*synthetic.images(*asked, recipe.seed, before_each)))
    answers = None
    if recipe.distillation:
        if teacher is None:
            raise ValueError("To distil takes a teacher. Received: None")
        images = np.concatenate([part.images for part in (dataset.train, *extras)])
        with _stage(report, "teacher"):
            answers = soft_targets(teacher, images, before_each)
    batches = functools.partial(Batches, recipe, dataset.train, extras, answers)
    training = _prepared(recipe, batches, dataset.validation, report, start, weights, stop)
    stopped = training.fit(stop, save or (lambda checkpoint: None), save_seconds)
    return training.trained(stopped)


@contextmanager
def _stage(report: Callable[[Event], bool | None], stage: str) -> Iterator[None]:
    """Tells of what comes before the first step, and that the training goes on after it."""
    report({"kind": "stage", "stage": stage, "time": time.time()})
    yield
    report({"kind": "stage", "stage": "training", "time": time.time()})


def _prepared(
    recipe: Recipe,
    batches: Callable[..., Batches],
    validation: Split,
    report: Callable[[Event], bool | None],
    start: Checkpoint,
    weights: list[np.ndarray] | None,
    stop: Callable[[], bool],
) -> Training:
    """A training in the recipe's precision, or in the way that proves fastest here."""
    ahead = functools.cache(batches)

    def begin(precision: str, xla: bool = False) -> Training:
        keras.utils.set_random_seed(recipe.seed)
        now = replace(start, precision=precision, xla=xla)
        learned = batches(in_step=True) if xla else ahead()
        return Training(recipe, learned, validation, report, now, weights)

    if (precision := start.precision or recipe.precision) != "auto":
        return begin(precision, start.xla and bool(loop.gpu()))

    def fastest() -> Trial:
        # The first one stands for itself whatever its loss, which may be no number.
        loss = trials[0].loss
        agree = [
            trial
            for trial in trials
            if trial is trials[0] or abs(trial.loss - loss) <= _AGREES * loss
        ]
        return min(agree, key=lambda trial: trial.seconds)

    with _stage(report, "precision"):
        contenders = [begin(precision) for precision in PRECISIONS]
        begun = time.perf_counter()
        trials = [contender.tried(_TRIAL_STEPS, stop) for contender in contenders]
        seconds = fastest().seconds * fastest().training.steps
        if loop.gpu() and seconds > _XLA_FROM_SECONDS and not stop():
            with suppress(tf.errors.OpError):  # it may lack a library, or an operation
                compiled = begin(fastest().training.now.precision, xla=True)
                trials.append(compiled.tried(_TRIAL_STEPS, stop))
        if stop():  # what a cut trial says must not hold for the rest of the training
            raise StoppedError
    chosen = fastest().training
    seconds = time.perf_counter() - begun
    chosen.now.fit_seconds += seconds
    chosen.now.preparation_seconds += seconds
    return chosen
