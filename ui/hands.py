"""The drawings that a person keeps for a network to learn: a file of theirs on the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from digitcore import files, runs
from digitcore.drawing import Floats
from digitcore.hand import Hand
from ui.sketches import sketch_name

_FOLDER = ".hands"
_LOCK_SECONDS = 5


def my_hand() -> Hand:
    """This person's drawings, found by the name in the address; no drawing where there is no file.

    Raises:
        HandError, OSError: the file is damaged, or cannot be read.
    """
    try:
        return files.remembered(_path(), Hand.load)
    except FileNotFoundError:
        return Hand()


def change(how: Callable[[Hand], Hand]) -> None:
    """Replaces this person's drawings by what `how` makes of them; none removes the file.

    Raises:
        HandError, OSError: as of `my_hand`, or it cannot be written. What `how` raises is passed on.
    """
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two windows of the same address may keep a drawing at once.
    with files.lock(runs.models_dir() / runs.LOCKS / ".hands", _LOCK_SECONDS):
        if len(changed := how(my_hand())):
            changed.save(path)
        else:
            path.unlink(missing_ok=True)


def keep(hand: Hand, digit: int, strokes: list[Floats]) -> Hand:
    """The hand with that drawing; one that it has already is only given its new digit."""
    image = Hand().added(digit, strokes).examples[0].image
    for place, one in enumerate(hand.examples):
        if np.array_equal(one.image, image):
            return hand if one.digit == digit else hand.without(place).added(digit, strokes)
    return hand.added(digit, strokes)


def forget() -> None:
    """Removes the file, damaged or not.

    Raises:
        OSError: it cannot be removed.
    """
    _path().unlink(missing_ok=True)


def _path() -> Path:
    # A name in an address may hold anything.
    name = hashlib.sha256(sketch_name().encode()).hexdigest()[:20]
    return runs.models_dir() / _FOLDER / f"{name}.json"
