"""The training loop: steps, events, validation and checkpoints, resumable after any step."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from digitcore.datasets import Split
from digitcore.recipes import Recipe
from digitcore.recipes.usual import unusual_learning_rate
from digitcore.training import network
from digitcore.training.batches import Batches
from digitcore.training.learner import Learner, Validated, assign
from digitcore.training.state import Checkpoint, Event

EVENTS_PER_EPOCH = 200

# Called with an epoch's number, its weights and how they did.
Keep = Callable[[int, list[np.ndarray], Validated], None]


class DivergedError(ArithmeticError):
    """The loss is infinite or not a number, so training cannot continue."""


@dataclass(frozen=True)
class Trained:
    """What a training ends with.

    Attributes:
        model: float32, with the weights of `best_epoch`.
        best_epoch: the epoch with the highest validation accuracy, and of equals the lowest
            validation loss; 0 if no epoch was completed, and the weights are the last ones.
        epochs: epochs that were begun.
        stopped: whether there was more to do.
        precision: "float32" or "mixed_bfloat16".
        xla: whether XLA compiled the steps.
        gpu: the GPU's name, or "".
        fit_seconds: from the first step to the last, validation and compilation included.
        compilation_seconds: the part of them for compilation and warm-up: the trial of precisions
            and each process's first step, which builds the graph.
        images_per_second: training images over the time of the steps, first ones included.
    """

    model: keras.Model
    best_epoch: int
    epochs: int
    stopped: bool
    precision: str
    xla: bool
    gpu: str
    fit_seconds: float
    compilation_seconds: float
    images_per_second: float


class Trial(NamedTuple):
    """A training, the median seconds of one of its first steps, and their mean loss."""

    training: Training
    seconds: float
    loss: float


class Training:
    """One training: its network, how far it has come, and whom it reports to.

    The loop is our own and not `Model.fit`, because it must be able to stop after any step, and to
    resume there with the same bits.

    Args:
        recipe: epochs, early stopping, and what `Learner` takes.
        batches: what each step learns.
        validation: what chooses the best epoch.
        report: called with each event, see `train`.
        start: where to begin; changed from then on, as `checkpoint`.
        initial_weights: see `train`.
        keep: see `train`.
    """

    def __init__(
        self,
        recipe: Recipe,
        batches: Batches,
        validation: Split,
        report: Callable[[Event], bool | None],
        start: Checkpoint,
        initial_weights: list[np.ndarray] | None,
        keep: Keep | None = None,
    ) -> None:
        self._recipe, self._batches, self._report = recipe, batches, report
        self._keep = keep
        self.checkpoint = start
        self._steps = batches.steps_per_epoch
        self._steps_per_event = -(-self._steps // EVENTS_PER_EPOCH)
        self._asked_to_stop = False
        self._learner = Learner(recipe, batches, validation, start, initial_weights)

    @property
    def steps(self) -> int:
        return self._steps * self._recipe.epochs

    def trial(self, steps: int, stop: Callable[[], bool]) -> Trial:
        """Takes the first steps, times them, and puts everything back."""
        variables = self._learner.variables
        before = [variable.numpy() for variable in variables]
        # The batches are made beforehand: only the steps are timed.
        batches = list(self._batches.steps().take(steps))
        seconds = []
        for batch in batches:
            begun = time.perf_counter()
            self._learner.step(batch)
            loss, _, count = self._learner.totals()  # waits for the step to end
            seconds.append(time.perf_counter() - begun)
            if stop():
                break
        assign(variables, before)
        # Without the first ones, which include compilation.
        usual = statistics.median(seconds[len(seconds) // 3 :])
        return Trial(self, usual, loss / max(count, 1))

    def fit(
        self,
        stop: Callable[[], bool],
        save: Callable[[Checkpoint], None],
        save_seconds: float,
    ) -> bool:
        """Trains to the end, or until asked to stop; True if there was more to do."""
        now = self.checkpoint
        if self._has_ended():
            return False
        start = {"kind": "start", "step": now.step, "steps": self.steps}
        self._tell({**start, "steps_per_epoch": self._steps})
        data = iter(self._batches.steps(now.epoch, now.batch))
        self._begun = time.perf_counter() - now.fit_seconds
        self._mark = saved = time.perf_counter()
        is_first = True
        while True:
            # A training may resume between an epoch's last step and its validation.
            if now.batch < self._steps:
                self._learner.step(next(data))
                now.batch += 1
                now.step += 1
                if is_first:
                    self._learner.totals()  # waits for the step to end
                    now.compilation_seconds += time.perf_counter() - self._mark
                    is_first = False
                if now.batch % self._steps_per_event == 0 or now.batch == self._steps:
                    self._end_interval()
            cut = now.batch == self._steps and not self._end_epoch(stop)
            if self._has_ended():
                save(self._saved())
                return False
            stops = cut or stop() or self._asked_to_stop
            if stops or now.batch == 0 or time.perf_counter() - saved > save_seconds:
                begun = time.perf_counter()
                save(self._saved())
                saved = time.perf_counter()
                self._mark += saved - begun  # saving is no training time
            if stops:
                return True

    def result(self, stopped: bool) -> Trained:
        now = self.checkpoint
        model = network.build(self._recipe, precision="float32")
        model.set_weights(now.best_weights or self._learner.weights())
        return Trained(
            model=model,
            best_epoch=now.best_epoch,
            epochs=now.epoch + (now.batch > 0),
            stopped=stopped,
            precision=now.precision,
            xla=now.xla,
            gpu=gpu(),
            fit_seconds=now.fit_seconds,
            compilation_seconds=now.compilation_seconds,
            images_per_second=now.images / max(now.training_seconds, 1e-9),
        )

    def _has_ended(self) -> bool:
        now, patience = self.checkpoint, self._recipe.early_stopping
        return now.epoch >= self._recipe.epochs or 0 < patience <= now.epoch - now.best_epoch

    def _end_interval(self) -> None:
        """Reports the steps since the last batch event."""
        now = self.checkpoint
        loss, correct, count = self._learner.totals()
        self._learner.reset_totals()
        before = now.running
        now.running = (before[0] + loss, before[1] + correct, before[2] + count)
        count = max(count, 1)  # a small batch may hold outliers only
        seen = min(now.batch * self._recipe.batch_size, self._batches.images_per_epoch)
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
                "accuracy": correct / count,
                "images_per_second": images / seconds,
                "seconds": now.fit_seconds,
            }
        )

    def _end_epoch(self, stop: Callable[[], bool]) -> bool:
        """Validates and reports; False if asked to stop meanwhile, and the epoch has not ended."""
        now = self.checkpoint
        validated = self._learner.validate(stop)
        if validated is None:
            return False
        validation_loss, validation_accuracy = validated.loss, validated.accuracy
        rank = (validation_accuracy, -validation_loss)
        is_best = not now.best_weights or rank > (now.best_accuracy, -now.best_loss)
        weights = self._learner.weights() if is_best or self._keep else []
        loss, correct, count = now.running
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
                "accuracy": correct / count,
                "validation_loss": validation_loss,
                "validation_accuracy": validation_accuracy,
                "validation_images": self._learner.validation_images,
                "learning_rate": self._learner.learning_rate,
                "best": is_best,
                "seconds": now.fit_seconds,
            }
        )
        if self._keep:
            self._keep(now.epoch, weights, validated)
        self._mark = time.perf_counter()
        return True

    def _saved(self) -> Checkpoint:
        """The checkpoint with all that `save` needs in it."""
        self._learner.save_to(self.checkpoint)
        self.checkpoint.fit_seconds = time.perf_counter() - self._begun
        return self.checkpoint

    def _tell(self, event: Event) -> None:
        if not all(math.isfinite(event.get(key, 0)) for key in ("loss", "validation_loss")):
            way = unusual_learning_rate(self._recipe) or (
                "Lower the learning rate, or give it a warm-up. "
                f"Received: learning_rate={self._recipe.learning_rate:g}"
            )
            raise DivergedError(f"The training diverged: its loss is no longer a number. {way}")
        if self._report({**event, "time": time.time()}):
            self._asked_to_stop = True


def gpu() -> str:
    """The name of the GPU that trainings use, or "" where there is none."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return ""
    details = tf.config.experimental.get_device_details(devices[0])
    return str(details.get("device_name", "GPU"))
