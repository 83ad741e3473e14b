"""A training's checkpoint as a file in its run's folder."""

from __future__ import annotations

import json

import numpy as np

from digitcore import files, runs
from digitcore.runs import Run
from digitcore.training.state import Checkpoint

_ARRAYS = ("variables", "optimizer", "ema", "best_weights")
# What files of earlier versions call these values.
_EARLIER_NAMES = {"compilation_seconds": "preparation_seconds", "ema": "averages"}
# The largest network that a recipe may ask for, with its optimizer and its best weights.
_MOST_BYTES = 2_000_000_000


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
    """What the run resumes from, or None where it must begin anew.

    Raises:
        RunError: the file is damaged.
    """
    try:
        arrays = files.read_arrays(run.path / "checkpoint" / "last.npz", _MOST_BYTES)
        values = json.loads(str(arrays["meta"]))
        for now, earlier in _EARLIER_NAMES.items():
            if earlier in values:
                values[now] = values.pop(earlier)
        checkpoint = Checkpoint(**values)
        for key in _ARRAYS:
            found = _listed(arrays, key) or _listed(arrays, _EARLIER_NAMES.get(key, key))
            setattr(checkpoint, key, found)
    except FileNotFoundError:
        return None
    except Exception as error:
        raise runs.RunBrokenError(
            f"The checkpoint of run {run.id} cannot be read: {error}"
        ) from None
    return checkpoint


def _listed(arrays: dict[str, np.ndarray], key: str) -> list[np.ndarray]:
    """The arrays `key/0`, `key/1` and so on."""
    count = sum(name.startswith(f"{key}/") for name in arrays)
    return [arrays[f"{key}/{i}"] for i in range(count)]
