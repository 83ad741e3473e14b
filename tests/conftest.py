"""Fixtures of all tests: folders of their own, made-up digits, and MNIST where it is at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from made_up import made_up_digits, write_npz

from digitcore import data, download


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
