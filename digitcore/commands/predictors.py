"""Predictors for commands, whose stderr is for progress and errors alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import numpy as np

from digitcore.runs import Run
from digitcore.runs.predictor import Predictor


def quiet_predictor(run: Run) -> Predictor:
    """The run's predictor, without LiteRT's greeting of its first prediction on stderr.

    Raises:
        RunError: as `Predictor` does.
    """
    with _native_stderr_muted():
        predictor = Predictor(run)
        predictor.probabilities(np.zeros((1, *predictor.image_shape), np.uint8))
    return predictor


@contextlib.contextmanager
def _native_stderr_muted() -> Iterator[None]:
    """Drops what C++ code writes to stderr meanwhile, and so do other threads: a command has one."""
    try:
        kept = os.dup(2)
    except OSError:  # closed
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
