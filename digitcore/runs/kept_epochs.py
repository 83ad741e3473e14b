"""What a training keeps of each epoch: a small file with the weights and how they did on validation.

The files are `epochs/0007.npz` in the run's folder. They have a bound: where they would take more, every
second one is dropped, again and again, so that those that stay are evenly spaced. Like the checkpoint they
are deleted with the run, and left out of what is given to others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitcore import files
from digitcore.runs.errors import RunBrokenError
from digitcore.runs.run import Run

VARIABLE = "DIGITCORE_EPOCHS_MB"
FOLDER = "epochs"
_USUAL_MB, _MAX_MB = 16, 10_000
_NAME = re.compile(r"(\d{4,6})\.npz")
# Of each array in a file, beside its numbers.
_HEADER_BYTES = 300
_MOST_BYTES = 250_000_000
_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class KeptEpoch:
    """The network after an epoch, as it was validated.

    Attributes:
        weights: in Keras's order, the EMA where the recipe asks for it. A file has them in float16: to
            about three digits, and no value beyond ±65,504.
        confusion: int64 (classes, classes), how many validation images of each class, by rows, were
            predicted as each.
        watched: int64 (K,), indices of a few validation images, the same in each epoch.
        probabilities: float (K, classes), those of these images.
    """

    weights: list[np.ndarray]
    confusion: np.ndarray
    watched: np.ndarray
    probabilities: np.ndarray


def most_bytes() -> int:
    """What the epochs of one run may take: DIGITCORE_EPOCHS_MB, or 16 MB.

    Raises:
        ValueError: it is not a number from 0, which keeps none, to 10000.
    """
    text = os.environ.get(VARIABLE) or str(_USUAL_MB)
    if not text.isdecimal() or len(text) > 9 or int(text) > _MAX_MB:
        raise ValueError(f"{VARIABLE} is a number from 0 to {_MAX_MB}. Received: {text!r}")
    return int(text) * 1_000_000


def fitting(last: int, most: int) -> list[int]:
    """Which of the epochs 1 to `last` stay where there is room for `most`: none, or both ends and others.

    Those between are evenly spaced, a power of two apart, so that each was kept before as well.
    """
    if most < min(last, 2):
        return []
    step = 1
    while len(kept := sorted({*range(1, last + 1, step), last})) > most:
        step *= 2
    return kept


def write(run: Run, epoch: int, kept: KeptEpoch, most: int) -> None:
    """Keeps an epoch, and drops those for which there is no room any more.

    Args:
        run: whose epoch it is.
        epoch: its number, from 1.
        kept: what it holds; of a network so large that no two epochs fit, nothing is written.
        most: bytes that all epochs may take, as `most_bytes` gives it.

    Raises:
        OSError: the file cannot be written.
    """
    arrays: dict[str, Any] = {
        **{f"weights/{i}": _small(array) for i, array in enumerate(kept.weights)},
        "confusion": kept.confusion.astype(np.int64),
        "watched": kept.watched.astype(np.int64),
        "probabilities": kept.probabilities.astype(np.float16),
    }
    size = sum(array.nbytes + _HEADER_BYTES for array in arrays.values())
    if 2 * size > most:
        return
    (run.path / FOLDER).mkdir(exist_ok=True)
    files.replace(path_of(run, epoch), lambda path: np.savez(path, **arrays))
    stay = fitting(epoch, most // size)
    for other in numbers(run):
        if other < epoch and other not in stay:
            path_of(run, other).unlink(missing_ok=True)


def numbers(run: Run) -> list[int]:
    """The epochs that are kept, ascending."""
    with suppress(OSError):
        found = map(_NAME.fullmatch, os.listdir(run.path / FOLDER))
        return sorted(int(match[1]) for match in found if match)
    return []


def read(run: Run, epoch: int) -> KeptEpoch:
    """What was kept of an epoch, weights as float32.

    Raises:
        RunBrokenError: the file is damaged, missing or not of the run's recipe.
    """
    classes = run.recipe.info.class_count
    try:
        arrays = files.read_arrays(path_of(run, epoch), _MOST_BYTES)
        count = sum(name.startswith("weights/") for name in arrays)
        kept = KeptEpoch(
            [arrays[f"weights/{i}"].astype(np.float32) for i in range(count)],
            *(arrays[name] for name in ("confusion", "watched", "probabilities")),
        )
        _check(kept, classes)
    except Exception as error:  # zipfile, zlib and NumPy each have errors of their own
        reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
        raise RunBrokenError(f"Epoch {epoch} of run {run.id} cannot be read: {reason}") from None
    return kept


def path_of(run: Run, epoch: int) -> Path:
    """The file of an epoch."""
    return run.path / FOLDER / f"{epoch:04d}.npz"


def _small(array: np.ndarray) -> np.ndarray:
    # A weight that leaves the range of float16 would be infinite there.
    small: np.ndarray = np.clip(array, -_LARGEST, _LARGEST).astype(np.float16)
    return small


def _check(kept: KeptEpoch, classes: int) -> None:
    arrays: Iterable[np.ndarray] = (*kept.weights, kept.confusion, kept.watched, kept.probabilities)
    if not kept.weights or not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("it must hold finite numbers")
    if kept.confusion.shape != (classes, classes) or kept.confusion.min() < 0:
        raise ValueError(f"confusion must be counts ({classes}, {classes})")
    if kept.watched.ndim != 1 or kept.probabilities.shape != (len(kept.watched), classes):
        raise ValueError(f"probabilities must be (K, {classes}), a row for each image")
    if kept.watched.dtype != np.int64 or kept.confusion.dtype != np.int64:
        raise ValueError("watched and confusion must be int64")
