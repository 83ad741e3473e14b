"""Fixtures of all tests: folders of their own, made-up digits, and MNIST where it is at hand."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from digitcore import data, download

NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def skip_or_fail(reason: str) -> NoReturn:
    """Skips the test, or fails it where DIGITCORE_REQUIRE_ALL=1 says that nothing may be missing."""
    if os.environ.get("DIGITCORE_REQUIRE_ALL") == "1":
        pytest.fail(f"DIGITCORE_REQUIRE_ALL=1, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(name="skip_or_fail", scope="session")
def _skip_or_fail() -> Callable[[str], NoReturn]:
    return skip_or_fail


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes a person's runs or caches, or downloads anything."""
    monkeypatch.setenv("DIGITCORE_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(download, "SOURCES", ())


@pytest.fixture(scope="session")
def mnist() -> data.Dataset:
    """MNIST itself, from DIGITCORE_DATA_DIR."""
    folder = os.environ.get("DIGITCORE_DATA_DIR")
    if not folder:
        skip_or_fail("DIGITCORE_DATA_DIR is not set to a folder with MNIST")
    dataset = data.load_dataset()
    if dataset.notice:
        skip_or_fail(dataset.notice)
    return dataset


@pytest.fixture
def small_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DIGITCORE_DATA_DIR is set to this folder: 200 made-up training images and 40 test images."""
    folder = tmp_path / "small data"
    folder.mkdir()
    write_npz(folder / "mnist.npz", made_up_digits())
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(folder))
    return folder


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
