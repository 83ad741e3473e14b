"""The drawings that a person keeps for a network to learn: a file of theirs on the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from digitcore import files, runs
from digitcore.drawing import Floats
from digitcore.drawing.samples import Example, Hand
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
    there = place_of(hand, Hand().added(digit, strokes).examples[0])
    if there is None:
        return hand.added(digit, strokes)
    if hand.examples[there].digit == digit:
        return hand
    return hand.without(there).added(digit, strokes)


def remove(hand: Hand, example: Example) -> Hand:
    """The hand without that drawing, wherever it stands by now; another window may be open."""
    there = place_of(hand, example)
    return hand if there is None else hand.without(there)


def place_of(hand: Hand, example: Example) -> int | None:
    """Where the hand has a drawing with that one's image."""
    images = (one.image for one in hand.examples)
    return next((i for i, image in enumerate(images) if (image == example.image).all()), None)


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
