"""The job "features": what a run's network makes of all images, as few numbers for each.

A map draws the first two, and the nearest training images are found by all of them. Principal
components are those of training images alone, so test and validation have the same axes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitcore import files
from digitcore.analysis.projection import Projection, principal_components
from digitcore.jobs.evaluate import is_current, opened
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.runs import Run, RunBrokenError, RunUnsuitableError
from digitcore.runs.features import Features

COMPONENTS = 32
MOST_TRAINING = 60_000
_MOST_FITTED = 2_000
_AT_ONCE = 500
# Features in memory at once: 64 MB as float64.
_MOST_VALUES = 8_000_000
_MOST_DIMENSION = 50_000
_MOST_BYTES = 50_000_000
_TABLES = ("test", "validation", "training")


@dataclass(frozen=True)
class Components:
    """Principal components of the features of a run's images.

    Attributes:
        network_checksum, data_checksum: SHA-256 (hex) of the network and of the dataset.
        explained: float64 (K,), the fraction of the variance along each component, 0 to 1.
        test, validation: float32 (N, K).
        training: float32 (T, K); T is 0 until they are computed.
        training_indices: int64 (T,), which training images these are: all, or `MOST_TRAINING` of
            them, evenly spaced.
    """

    network_checksum: str
    data_checksum: str
    explained: np.ndarray
    test: np.ndarray
    validation: np.ndarray
    training: np.ndarray
    training_indices: np.ndarray


def path_of(run: Run) -> Path:
    """The file that the job writes. It lies beside the job, as it is no result to be given to others."""
    return Job(run, "features").path / "features.npz"


def carry_out(run: Run, reporter: Reporter) -> Mapping[str, Any]:
    """Writes the components of test and validation, then again with those of the training images.

    Returns:
        When, of which network, how many features an image has, and the explained variance.

    Raises:
        StoppedError: somebody asked to stop.
        RunError: the run has no network, too large features, or other data than this machine has.
        DataError: the data is not on this machine.
        OSError: the file cannot be written.
    """
    dataset, features = opened(run, reporter, Features)
    if features.dimension > _MOST_DIMENSION:
        raise RunUnsuitableError(
            f"A map needs a network with at most {_MOST_DIMENSION:,} features before its last "
            f"layer: add pooling or a dense layer. Received: {features.dimension:,}"
        )
    fitted = spread(len(dataset.train), min(_MOST_FITTED, _MOST_VALUES // features.dimension))
    trained = spread(len(dataset.train), MOST_TRAINING)
    total = len(fitted) + len(dataset.test) + len(dataset.validation) + len(trained)
    each = _in_chunks(features, reporter, total)
    projection = principal_components(
        np.concatenate(list(each(dataset.train.images[fitted]))), COMPONENTS
    )

    def components(images: np.ndarray) -> np.ndarray:
        return _projected(projection, each(images))

    tables = {
        "network_checksum": np.array(features.checksum),
        "data_checksum": np.array(dataset.checksum),
        "explained": projection.explained,
        "test": components(dataset.test.images),
        "validation": components(dataset.validation.images),
    }
    # A map need not wait for what follows.
    _write(run, tables, np.empty((0, COMPONENTS), np.float32), trained[:0])
    _write(run, tables, components(dataset.train.images[trained]), trained)
    return {
        "time": time.time(),
        "network_checksum": features.checksum,
        "features": features.dimension,
        "explained": projection.explained.tolist(),
    }


def read(run: Run) -> Components | None:
    """What the job found for the network and the data that the run has now; None if nothing.

    Raises:
        RunError: the file is damaged.
    """
    try:
        arrays = files.read_arrays(path_of(run), _MOST_BYTES)
    except FileNotFoundError:
        return None
    except Exception as error:  # zipfile, zlib and NumPy each have errors of their own
        raise RunBrokenError(f"features.npz of run {run.id} cannot be read: {error}") from None
    try:
        found = Components(
            str(arrays["network_checksum"]),
            str(arrays["data_checksum"]),
            *(arrays[name] for name in ("explained", *_TABLES, "training_indices")),
        )
        _check(found)
    except (KeyError, ValueError) as error:
        raise RunBrokenError(f"features.npz of run {run.id} cannot be used: {error}") from None
    return found if is_current(run, found) else None


def spread(count: int, most: int) -> np.ndarray:
    """At most `most` of the indices of `count` things, int64, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _in_chunks(
    features: Features, reporter: Reporter, total: int
) -> Callable[[np.ndarray], Iterator[np.ndarray]]:
    done = 0
    at_once = max(1, min(_AT_ONCE, _MOST_VALUES // features.dimension))

    def chunks(images: np.ndarray) -> Iterator[np.ndarray]:
        nonlocal done
        for first in range(0, len(images), at_once):
            if reporter.stops():
                raise StoppedError
            yield features.of(images[first : first + at_once])
            done = min(total, done + at_once)
            reporter.progress(done, total)

    return chunks


def _projected(projection: Projection, chunks: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([projection(chunk) for chunk in chunks])


def _write(
    run: Run, tables: Mapping[str, np.ndarray], training: np.ndarray, indices: np.ndarray
) -> None:
    arrays: dict[str, Any] = {**tables, "training": training, "training_indices": indices}
    files.replace(path_of(run), lambda path: np.savez(path, **arrays))


def _check(components: Components) -> None:
    for name in _TABLES:
        table = getattr(components, name)
        if table.dtype != np.float32 or table.ndim != 2 or table.shape[1] != COMPONENTS:
            raise ValueError(f"{name} must be float32 (N, {COMPONENTS})")
        if not np.isfinite(table).all():
            raise ValueError(f"{name} must hold finite numbers")
    if components.explained.shape != (COMPONENTS,):
        raise ValueError(f"explained must be ({COMPONENTS},)")
    indices = components.training_indices
    if indices.dtype != np.int64 or indices.shape != (len(components.training),):
        raise ValueError("training_indices must be a place for each of training")
