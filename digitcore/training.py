"""From a recipe and a dataset to a trained network: no files, no processes, no pages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from digitcore import network
from digitcore.data import Dataset, Split
from digitcore.layers import CLASSES, INPUT_SHAPE
from digitcore.recipe import Recipe

Event = dict[str, Any]
EVENTS_AN_EPOCH = 200
_VALIDATION_BATCH = 1000


class DivergedError(ArithmeticError):
    """The loss grew beyond all numbers, so there is nothing to go on with."""


@dataclass
class Checkpoint:
    """All that a training needs to go on after `epoch` as if it had never ended.

    `variables` are the model's (random states included), `optimizer` the optimizer's, and
    `best_weights` those of the best epoch; all NumPy arrays in Keras's order. Seconds are
    totals so far, `images` counts training images seen.
    """

    epoch: int = 0
    step: int = 0
    images: int = 0
    fit_seconds: float = 0.0
    training_seconds: float = 0.0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = math.inf
    variables: list[np.ndarray] = field(default_factory=list)
    optimizer: list[np.ndarray] = field(default_factory=list)
    best_weights: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    `model` is float32 and holds the weights of `best_epoch`, the one with the highest
    validation accuracy (the lower validation loss decides between equals).
    `fit_seconds` is from the first step to the last, validation included, and
    `images_per_second` counts training images over training time alone.
    """

    model: keras.Model
    best_epoch: int
    epochs: int
    stopped: bool
    fit_seconds: float
    images_per_second: float


def train(
    recipe: Recipe,
    dataset: Dataset,
    report: Callable[[Event], bool | None],
    *,
    save: Callable[[Checkpoint], None] | None = None,
    resume_from: Checkpoint | None = None,
) -> Trained:
    """Trains the recipe's network on the dataset's training split.

    Args:
        recipe: what to train, seed included: the same recipe, dataset and machine
            give the same weights.
        dataset: uint8 images; `validation` chooses the best epoch, `test` is not read.
        report: called with each event (a dict, see below); returning True asks to stop
            after this step. Events are {"kind": "start", "step", "steps", "steps_per_epoch"};
            {"kind": "batch", "step", "epoch", "loss", "accuracy", "images_per_second",
            "time"}, means over the steps since the last such event; and {"kind": "epoch",
            ..., "validation_loss", "validation_accuracy", "learning_rate", "best"}.
        save: called after each whole epoch with what `resume_from` takes.
        resume_from: goes on after that epoch, to the same end as if never interrupted.

    Returns:
        The network of the best epoch, and how long it took.

    Raises:
        DivergedError: the loss is no longer a finite number.
    """
    keras.utils.set_random_seed(recipe.seed)
    steps = math.ceil(len(dataset.train) / recipe.batch_size)
    model = network.build(recipe)
    model.compile(
        optimizer=_optimizer(recipe, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        jit_compile=False,  # XLA makes a CPU many times slower
    )
    start = resume_from or Checkpoint()
    if resume_from:
        _restore(model, resume_from)
    reporter = _Reporter(recipe, steps, len(dataset.train), report, save, start)
    if _ended(recipe, start):
        return reporter.trained()
    model.fit(
        batches(recipe, dataset.train, first_epoch=start.epoch),
        initial_epoch=start.epoch,
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        validation_data=_validation(dataset.validation),
        callbacks=[reporter],
        shuffle=False,
        verbose=0,
    )
    return reporter.trained()


def batches(recipe: Recipe, split: Split, first_epoch: int = 0) -> tf.data.Dataset:
    """Training batches of all epochs in turn: uint8 (B, 28, 28) and one-hot (B, 10).

    Order and warps are functions of seed, epoch and step alone, so that a training
    can begin at any epoch and see what it would have seen.
    """
    images = tf.constant(split.images)
    labels = tf.one_hot(split.labels, CLASSES)
    seed = tf.constant(recipe.seed, tf.int64)
    warped = any((recipe.rotation, recipe.shift, recipe.scale, recipe.shear))

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(split)), seed=tf.stack([seed, number])
        )
        steps = tf.data.Dataset.from_tensor_slices(order).batch(recipe.batch_size)
        return steps.enumerate().map(lambda step, chosen: (number, step, chosen))

    def gather(number: tf.Tensor, step: tf.Tensor, chosen: tf.Tensor) -> tuple[Any, Any]:
        batch = tf.gather(images, chosen)
        if warped:
            batch = warp(batch, recipe, tf.stack([-1 - seed, number * 2**32 + step]))
        return batch, tf.gather(labels, chosen)

    epochs = tf.data.Dataset.range(first_epoch, recipe.epochs).flat_map(epoch)
    return epochs.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def warp(images: tf.Tensor, recipe: Recipe, seed: tf.Tensor) -> tf.Tensor:
    """Each image under its own random affine map, bilinear, black beyond the edge.

    Args:
        images: uint8 (B, 28, 28).
        recipe: the largest rotation and shear in degrees, shift in pixels, and scale.
        seed: two integers that decide the maps.
    """
    count = tf.shape(images)[0]
    random = tf.random.stateless_uniform((5, count), seed, -1.0, 1.0)
    angle = random[0] * math.radians(recipe.rotation)
    shear = tf.tan(random[1] * math.radians(recipe.shear))
    scale = 1.0 / (1.0 + random[2] * recipe.scale)
    shift_x, shift_y = random[3] * recipe.shift, random[4] * recipe.shift
    # The map from a pixel of the result to its source: about the centre, rotated,
    # slanted and scaled, then shifted.
    a, b = scale * tf.cos(angle), scale * (tf.cos(angle) * shear - tf.sin(angle))
    c, d = scale * tf.sin(angle), scale * (tf.sin(angle) * shear + tf.cos(angle))
    centre = (INPUT_SHAPE[0] - 1) / 2
    x = centre - a * centre - b * centre + shift_x
    y = centre - c * centre - d * centre + shift_y
    zero = tf.zeros_like(a)
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=images[..., tf.newaxis],
        transforms=tf.stack([a, b, x, c, d, y, zero, zero], axis=1),
        output_shape=tf.constant(INPUT_SHAPE[:2]),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    return warped[..., 0]


def _validation(split: Split) -> tf.data.Dataset:
    labels = tf.one_hot(split.labels, CLASSES)
    return tf.data.Dataset.from_tensor_slices((split.images, labels)).batch(_VALIDATION_BATCH)


def _optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    rate = _schedule(recipe, steps)
    # Keras keeps decay apart from the gradient in every optimizer; 0 is "none" there.
    decay = recipe.weight_decay or None
    optimizer: keras.optimizers.Optimizer
    if recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate, weight_decay=decay)
    elif recipe.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    elif recipe.optimizer == "rmsprop":
        optimizer = keras.optimizers.RMSprop(rate, weight_decay=decay)
    else:
        optimizer = keras.optimizers.SGD(
            rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, weight_decay=decay
        )
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _schedule(recipe: Recipe, steps: int) -> Any:
    total = steps * recipe.epochs
    if recipe.schedule == "cosine":
        warmup = round(total * recipe.warmup_share)
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else recipe.learning_rate,
            decay_steps=max(1, total - warmup),
            warmup_target=recipe.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    if recipe.schedule == "step":
        falls = range(recipe.step_epochs, recipe.epochs, recipe.step_epochs)
        return keras.optimizers.schedules.PiecewiseConstantDecay(
            boundaries=[epoch * steps for epoch in falls],
            values=[recipe.learning_rate * recipe.step_factor**k for k in range(len(falls) + 1)],
        )
    return recipe.learning_rate


def _ended(recipe: Recipe, at: Checkpoint) -> bool:
    patience = recipe.early_stopping
    return at.epoch >= recipe.epochs or 0 < patience <= at.epoch - at.best_epoch


def _restore(model: keras.Model, checkpoint: Checkpoint) -> None:
    model.optimizer.build(model.trainable_variables)
    pairs = [(model.variables, checkpoint.variables)]
    pairs += [(model.optimizer.variables, checkpoint.optimizer)]
    for variables, values in pairs:
        if len(variables) != len(values):
            raise ValueError(
                f"The checkpoint must hold {len(variables)} arrays. Received: {len(values)}"
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


class _Reporter(keras.callbacks.Callback):  # type: ignore[misc]
    """Adapts Keras's callbacks to `report`, and keeps the best weights."""

    def __init__(
        self,
        recipe: Recipe,
        steps: int,
        images: int,
        report: Callable[[Event], bool | None],
        save: Callable[[Checkpoint], None] | None,
        start: Checkpoint,
    ) -> None:
        super().__init__()
        self._recipe, self._steps, self._images = recipe, steps, images
        self._report, self._save, self._now = report, save, start
        self._every = -(-steps // EVENTS_AN_EPOCH)
        self._epoch, self._step = start.epoch, start.step
        self._asked_to_stop = False

    def on_train_begin(self, logs: Any = None) -> None:
        total = self._steps * self._recipe.epochs
        start = {"kind": "start", "step": self._step, "steps": total}
        self._tell({**start, "steps_per_epoch": self._steps})
        self._begun = time.perf_counter() - self._now.fit_seconds

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1
        self._batch = 0
        self._told = (0, 0.0, 0.0)
        self._mark = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._step += 1
        self._batch = batch + 1
        if self._batch % self._every and self._batch < self._steps:
            return
        # Keras gives means over the epoch so far; the difference of two sums is the
        # mean since the last event.
        images = min(self._batch * self._recipe.batch_size, self._images)
        before, loss_sum, accuracy_sum = self._told
        count = images - before
        sums = (logs["loss"] * images, logs["accuracy"] * images)
        seconds = time.perf_counter() - self._mark
        self._told = (images, *sums)
        self._mark += seconds
        self._now.images += count
        self._now.training_seconds += seconds
        self._tell(
            {
                "kind": "batch",
                "step": self._step,
                "epoch": self._epoch,
                "loss": _at_least_zero((sums[0] - loss_sum) / count),
                "accuracy": min(1.0, _at_least_zero((sums[1] - accuracy_sum) / count)),
                "images_per_second": count / seconds,
            }
        )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        now, accuracy, loss = self._now, logs["val_accuracy"], logs["val_loss"]
        is_best = not now.best_weights or (accuracy, -loss) > (now.best_accuracy, -now.best_loss)
        if is_best:
            now.best_epoch, now.best_accuracy, now.best_loss = self._epoch, accuracy, loss
            now.best_weights = self.model.get_weights()
        self._tell(
            {
                "kind": "epoch",
                "step": self._step,
                "epoch": self._epoch,
                "loss": logs["loss"],
                "accuracy": logs["accuracy"],
                "validation_loss": loss,
                "validation_accuracy": accuracy,
                "learning_rate": float(self.model.optimizer.learning_rate),
                "best": is_best,
            }
        )
        now.fit_seconds = time.perf_counter() - self._begun
        # A part of an epoch is no place to go on from: its other images would be missed.
        if self._save and self._batch == self._steps:
            self._save(self._checkpoint())
        now.epoch, now.step = self._epoch, self._step
        if _ended(self._recipe, now):
            self.model.stop_training = True

    def _checkpoint(self) -> Checkpoint:
        self._now.epoch, self._now.step = self._epoch, self._step
        self._now.variables = [v.numpy() for v in self.model.variables]
        self._now.optimizer = [v.numpy() for v in self.model.optimizer.variables]
        return self._now

    def _tell(self, event: Event) -> None:
        if not all(math.isfinite(event.get(key, 0)) for key in ("loss", "validation_loss")):
            raise DivergedError(
                "The training diverged: its loss is no longer a number. Lower the learning rate, "
                f"or give it a warm-up. Received: learning_rate={self._recipe.learning_rate:g}"
            )
        if self._report({**event, "time": time.time()}):
            self._asked_to_stop = True
            self.model.stop_training = True

    def trained(self) -> Trained:
        now = self._now
        model = network.build(self._recipe, precision="float32")
        model.set_weights(now.best_weights)
        return Trained(
            model=model,
            best_epoch=now.best_epoch,
            epochs=self._epoch,
            stopped=self._asked_to_stop and self._step < self._steps * self._recipe.epochs,
            fit_seconds=now.fit_seconds,
            images_per_second=now.images / max(now.training_seconds, 1e-9),
        )


def _at_least_zero(value: float) -> float:
    # Rounding may leave a speck below; not `max(0.0, value)`, which makes 0 of a NaN.
    return 0.0 if value < 0 else value
