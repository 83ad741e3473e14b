"""How the prediction of one image changed from epoch to epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Change(NamedTuple):
    """Another class was predicted: `before` up to the epoch `last`, `after` from the epoch `first` on."""

    last: int
    first: int
    before: int
    after: int


def changes(epochs: Sequence[int], table: np.ndarray) -> list[Change]:
    """Where the prediction changed, in the order of epochs.

    Args:
        epochs: their numbers, ascending; some between may be missing.
        table: float (epochs, classes), the image's probabilities after each.
    """
    top = table.argmax(axis=1)
    return [
        Change(epochs[k], epochs[k + 1], int(top[k]), int(top[k + 1]))
        for k in np.flatnonzero(np.diff(top)).tolist()
    ]


def sentence(epochs: Sequence[int], table: np.ndarray, names: Sequence[str]) -> str:
    """What was predicted, and until when something else.

    Args:
        epochs, table: as in `changes`.
        names: of the classes.
    """
    found = changes(epochs, table)
    if not found:
        count = len(epochs)
        name = names[int(table[0].argmax())]
        return (
            f"Predicted as {name} after each of {count} epochs."
            if count > 1
            else (f"Predicted as {name} after epoch {epochs[0]}.")
        )
    last = found[-1]
    told = f"as {names[last.before]} up to epoch {last.last}, as {names[last.after]} from epoch {last.first} on"
    if len(found) == 1:
        return f"Predicted {told}."
    return f"The prediction changed {len(found)} times, the last time {told}."
