"""The handwriting samples that a person keeps: a file of theirs on the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from digitcore import files, runs
from digitcore.drawing import Floats
from digitcore.drawing.samples import Example, HandwritingSamples
from ui.sketches import sketch_name

# An earlier name of the samples; it stays, because people have drawings there.
_FOLDER = ".hands"
_LOCK_SECONDS = 5


def my_samples() -> HandwritingSamples:
    """This person's drawings, found by the name in the address; none where there is no file.

    Raises:
        SamplesError, OSError: the file is damaged, or cannot be read.
    """
    try:
        return files.remembered(_path(), HandwritingSamples.load)
    except FileNotFoundError:
        return HandwritingSamples()


def change(how: Callable[[HandwritingSamples], HandwritingSamples]) -> None:
    """Replaces this person's drawings by what `how` makes of them; none removes the file.

    Raises:
        SamplesError, OSError: as in `my_samples`, or it cannot be written. What `how` raises is passed on.
    """
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two windows of the same address may keep a drawing at once.
    with files.lock(runs.models_dir() / runs.LOCKS / ".hands", _LOCK_SECONDS):
        if len(changed := how(my_samples())):
            changed.save(path)
        else:
            path.unlink(missing_ok=True)


def keep(samples: HandwritingSamples, digit: int, strokes: list[Floats]) -> HandwritingSamples:
    """The samples with that drawing; one that is already there only gets its new digit."""
    there = index_of(samples, HandwritingSamples().added(digit, strokes).examples[0])
    if there is None:
        return samples.added(digit, strokes)
    if samples.examples[there].digit == digit:
        return samples
    return samples.without(there).added(digit, strokes)


def remove(samples: HandwritingSamples, example: Example) -> HandwritingSamples:
    """The samples without that drawing, wherever it is now; another window may be open."""
    there = index_of(samples, example)
    return samples if there is None else samples.without(there)


def index_of(samples: HandwritingSamples, example: Example) -> int | None:
    """The index of the drawing with that one's image, or None."""
    images = (one.image for one in samples.examples)
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
