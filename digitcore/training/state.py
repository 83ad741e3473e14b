"""Where a training stands: what it resumes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# What a training reports, plain values (see `runs.events`).
Event = dict[str, Any]


@dataclass
class Checkpoint:
    """All that a training needs to resume as if it had never been interrupted.

    A plain value: `jobs.checkpoints` writes it to a file.

    Attributes:
        epoch, batch, step: whole epochs so far, steps of the next one, and steps in all.
        seen: images of this epoch up to the last batch event.
        interval: sum of losses, correct images and images since the last batch event, outliers
            left out.
        running: the same since the epoch began, up to that event.
        images: images trained on in all.
        fit_seconds, compilation_seconds, training_seconds: totals so far, as in `Trained`;
            `training_seconds` are those of the steps alone.
        best_epoch, best_accuracy, best_loss: the best epoch on validation; 0, -1 and infinity
            before the first.
        precision: the one that the training computes with, chosen if the recipe says "auto".
        xla: whether XLA compiles the steps.
        data_checksum: the dataset's.
        variables: the model's, random states included.
        optimizer: the optimizer's.
        ema: the moving average of the weights, empty unless the recipe asks for it.
        best_weights: the weights of the best epoch.

    The last four are NumPy arrays in Keras's order.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seen: int = 0
    interval: tuple[float, float, float] = (0.0, 0.0, 0.0)
    running: tuple[float, float, float] = (0.0, 0.0, 0.0)
    images: int = 0
    fit_seconds: float = 0.0
    compilation_seconds: float = 0.0
    training_seconds: float = 0.0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = math.inf
    precision: str = ""
    xla: bool = False
    data_checksum: str = ""
    variables: list[np.ndarray] = field(default_factory=list)
    optimizer: list[np.ndarray] = field(default_factory=list)
    ema: list[np.ndarray] = field(default_factory=list)
    best_weights: list[np.ndarray] = field(default_factory=list)
