"""The job "cross-validate": probabilities of all images by networks that did not learn from them.

A dataset's training images are dealt into k folds, and the recipe is trained k times, each time
without one of them, which that network then predicts. So a wrong label cannot have been learned by
the network that judges it. Of a test image the mean of the k networks is kept. It is a training like
others: it has a run to itself, is stopped and goes on, and leaves `out_of_sample.npz` in place of a
network.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from digitcore import runs
from digitcore.analysis import label_errors
from digitcore.datasets import Dataset, Split, split_sizes
from digitcore.jobs import out_of_sample, queue, request, warm_up
from digitcore.jobs.evaluate import dataset_of
from digitcore.jobs.out_of_sample import OutOfSample
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.jobs.request import Request
from digitcore.recipes import Recipe
from digitcore.runs import Run, State
from digitcore.runs.events import Event

if TYPE_CHECKING:
    import keras

RECIPE, FOLDS, EPOCHS = "fast", 4, 3
_AT_ONCE = 500


def usual_recipe(dataset: str) -> Recipe:
    """The recipe that label errors are found with unless another is named: small, and for all images.

    Raises:
        RecipeError: there is no such dataset, or the network does not fit its images.
    """
    recipe = Recipe.load(RECIPE).for_dataset(dataset)
    images = recipe.info.train_images
    return recipe.changed(epochs=EPOCHS, epoch_images=0, training_images=images)


def cross_validate(recipe: Recipe, folds: int = FOLDS) -> Run:
    """A new queued run that trains the recipe once for each fold.

    Args:
        recipe: without early stopping and distillation, which are left out: a teacher may have
            learned what the fold holds back.
        folds: 2 to 20.

    Raises:
        CleanlabMissingError: cleanlab, which ranks the images at the end, is not installed.
        ValueError: another number of folds.
        OSError: the folder cannot be written.
    """
    label_errors.check_installed()
    if not 2 <= folds <= 20:
        raise ValueError(f"There are 2 to 20 folds. Received: {folds}")
    recipe = recipe.changed(early_stopping=0, distillation=0.0)
    values = Request("cross-validate", folds=folds)
    title = f"Label errors of {recipe.info.title}"
    run = runs.create(recipe, fill=lambda folder: request.write(folder, values), title=title)
    queue.wake()
    return run


def under_way(dataset: str) -> Run | None:
    """The cross-validation of that dataset that waits or trains; None if none does."""
    return _first(runs.list_active(), dataset)


def left_off(dataset: str) -> Run | None:
    """The newest cross-validation of that dataset that was stopped or has failed; None if none was."""
    states = runs.list_states()
    return _first([each for each in states if each[1].status in ("stopped", "failed")], dataset)


def _first(candidates: Iterable[tuple[Run, State]], dataset: str) -> Run | None:
    for run, _ in candidates:
        with suppress(runs.RunError):
            if run.recipe.dataset == dataset and request.read(run).kind == "cross-validate":
                return run
    return None


def carry_out(run: Run, reporter: Reporter) -> None:
    """Trains each fold, and ranks the images when all are done.

    Raises:
        StoppedError: somebody asked to stop; the folds that are done are kept.
        CleanlabMissingError: cleanlab is not installed.
        RunError, DataError, OSError, DivergedError: it cannot be trained.
    """
    label_errors.check_installed()
    reporter.stage("TensorFlow")
    warm_up.import_tensorflow()
    reporter.stage("data")
    dataset = dataset_of(run.recipe, reporter.download)
    count = request.read(run).folds
    unseen = out_of_sample.read(run) or out_of_sample.begun(dataset, count, run.recipe.seed)
    images, labels = out_of_sample.training_images(dataset)
    out_of_sample.check_images(run, unseen, dataset)
    for fold in range(unseen.done, count):
        reporter.stage("training")
        held_out = unseen.folds == fold
        others = Split(images[~held_out], labels[~held_out])
        model = _trained(run, reporter, _fold_of(dataset, others, fold, run.recipe), fold)
        reporter.stage("testing")
        table = np.array(unseen.training_table)
        table[held_out] = _predicted(model, images[held_out], reporter)
        test = unseen.test_table + _predicted(model, dataset.test.images, reporter) / count
        unseen = replace(
            unseen, training_table=table, test_table=test.astype(np.float32), done=fold + 1
        )
        if unseen.done < count:
            out_of_sample.write(run, unseen)
    reporter.stage("ranking")
    out_of_sample.write(run, _ranked(unseen, labels, dataset))
    # There is nothing to go on with, and nothing to train further.
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)


def _fold_of(dataset: Dataset, others: Split, fold: int, recipe: Recipe) -> Dataset:
    """What one fold trains on; its validation images, which choose the epoch, are of these too."""
    cut, _ = split_sizes(len(others), len(others), recipe.validation_split)
    return replace(
        dataset,
        train=Split(others.images[:cut], others.labels[:cut]),
        validation=Split(others.images[cut:], others.labels[cut:]),
        # Each fold has its own, so that none goes on from another's checkpoint.
        checksum=f"{dataset.checksum}-{fold}",
    )


def _trained(run: Run, reporter: Reporter, dataset: Dataset, fold: int) -> keras.Model:
    import keras
    import tensorflow as tf

    from digitcore import training
    from digitcore.jobs import checkpoints

    tf.config.experimental.enable_op_determinism()
    keras.utils.clear_session()
    known = checkpoints.read(run)
    goes_on = known is not None and known.data_checksum == dataset.checksum
    try:
        trained = training.train(
            run.recipe,
            dataset,
            _Folded(run, reporter, fold).tell,
            stop=reporter.stops,
            save=lambda checkpoint: checkpoints.write(run, checkpoint),
            resume_from=known if goes_on else None,
        )
    except training.StoppedError:
        raise StoppedError from None
    if trained.stopped:
        raise StoppedError
    return trained.model


class _Folded:
    """Tells of one fold's training as a part of the whole: steps and epochs count on."""

    def __init__(self, run: Run, reporter: Reporter, fold: int) -> None:
        self._reporter, self._fold, self._steps = reporter, fold, 0
        self._epochs, self._count = run.recipe.epochs, request.read(run).folds

    def tell(self, event: Event) -> None:
        told = dict(event)
        if event["kind"] == "start":
            # A fold has an image more or less than the next, and so perhaps a step.
            self._steps = told["steps"]
            told["steps"] *= self._count
        if "step" in told:
            told["step"] += self._fold * self._steps
        if "epoch" in told:
            told["epoch"] += self._fold * self._epochs
        self._reporter.tell(told)


def _predicted(model: keras.Model, images: np.ndarray, reporter: Reporter) -> np.ndarray:
    """Probabilities, float32 (N, classes), some hundred images at a time."""
    tables = []
    for first in range(0, len(images), _AT_ONCE):
        if reporter.stops():
            raise StoppedError
        tables.append(model.predict_on_batch(images[first : first + _AT_ONCE]))
    return np.concatenate(tables)


def _ranked(unseen: OutOfSample, labels: np.ndarray, dataset: Dataset) -> OutOfSample:
    return replace(
        unseen,
        training_quality=label_errors.quality(unseen.training_table, labels),
        test_quality=label_errors.quality(unseen.test_table, dataset.test.labels),
        training_errors=label_errors.estimated_errors(unseen.training_table, labels),
        test_errors=label_errors.estimated_errors(unseen.test_table, dataset.test.labels),
    )
