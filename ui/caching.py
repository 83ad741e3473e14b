"""What pages read often: bounded caches, keyed by run and file time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st

from digitcore import runs
from digitcore.data import Dataset, load_dataset
from digitcore.predictor import Predictor
from digitcore.runs import Event, Run


def predictor(run: Run) -> Predictor:
    """The run's network; raises RunError when it has none."""
    return _predictor(run.path, _changed(run.path / "model.tflite"))


@st.cache_resource(max_entries=8, show_spinner=False)
def _predictor(path: Path, changed: float) -> Predictor:
    return Predictor(Run(path))


def tables(run: Run) -> dict[str, np.ndarray]:
    """The run's probabilities for `test` and `validation`, read-only; raises RunError."""
    return _tables(run.path, _changed(run.path / "probabilities.npz"))


@st.cache_resource(max_entries=16, show_spinner=False)
def _tables(path: Path, changed: float) -> dict[str, np.ndarray]:
    arrays = Run(path).probabilities()
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def dataset(run: Run | None = None) -> Dataset:
    """The digits that are on this machine, split as the run's recipe says; never downloads."""
    if run is None:
        return load_dataset(download=False)
    return load_dataset(
        run.recipe.dataset,
        validation_share=run.recipe.validation_share,
        training_images=run.recipe.training_images,
        download=False,
    )


def events(run: Run) -> list[Event]:
    """The run's events that count, each byte of the file read once for all sessions."""
    return _log(run.path).read()


@st.cache_resource(max_entries=32, show_spinner=False)
def _log(path: Path) -> _Log:
    return _Log(Run(path))


@dataclass
class _Log:
    run: Run
    offset: int = 0
    kept: list[Event] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> list[Event]:
        with self.lock:
            new, self.offset = self.run.events(self.offset)
            if new:
                self.kept = runs.current(self.kept + new)
            return self.kept


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
