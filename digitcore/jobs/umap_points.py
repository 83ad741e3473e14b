"""The job "umap": where UMAP puts each image of a run, by its network's features.

It begins with their principal components, which the job "features" keeps. Test and validation are
arranged together, so that both have the same map. With its fixed seed, the same features give the same
map; that is also why UMAP uses one core only.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitcore import files
from digitcore.analysis import projection
from digitcore.jobs import features
from digitcore.jobs.evaluate import is_current
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.runs import Run, RunBrokenError

_MOST_BYTES = 5_000_000


@dataclass(frozen=True)
class UmapPoints:
    """Where UMAP puts each image.

    Attributes:
        network_checksum, data_checksum: SHA-256 (hex) of the network and of the dataset.
        test, validation: float32 (N, 2).
    """

    network_checksum: str
    data_checksum: str
    test: np.ndarray
    validation: np.ndarray


def path_of(run: Run) -> Path:
    """The file that the job writes. It lies beside the job, as it is no result to be given to others."""
    return Job(run, "umap").path / "umap.npz"


def carry_out(run: Run, reporter: Reporter) -> Mapping[str, Any]:
    """Writes the points.

    Returns:
        When, of which network, and of how many images.

    Raises:
        StoppedError: somebody asked to stop; once the points are being arranged, that waits for it.
        UmapMissingError: umap-learn is not installed.
        RunError, DataError: as the job "features" raises them.
        OSError: the file cannot be written.
    """
    projection.check_umap()
    known = features.read(run)
    if known is None:
        features.path_of(run).parent.mkdir(exist_ok=True)
        features.carry_out(run, reporter)
        known = features.read(run)
    if known is None:
        raise RunBrokenError(f"The run {run.id} was trained on while its features were computed.")
    reporter.stage("arranging")
    if reporter.stops():
        raise StoppedError
    points = projection.umap_points(np.concatenate([known.test, known.validation]))
    if reporter.stops():
        raise StoppedError
    arrays: dict[str, Any] = {
        "network_checksum": np.array(known.network_checksum),
        "data_checksum": np.array(known.data_checksum),
        "test": points[: len(known.test)],
        "validation": points[len(known.test) :],
    }
    files.replace(path_of(run), lambda path: np.savez(path, **arrays))
    return {
        "time": time.time(),
        "network_checksum": known.network_checksum,
        "images": len(points),
    }


def read(run: Run) -> UmapPoints | None:
    """What the job found for the network and the data that the run has now; None if nothing.

    Raises:
        RunError: the file is damaged.
    """
    try:
        arrays = files.read_arrays(path_of(run), _MOST_BYTES)
        tables = {name: arrays[name] for name in ("test", "validation")}
        found = UmapPoints(str(arrays["network_checksum"]), str(arrays["data_checksum"]), **tables)
        for name, table in tables.items():
            if table.dtype != np.float32 or table.ndim != 2 or table.shape[1] != 2:
                raise ValueError(f"{name} must be float32 (N, 2)")
            if not np.isfinite(table).all():
                raise ValueError(f"{name} must hold finite numbers")
    except FileNotFoundError:
        return None
    except Exception as error:  # zipfile, zlib and NumPy each have errors of their own
        raise RunBrokenError(f"umap.npz of run {run.id} cannot be used: {error}") from None
    return found if is_current(run, found) else None
