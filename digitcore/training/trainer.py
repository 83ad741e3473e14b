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
from digitcore.training.batches import Batches, Samples
from digitcore.training.distillation import Teacher, soft_targets
from digitcore.training.loop import DivergedError, Keep, Trained, Training, Trial
from digitcore.training.state import Checkpoint, Event

__all__ = ["PRECISIONS", "DivergedError", "StoppedError", "Trained", "train"]

SAVE_SECONDS = 30.0
PRECISIONS = ("float32", "mixed_bfloat16")
# Where the recipe's precision is "auto": steps of each trial, and the relative difference between
# two mean losses up to which they agree.
_TRIAL_STEPS = 12
_AGREES = 0.1
# On a GPU XLA compiled for about ten seconds and then halved a step: it wins from here on.
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
    initial_weights: list[np.ndarray] | None = None,
    extra: Split | None = None,
    teacher: Teacher | None = None,
    keep: Keep | None = None,
) -> Trained:
    """Trains the recipe's network on the dataset's training split.

    It is long because it documents each argument and error.

    Args:
        recipe: what to train, seed included: the same recipe, dataset and machine
            give the same weights.
        dataset: uint8 images; `validation` chooses the best epoch, `test` is not read.
        report: called with each event of kind "start", "batch" (at most 200 an epoch) or
            "epoch", and "stage" around what comes before the first step, see `runs.events`;
            returning True asks to stop after this step.
        stop: called after each step; True ends the training there.
        save: called with what `resume_from` takes: after each whole epoch, within an epoch
            every `save_seconds`, and where the training is stopped.
        save_seconds: the longest training time in seconds between two calls of `save`.
        resume_from: resumes there, and ends as if never interrupted.
        initial_weights: NumPy arrays in Keras's order, as `Model.get_weights` gives them, in place
            of random first weights.
        extra: more images to learn, all of them in every epoch.
        teacher: gives a recipe with distillation its soft targets. It predicts each
            image once, before augmentation.
        keep: called after each epoch's event with its number from 1, the weights that were validated,
            NumPy arrays in Keras's order, and what `Learner.validate` found with them.

    Returns:
        The network of the best epoch, and how long it took.

    Raises:
        DivergedError: the loss is no longer a finite number.
        StoppedError: asked to stop before the first step: while synthetic images were made, the
            teacher predicted, or precisions were tried.
        DataError: `resume_from` was trained on another dataset.
        RecipeError: the recipe distils, and the teacher has learned another dataset, or images
            that validate.
        ValueError: the recipe distils, and there is no teacher; or the dataset has other classes
            or images of another shape than the recipe's.
    """
    stop = stop or (lambda: False)
    start = replace(resume_from) if resume_from else Checkpoint()
    if start.data_checksum not in ("", dataset.checksum):
        raise DataError(
            "A training resumes on the images that it began with, which are not on this machine. "
            f"Received: {dataset.source}"
        )
    start.data_checksum = dataset.checksum
    _check(recipe, dataset.train)
    # A training of an earlier version, which did not check, resumes all the same.
    if recipe.distillation and teacher and teacher.learned and not resume_from:
        teacher.learned.check_dataset(dataset)
    samples = _extra_samples(recipe, extra, report, stop)
    images = [dataset.train.images, *(each.images for each in samples)]
    targets = _soft_targets(recipe, teacher, images, report, stop)
    batches = functools.partial(Batches, recipe, dataset.train, samples, targets)
    made = functools.partial(
        Training,
        recipe,
        validation=dataset.validation,
        report=report,
        initial_weights=initial_weights,
        keep=keep,
    )
    training = _fastest(recipe, batches, made, report, start, stop)
    stopped = training.fit(stop, save or (lambda checkpoint: None), save_seconds)
    return training.result(stopped)


def _check(recipe: Recipe, split: Split) -> None:
    shape, labels = split.images.shape[1:], split.labels
    if shape != recipe.info.image_shape or labels.max() >= recipe.info.class_count:
        raise ValueError(
            f"A recipe for {recipe.info.title} learns images of {recipe.info.image_shape} pixels "
            f"in {recipe.info.class_count} classes. Received: {shape}, labels up to {labels.max()}"
        )


def _extra_samples(
    recipe: Recipe,
    extra: Split | None,
    report: Callable[[Event], bool | None],
    stop: Callable[[], bool],
) -> list[Samples]:
    """What is learned beside the training split: the caller's images, and synthetic ones."""
    samples = [Samples.of(extra)] if extra else []
    counts = (recipe.synthetic_digits, recipe.synthetic_outliers)
    if any(counts):
        with _stage(report, "writing"):
            images, labels, is_outlier = synthetic.images(
                *counts, recipe.seed, functools.partial(_heed, stop)
            )
        samples.append(Samples(images, labels, ~is_outlier))
    return samples


def _soft_targets(
    recipe: Recipe,
    teacher: Teacher | None,
    images: list[np.ndarray],
    report: Callable[[Event], bool | None],
    stop: Callable[[], bool],
) -> np.ndarray | None:
    """The teacher's soft targets for all of these images; None without distillation."""
    if not recipe.distillation:
        return None
    if teacher is None:
        raise ValueError("A recipe with distillation needs a teacher. Received: None")
    with _stage(report, "teacher"):
        return soft_targets(teacher, np.concatenate(images), functools.partial(_heed, stop))


def _heed(stop: Callable[[], bool]) -> None:
    if stop():
        raise StoppedError


@contextmanager
def _stage(report: Callable[[Event], bool | None], stage: str) -> Iterator[None]:
    """Reports a stage before the first step, and after it that the training goes on."""
    report({"kind": "stage", "stage": stage, "time": time.time()})
    yield
    report({"kind": "stage", "stage": "training", "time": time.time()})


def _fastest(
    recipe: Recipe,
    batches: Callable[..., Batches],
    made: Callable[..., Training],
    report: Callable[[Event], bool | None],
    start: Checkpoint,
    stop: Callable[[], bool],
) -> Training:
    """A training in the recipe's precision; if that is "auto", the fastest of a few trials.

    Args:
        recipe, report, start, stop: as in `train`.
        batches: makes what a step learns, in the step or ahead of it.
        made: makes a training from `batches` and `start`.
    """
    ahead = functools.cache(batches)

    def begin(precision: str, xla: bool = False) -> Training:
        keras.utils.set_random_seed(recipe.seed)
        now = replace(start, precision=precision, xla=xla)
        return made(batches=batches(in_step=True) if xla else ahead(), start=now)

    if (precision := start.precision or recipe.precision) != "auto":
        return begin(precision, start.xla and bool(loop.gpu()))

    def fastest() -> Trial:
        # The first trial agrees with itself even where its loss is not a number.
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
        trials = [contender.trial(_TRIAL_STEPS, stop) for contender in contenders]
        seconds = fastest().seconds * fastest().training.steps
        if loop.gpu() and seconds > _XLA_FROM_SECONDS and not stop():
            with suppress(tf.errors.OpError):  # a library or an operation may be missing
                compiled = begin(fastest().training.checkpoint.precision, xla=True)
                trials.append(compiled.trial(_TRIAL_STEPS, stop))
        if stop():  # a trial that was cut short must not decide for the rest of the training
            raise StoppedError
    chosen = fastest().training
    seconds = time.perf_counter() - begun
    chosen.checkpoint.fit_seconds += seconds
    chosen.checkpoint.compilation_seconds += seconds
    return chosen
