"""A few hundred small digits, and two trainings on them that all tests here may look at."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import tensorflow as tf
from made_up import PLAIN, RICH
from training.outcome import Outcome, Untouchable, run

from digitcore.datasets import Dataset, load_dataset


@pytest.fixture(scope="session", autouse=True)
def deterministic_operations() -> Any:
    """As in the worker: bits are compared below. It cannot be undone, and harms no other test."""
    tf.config.experimental.enable_op_determinism()


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """330 training and 70 validation images of scikit-learn's; the test split must not be read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DIGITCORE_DATA_DIR", raising=False)
        patch.setenv("XDG_CACHE_HOME", "/nowhere")
        patch.setenv("KERAS_HOME", "/nowhere")
        found = load_dataset(training_images=400, validation_split=0.175, download=False)
    assert (len(found.train), len(found.validation)) == (330, 70)
    return dataclasses.replace(found, test=Untouchable())


@pytest.fixture(scope="session")
def plain(digits: Dataset) -> Outcome:
    return run(PLAIN, digits)


@pytest.fixture(scope="session")
def rich(digits: Dataset) -> Outcome:
    return run(RICH, digits)
