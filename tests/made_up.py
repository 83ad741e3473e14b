"""Made-up digits, and the files they come in."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def made_up_digits(train: int = 200, test: int = 40, seed: int = 0) -> list[np.ndarray]:
    """Noise as images, and every digit in turn as labels: train, then test."""
    random = np.random.default_rng(seed)
    arrays = []
    for count in (train, test):
        arrays.append(random.integers(0, 256, (count, 28, 28), np.uint8))
        arrays.append((np.arange(count) % 10).astype(np.uint8))
    return arrays


def write_npz(path: Path, arrays: list[np.ndarray]) -> None:
    np.savez_compressed(
        path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True))
    )


def write_metrics(folder: Path, **others: Any) -> None:
    """A made-up `metrics.json` that vouches for the network in the run's folder."""
    numbers = (
        *(f"{split}_{what}" for split in ("test", "validation") for what in ("accuracy", "loss")),
        *("fit_seconds", "images_per_second", "parameters", "epochs"),
    )
    network = (folder / "model.tflite").read_bytes()
    metrics = {
        **dict.fromkeys(numbers, 0.5),
        **{f"{split}_interval": [0.4, 0.6] for split in ("test", "validation")},
        "network_checksum": hashlib.sha256(network).hexdigest(),
    }
    (folder / "metrics.json").write_text(json.dumps({**metrics, **others}))


def idx_bytes(array: np.ndarray) -> bytes:
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def write_idx(
    folder: Path, arrays: list[np.ndarray], *, dot: bool = False, gz: bool = False
) -> None:
    for stem, array in zip(NAMES, arrays, strict=True):
        name = f"{stem.replace('-idx', '.idx') if dot else stem}-ubyte{'.gz' if gz else ''}"
        content = idx_bytes(array)
        (folder / name).write_bytes(gzip.compress(content) if gz else content)
