"""Where a training stands, so that it can go on as if it had never been interrupted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# What a training reports, plain values (see `runs.events`).
Event = dict[str, Any]


@dataclass
class Checkpoint:
    """All that a training needs to go on as if it had never been interrupted.

    It stands after `step` steps: `epoch` whole epochs and `batch` steps of the next one.
    `interval` are sums since the last batch event, of the losses of digits, of those read
    rightly, and of ones; `running` the same since the epoch's begin up to that event, when
    `seen` images were seen in this epoch. Seconds are totals so far. `precision` is the one that
    was taken where the recipe says "auto", `xla` whether XLA was, and `data_checksum` the dataset's.
    `variables` are the model's (random states included), `optimizer` the optimizer's,
    `averages` those of the weights, where the recipe asks for them, and `best_weights` those of
    the best epoch; all NumPy arrays in Keras's order.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seen: int = 0
    interval: tuple[float, float, float] = (0.0, 0.0, 0.0)
    running: tuple[float, float, float] = (0.0, 0.0, 0.0)
    images: int = 0
    fit_seconds: float = 0.0
    preparation_seconds: float = 0.0
    training_seconds: float = 0.0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = math.inf
    precision: str = ""
    xla: bool = False
    data_checksum: str = ""
    variables: list[np.ndarray] = field(default_factory=list)
    optimizer: list[np.ndarray] = field(default_factory=list)
    averages: list[np.ndarray] = field(default_factory=list)
    best_weights: list[np.ndarray] = field(default_factory=list)
