"""A network as it learns: one optimizer step, the EMA of its weights, and validation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from digitcore.datasets import Split
from digitcore.recipes import Recipe
from digitcore.training import network
from digitcore.training.batches import Batches, signature
from digitcore.training.optimizers import optimizer
from digitcore.training.state import Checkpoint

_VALIDATION_BATCH = 1000
_WATCHED = 10


class Validated(NamedTuple):
    """What an epoch's network makes of the validation images.

    Attributes:
        loss: mean cross-entropy, label smoothing included.
        accuracy: 0 to 1.
        confusion: int64 (classes, classes), images of each class, by rows, predicted as each.
        watched: int64 (K,), the first image of each of some classes, ten at most.
        probabilities: float32 (K, classes), those of these images.
    """

    loss: float
    accuracy: float
    confusion: np.ndarray
    watched: np.ndarray
    probabilities: np.ndarray


class Learner:
    """The network, its optimizer and the sums of losses and correct images so far.

    `training.loop` decides when to step, to report, to validate and to stop.

    Args:
        recipe: layers, optimizer, loss, EMA decay and seed.
        batches: what a step learns.
        validation: what `validate` measures.
        start: the variables, sums, precision and XLA to begin with; empty lists of variables
            leave those that `recipe.seed` gives.
        initial_weights: NumPy arrays in Keras's order in place of random first weights; None or
            none for random ones.

    Raises:
        ValueError: `start` or `initial_weights` has another number of arrays, or other shapes.
    """

    def __init__(
        self,
        recipe: Recipe,
        batches: Batches,
        validation: Split,
        start: Checkpoint,
        initial_weights: list[np.ndarray] | None,
    ) -> None:
        self._recipe, self._batches = recipe, batches
        self.validation_images = len(validation)
        self._validation = _in_batches(validation, recipe.info.class_count)
        # Of the first batch, whose probabilities are kept at hand.
        _, firsts = np.unique(validation.labels[:_VALIDATION_BATCH], return_index=True)
        self._watched = np.sort(firsts)[:_WATCHED]
        self._model = network.build(recipe, start.precision, for_training=True, xla=start.xla)
        if initial_weights:
            assign(self._model.weights, initial_weights)
        self._optimizer = optimizer(recipe, batches.steps_per_epoch)
        self._optimizer.build(self._model.trainable_variables)
        if start.variables:
            assign(self._model.variables, start.variables)
            assign(self._optimizer.variables, start.optimizer)
        self._ema = [tf.Variable(w) for w in self._model.weights] if recipe.ema_decay else []
        if start.ema:
            assign(self._ema, start.ema)
        self._loss = keras.losses.CategoricalCrossentropy(
            label_smoothing=recipe.label_smoothing, reduction="none"
        )
        # Read only when an event is due, so that the processor need not wait for Python after
        # each step.
        self._totals = tf.Variable(start.interval, dtype=tf.float64)
        # There are no Python loops in a step for AutoGraph to convert.
        graph = functools.partial(tf.function, autograph=False)
        train = functools.partial(graph, self._train_step, input_signature=batches.signature)
        self._train = train(jit_compile=start.xla)
        self._train_rest = train() if start.xla else self._train
        self._test = graph(self._test_step, input_signature=signature(recipe))

    @property
    def variables(self) -> list[Any]:
        """Everything that a step changes."""
        return [*self._model.variables, *self._optimizer.variables, *self._ema, self._totals]

    @property
    def learning_rate(self) -> float:
        return float(self._optimizer.learning_rate)

    def step(self, batch: tuple[tf.Tensor, ...]) -> None:
        """Learns one element of `Batches.steps`; returns before it is computed."""
        # XLA would compile anew for the smaller batch at an epoch's end.
        is_whole = batch[0].shape[0] == self._recipe.batch_size
        (self._train if is_whole else self._train_rest)(*batch)

    def totals(self) -> tuple[float, float, float]:
        """Sum of losses, correct images and images since `reset_totals`, outliers left out.

        Waits until the steps so far are computed.
        """
        loss, correct, count = self._totals.numpy().tolist()
        return loss, correct, count

    def reset_totals(self) -> None:
        self._totals.assign([0.0, 0.0, 0.0])

    def validate(self, stop: Callable[[], bool]) -> Validated | None:
        """How it does on validation with the EMA's weights; None if asked to stop between two batches."""
        classes = self._recipe.info.class_count
        totals, confusion = np.zeros(3), np.zeros((classes, classes), np.int64)
        watched = np.empty((0, classes), np.float32)
        with self._with_ema():
            for number, batch in enumerate(self._validation):
                if number and stop():
                    return None
                sums, counts, probabilities = self._test(*batch)
                totals += sums.numpy()
                confusion += counts.numpy().astype(np.int64)
                if not number:
                    watched = probabilities.numpy()[self._watched]
        loss, correct, count = totals.tolist()
        return Validated(loss / count, correct / count, confusion, self._watched, watched)

    def weights(self) -> list[np.ndarray]:
        """The weights to keep: the EMA where the recipe asks for it. NumPy arrays, Keras's order."""
        with self._with_ema():
            weights: list[np.ndarray] = self._model.get_weights()
        return weights

    def save_to(self, checkpoint: Checkpoint) -> None:
        """Copies sums and variables into `checkpoint`."""
        checkpoint.interval = self.totals()
        checkpoint.variables = [v.numpy() for v in self._model.variables]
        checkpoint.optimizer = [v.numpy() for v in self._optimizer.variables]
        checkpoint.ema = [v.numpy() for v in self._ema]

    def _train_step(self, *element: tf.Tensor) -> None:
        images, targets, is_inlier = self._batches.batch(*element)
        weights = self._model.trainable_variables
        with tf.GradientTape() as tape:
            probabilities = self._model(images, training=True)
            losses = self._loss(targets, probabilities)
            loss = tf.reduce_sum(losses) / tf.cast(tf.size(losses), tf.float32)
        self._optimizer.apply(tape.gradient(loss, weights), weights)
        self._totals.assign_add(batch_totals(losses, targets, probabilities, is_inlier))
        if self._ema:
            # A lower decay in the first steps, so that the first weights are soon forgotten.
            step = tf.cast(self._optimizer.iterations, tf.float32)
            decay = tf.minimum(self._recipe.ema_decay, step / (step + 9))
            for average, weight in zip(self._ema, self._model.weights, strict=True):
                average.assign_add((1 - decay) * (weight - average))

    def _test_step(
        self, images: tf.Tensor, targets: tf.Tensor, is_inlier: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """`batch_totals`, the confusion matrix and the probabilities of a batch."""
        probabilities = self._model(images, training=False)
        losses = self._loss(targets, probabilities)
        predicted = tf.one_hot(tf.argmax(probabilities, axis=1), probabilities.shape[1])
        # A product of zeros and ones is exact, and deterministic on a GPU as well.
        confusion = tf.matmul(targets, predicted, transpose_a=True)
        return batch_totals(losses, targets, probabilities, is_inlier), confusion, probabilities

    @contextmanager
    def _with_ema(self) -> Iterator[None]:
        """The model with the EMA for weights, where the recipe asks for it."""
        if not self._ema:
            yield
            return
        own = self._model.get_weights()
        assign(self._model.weights, self._ema)
        try:
            yield
        finally:
            assign(self._model.weights, own)


def batch_totals(
    losses: tf.Tensor, targets: tf.Tensor, probabilities: tf.Tensor, is_inlier: tf.Tensor
) -> tf.Tensor:
    """Sum of losses, correct images and number of images, over inliers: float64 (3,).

    Args:
        losses: float (B,).
        targets: float32 (B, classes); the highest is the image's class.
        probabilities: float32 (B, classes).
        is_inlier: bool (B,), False for images of no class.
    """
    is_correct = is_inlier & tf.equal(tf.argmax(targets, axis=1), tf.argmax(probabilities, axis=1))
    columns = [tf.where(is_inlier, losses, 0), is_correct, is_inlier]
    return tf.stack([tf.reduce_sum(tf.cast(column, tf.float64)) for column in columns])


def assign(variables: list[Any], values: list[Any]) -> None:
    """Assigns `values` to `variables` in order.

    Raises:
        ValueError: there are more or fewer of them, or a shape differs.
    """
    if len(variables) != len(values):
        raise ValueError(f"The network must have {len(variables)} arrays. Received: {len(values)}")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _in_batches(split: Split, classes: int) -> list[tuple[tf.Tensor, ...]]:
    images, targets = tf.constant(split.images), tf.one_hot(split.labels, classes)
    is_inlier = tf.ones(len(split), tf.bool)
    return [
        tuple(tensor[i : i + _VALIDATION_BATCH] for tensor in (images, targets, is_inlier))
        for i in range(0, len(split), _VALIDATION_BATCH)
    ]
