"""One training as it goes on, step by step: what can end, and begin again, after any of them."""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from digitcore.datasets import Split
from digitcore.recipes import Recipe
from digitcore.recipes.layers import CLASSES
from digitcore.training import network
from digitcore.training.batches import BATCH, Batches
from digitcore.training.optimizers import optimizer
from digitcore.training.state import Checkpoint, Event

EVENTS_AN_EPOCH = 200
_VALIDATION_BATCH = 1000


class DivergedError(ArithmeticError):
    """The loss grew beyond all numbers, so there is nothing to go on with."""


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    `model` is float32 and holds the weights of `best_epoch`, the one with the highest
    validation accuracy (the lower validation loss decides between equals); where no epoch
    was whole yet, `best_epoch` is 0 and the weights are the last ones. `epochs` counts the
    epochs that were begun. `precision` is what was computed with, `xla` whether XLA compiled the steps,
    and `gpu` the name of the GPU, or nothing. `fit_seconds` is from the first
    step to the last, validation and preparation included; `preparation_seconds` are the part of it
    that the trial of precisions and each process's first step took, which builds the graph.
    `images_per_second` counts training images over the time of the steps, first ones included.
    """

    model: keras.Model
    best_epoch: int
    epochs: int
    stopped: bool
    precision: str
    xla: bool
    gpu: str
    fit_seconds: float
    preparation_seconds: float
    images_per_second: float


class Trial(NamedTuple):
    """A training, how many seconds one of its steps took, and the mean loss of its first steps."""

    training: Training
    seconds: float
    loss: float


class Training:
    """One training as it goes on: its network, where it is, and who is told.

    The loop is our own and not `Model.fit`, because it must be able to end, and to begin
    again with the same bits, after any step.
    """

    def __init__(
        self,
        recipe: Recipe,
        learned: Batches,
        validation: Split,
        report: Callable[[Event], bool | None],
        start: Checkpoint,
        weights: list[np.ndarray] | None,
    ) -> None:
        self._recipe, self._learned, self._report, self.now = recipe, learned, report, start
        images, labels = tf.constant(validation.images), tf.one_hot(validation.labels, CLASSES)
        self._validation = [
            (images[i : i + _VALIDATION_BATCH], labels[i : i + _VALIDATION_BATCH])
            for i in range(0, len(validation), _VALIDATION_BATCH)
        ]
        self._images = learned.images_an_epoch
        self._steps = math.ceil(self._images / recipe.batch_size)
        self._every = -(-self._steps // EVENTS_AN_EPOCH)
        self._asked_to_stop = False
        self._model = network.build(recipe, start.precision, for_training=True, xla=start.xla)
        if weights:
            _assign(self._model.weights, weights)
        self._optimizer = optimizer(recipe, self._steps)
        self._optimizer.build(self._model.trainable_variables)
        if start.variables:
            _assign(self._model.variables, start.variables)
            _assign(self._optimizer.variables, start.optimizer)
        averaged = self._model.weights if recipe.ema_decay else []
        self._averages = [tf.Variable(weight) for weight in averaged]
        if start.averages:
            _assign(self._averages, start.averages)
        self._loss = keras.losses.CategoricalCrossentropy(
            label_smoothing=recipe.label_smoothing, reduction="none"
        )
        # Losses and right answers since the last event; read only then, so that the
        # processor need not wait for Python after each step.
        self._sums = tf.Variable(start.interval, dtype=tf.float64)
        # Without a look for Python's loops, of which there are none.
        graph = functools.partial(tf.function, autograph=False)
        train = functools.partial(graph, self._train_step, input_signature=learned.signature)
        self._train = train(jit_compile=start.xla)
        self._train_rest = train() if start.xla else self._train
        self._test = graph(self._test_step, input_signature=BATCH)

    @property
    def steps(self) -> int:
        return self._steps * self._recipe.epochs

    def tried(self, steps: int, stop: Callable[[], bool]) -> Trial:
        """How the first steps go; afterwards nothing is other than before."""
        variables = [
            *self._model.variables,
            *self._optimizer.variables,
            *self._averages,
            self._sums,
        ]
        before = [variable.numpy() for variable in variables]
        # Taken out first: it is the steps that are timed.
        first = list(self._learned.steps().take(steps))
        seconds = []
        for batch in first:
            begun = time.perf_counter()
            self._step(batch)
            loss, _, count = self._sums.numpy()  # waits for the step to end
            seconds.append(time.perf_counter() - begun)
            if stop():
                break
        _assign(variables, before)
        # Without the first ones, which include what is done once.
        usual = statistics.median(seconds[len(seconds) // 3 :])
        return Trial(self, usual, float(loss / max(count, 1)))

    def fit(
        self,
        stop: Callable[[], bool],
        save: Callable[[Checkpoint], None],
        save_seconds: float,
    ) -> bool:
        """Trains to the end, or until asked to stop; True if there was more to do."""
        now = self.now
        if _ended(self._recipe, now):
            return False
        recipe = self._recipe
        start = {"kind": "start", "step": now.step, "steps": self.steps}
        self._tell({**start, "steps_per_epoch": self._steps})
        data = iter(self._learned.steps(now.epoch, now.batch))
        self._begun = time.perf_counter() - now.fit_seconds
        self._mark = saved = time.perf_counter()
        prepared = False
        while True:
            # It may go on where it was stopped between the last step and the epoch's end.
            if now.batch < self._steps:
                self._step(next(data))
                now.batch += 1
                now.step += 1
                if not prepared:
                    self._sums.numpy()  # waits for the step to end
                    now.preparation_seconds += time.perf_counter() - self._mark
                    prepared = True
                if now.batch % self._every == 0 or now.batch == self._steps:
                    self._end_interval()
            cut = now.batch == self._steps and not self._end_epoch(stop)
            if _ended(recipe, now):
                save(self._checkpoint())
                return False
            stops = cut or stop() or self._asked_to_stop
            if stops or now.batch == 0 or time.perf_counter() - saved > save_seconds:
                begun = time.perf_counter()
                save(self._checkpoint())
                saved = time.perf_counter()
                self._mark += saved - begun  # is no training time
            if stops:
                return True

    def trained(self, stopped: bool) -> Trained:
        now = self.now
        model = network.build(self._recipe, precision="float32")
        with self._averaged():
            model.set_weights(now.best_weights or self._model.get_weights())
        return Trained(
            model=model,
            best_epoch=now.best_epoch,
            epochs=now.epoch + (now.batch > 0),
            stopped=stopped,
            precision=now.precision,
            xla=now.xla,
            gpu=gpu(),
            fit_seconds=now.fit_seconds,
            preparation_seconds=now.preparation_seconds,
            images_per_second=now.images / max(now.training_seconds, 1e-9),
        )

    def _step(self, given: tuple[tf.Tensor, ...]) -> None:
        # For the rest at an epoch's end XLA would compile for as long again.
        is_whole = given[0].shape[0] == self._recipe.batch_size
        (self._train if is_whole else self._train_rest)(*given)

    def _train_step(self, *given: tf.Tensor) -> None:
        images, labels = self._learned.batch(*given)
        weights = self._model.trainable_variables
        with tf.GradientTape() as tape:
            answers = self._model(images, training=True)
            losses = self._loss(labels, answers)
            loss = tf.reduce_sum(losses) / tf.cast(tf.size(losses), tf.float32)
        self._optimizer.apply(tape.gradient(loss, weights), weights)
        self._sums.assign_add(_of_digits(losses, labels, answers))
        if self._averages:
            # Of few steps it is an average of few, so that the first weights are soon forgotten.
            step = tf.cast(self._optimizer.iterations, tf.float32)
            kept = tf.minimum(self._recipe.ema_decay, step / (step + 9))
            for average, weight in zip(self._averages, self._model.weights, strict=True):
                average.assign_add((1 - kept) * (weight - average))

    def _test_step(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        answers = self._model(images, training=False)
        return _of_digits(self._loss(labels, answers), labels, answers)

    def _end_interval(self) -> None:
        now = self.now
        loss, right, count = self._sums.numpy().tolist()
        self._sums.assign([0.0, 0.0, 0.0])
        before = now.running
        now.running = (before[0] + loss, before[1] + right, before[2] + count)
        count = max(count, 1)  # of small batches, none may be a digit
        seen = min(now.batch * self._recipe.batch_size, self._images)
        images = seen - now.seen
        now.seen = seen
        seconds = time.perf_counter() - self._mark
        self._mark += seconds
        now.images += images
        now.training_seconds += seconds
        now.fit_seconds = time.perf_counter() - self._begun
        self._tell(
            {
                "kind": "batch",
                "step": now.step,
                "epoch": now.epoch + 1,
                "loss": loss / count,
                "accuracy": right / count,
                "images_per_second": images / seconds,
                "seconds": now.fit_seconds,
            }
        )

    def _end_epoch(self, stop: Callable[[], bool]) -> bool:
        """Validates; False if asked to stop meanwhile, and the epoch has not ended then."""
        now = self.now
        with self._averaged():
            validated = self._validate(stop)
            weights = self._model.get_weights()
        if validated is None:
            return False
        validation_loss, validation_accuracy = validated
        rank = (validation_accuracy, -validation_loss)
        is_best = not now.best_weights or rank > (now.best_accuracy, -now.best_loss)
        loss, right, count = now.running
        now.epoch, now.batch, now.seen, now.running = now.epoch + 1, 0, 0, (0.0, 0.0, 0.0)
        if is_best:
            now.best_epoch = now.epoch
            now.best_accuracy, now.best_loss = validation_accuracy, validation_loss
            now.best_weights = weights
        now.fit_seconds = time.perf_counter() - self._begun
        self._tell(
            {
                "kind": "epoch",
                "step": now.step,
                "epoch": now.epoch,
                "loss": loss / count,
                "accuracy": right / count,
                "validation_loss": validation_loss,
                "validation_accuracy": validation_accuracy,
                "learning_rate": float(self._optimizer.learning_rate),
                "best": is_best,
                "seconds": now.fit_seconds,
            }
        )
        self._mark = time.perf_counter()
        return True

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The model with the averages for weights, where the recipe asks for them."""
        if not self._averages:
            yield
            return
        own = self._model.get_weights()
        _assign(self._model.weights, self._averages)
        try:
            yield
        finally:
            _assign(self._model.weights, own)

    def _validate(self, stop: Callable[[], bool]) -> tuple[float, float] | None:
        """Mean loss, label smoothing included as in training, and accuracy on validation;
        None if asked to stop between two batches."""
        sums = np.zeros(3)
        for number, batch in enumerate(self._validation):
            if number and stop():
                return None
            sums += self._test(*batch).numpy()
        loss, right, count = sums.tolist()
        return loss / count, right / count

    def _checkpoint(self) -> Checkpoint:
        now = self.now
        now.interval = tuple(self._sums.numpy().tolist())
        now.fit_seconds = time.perf_counter() - self._begun
        now.variables = [v.numpy() for v in self._model.variables]
        now.optimizer = [v.numpy() for v in self._optimizer.variables]
        now.averages = [v.numpy() for v in self._averages]
        return now

    def _tell(self, event: Event) -> None:
        if not all(math.isfinite(event.get(key, 0)) for key in ("loss", "validation_loss")):
            raise DivergedError(
                "The training diverged: its loss is no longer a number. Lower the learning rate, "
                f"or give it a warm-up. Received: learning_rate={self._recipe.learning_rate:g}"
            )
        if self._report({**event, "time": time.time()}):
            self._asked_to_stop = True


def _ended(recipe: Recipe, at: Checkpoint) -> bool:
    patience = recipe.early_stopping
    return at.epoch >= recipe.epochs or 0 < patience <= at.epoch - at.best_epoch


def _of_digits(losses: tf.Tensor, labels: tf.Tensor, answers: tf.Tensor) -> tf.Tensor:
    """Sum of the losses, right answers, and number of all images that show a digit, float64 (3,).

    Args:
        losses: (B,).
        labels: (B, 10), one of them hot in each row that is of a digit.
        answers: (B, 10) probabilities.
    """
    digits = tf.reduce_max(labels, axis=1) > 0.5
    right = digits & tf.equal(tf.argmax(labels, axis=1), tf.argmax(answers, axis=1))
    columns = [tf.where(digits, losses, 0), right, digits]
    return tf.stack([tf.reduce_sum(tf.cast(column, tf.float64)) for column in columns])


def _assign(variables: list[Any], values: list[np.ndarray]) -> None:
    if len(variables) != len(values):
        raise ValueError(f"The network must have {len(variables)} arrays. Received: {len(values)}")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def gpu() -> str:
    """The name of the GPU that trainings use, or nothing where there is none."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return ""
    details = tf.config.experimental.get_device_details(devices[0])
    return str(details.get("device_name", "GPU"))
