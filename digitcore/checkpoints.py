"""Where a training stands, as values and as a file, so that it can go on."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import numpy as np

from digitcore import files, runs
from digitcore.runs import Run

_ARRAYS = ("variables", "optimizer", "averages", "best_weights")
# The largest network that a recipe may ask for, with its optimizer and its best weights.
_MOST_BYTES = 2_000_000_000


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


def write(run: Run, checkpoint: Checkpoint) -> None:
    """Replaces `checkpoint/last.npz`."""
    values = dict(vars(checkpoint))
    arrays = {
        f"{key}/{index}": array for key in _ARRAYS for index, array in enumerate(values.pop(key))
    }
    (run.path / "checkpoint").mkdir(exist_ok=True)
    files.replace(
        run.path / "checkpoint" / "last.npz",
        lambda path: np.savez(path, meta=json.dumps(values), **arrays),
    )


def read(run: Run) -> Checkpoint | None:
    """What the run can go on from, or None when it must begin anew.

    Raises:
        RunError: the file is damaged.
    """
    try:
        arrays = files.read_arrays(run.path / "checkpoint" / "last.npz", _MOST_BYTES)
        checkpoint = Checkpoint(**json.loads(str(arrays["meta"])))
        for key in _ARRAYS:
            count = sum(name.startswith(f"{key}/") for name in arrays)
            setattr(checkpoint, key, [arrays[f"{key}/{i}"] for i in range(count)])
    except FileNotFoundError:
        return None
    except Exception as error:
        raise runs.RunError(f"The checkpoint of run {run.id} cannot be read: {error}") from None
    return checkpoint
