"""Fixtures of all tests: folders of their own, made-up digits, and MNIST where it is at hand."""

from __future__ import annotations

import gc
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import streamlit as st
from browser.app import chromium, find_chromium
from made_up import SMALLEST, blurred, made_up_digits, sheet, write_metrics, write_npz
from no_skips import pytest_make_collect_report, pytest_runtest_makereport, required  # noqa: F401
from PIL import Image
from playwright.sync_api import Browser, expect
from studio import Studio, ended

from digitcore import datasets, runs
from digitcore.datasets import registry
from digitcore.jobs import queue
from digitcore.runs import Run

# A look for garbage goes through all modules, which are hundreds of thousands of objects with TensorFlow's:
# with Python's own thresholds that is a twentieth of the tests' time.
gc.set_threshold(50_000, 50, 100)


def skip_or_fail(reason: str) -> NoReturn:
    """Skips the test; where DIGITCORE_REQUIRE_ALL=1 says that nothing may be missing, it fails."""
    if required():  # before whatever else the test waits for
        pytest.fail(f"DIGITCORE_REQUIRE_ALL=1, but {reason}", pytrace=False)
    pytest.skip(reason)


# Files run beside each other, each in one process, as its tests use what the first has trained and
# started. The slowest go first, so that both sides end at about the same time.
SLOWEST = ("browser", "faults", "test_worker", "test_every_flag", "test_fine_tuning", "training")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    if config.getoption("dist", "no") != "no" or hasattr(config, "workerinput"):
        items.sort(key=rank)


def rank(item: pytest.Item) -> int:
    """Where among the others a test begins; the order within a rank stays as it is."""
    names = (item.path.stem, item.path.parent.name)
    return next((place for place, name in enumerate(SLOWEST) if name in names), len(SLOWEST))


@pytest.fixture(name="skip_or_fail", scope="session")
def _skip_or_fail() -> Callable[[str], NoReturn]:
    return skip_or_fail


@pytest.fixture(scope="session", autouse=True)
def no_core_files() -> None:
    """Workers that tests kill leave no image of their memory, whatever the shell allows."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


@pytest.fixture(scope="session", autouse=True)
def keras_is_left_alone() -> Iterator[None]:
    """Streamlit clears Keras's session after each look at a page, and with it tidies up all memory of
    the process. In a server, which never has Keras, there is nothing to clear."""
    module = "streamlit.runtime.scriptrunner.script_runner"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{module}._clean_problem_modules", lambda: None)
        yield


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The one Chromium of all tests: Playwright drives no second one in the same process.

    Its camera looks at a sheet of paper with the number 240.
    """
    path = find_chromium()
    if path is None:
        skip_or_fail("Chromium is not installed")
    camera = tmp_path_factory.mktemp("camera") / "sheet.mjpeg"
    # MJPEG is one JPEG after the other; it is shown from its beginning when it has ended.
    Image.fromarray(blurred(sheet([2, 4, 0]))).convert("RGB").save(camera, "JPEG", quality=90)
    expect.set_options(timeout=60_000)  # a slow machine is no fault
    with chromium(path, camera) as browser:
        yield browser


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes a person's runs or caches, or downloads anything."""
    monkeypatch.setenv("DIGITCORE_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.delenv("DIGITCORE_WORKERS", raising=False)
    # A page that a test visits makes the process that it is in a server.
    monkeypatch.setattr(queue, "_stays_warm", [False])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in registry.names():
        offline = replace(registry.get(name), sources=())
        monkeypatch.setitem(registry._registered, name, offline)


@pytest.fixture(scope="session")
def mnist() -> datasets.Dataset:
    """MNIST itself, from DIGITCORE_DATA_DIR."""
    folder = os.environ.get("DIGITCORE_DATA_DIR")
    if not folder:
        skip_or_fail("DIGITCORE_DATA_DIR is not set to a folder with MNIST")
    dataset = datasets.load_dataset()
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


@pytest.fixture
def fresh_pages(small_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pages without what earlier tests left in the process's caches; no worker is started for them."""
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(scope="session")
def _trained_on_made_up_digits(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of one epoch on the made-up digits, by a real worker; to be copied."""
    folder = tmp_path_factory.mktemp("trained")
    write_npz(folder / "mnist.npz", made_up_digits())
    told = Studio(folder, folder).call("train", "--epochs", "1")
    return Run(folder / "models" / told["run"])


@pytest.fixture
def finished(small_data: Path, _trained_on_made_up_digits: Run) -> str:
    """The id of a run in this test's models folder that a real worker trained on `small_data`."""
    trained = _trained_on_made_up_digits
    run = Run(shutil.copytree(trained.path, runs.models_dir() / trained.id))
    run.update(data_folder=str(small_data))
    return run.id


@pytest.fixture(scope="session")
def tflite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An untrained network of the recipe `SMALLEST`."""
    # Here, because most tests need no TensorFlow.
    import keras

    from digitcore.training import network

    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("network") / "model.tflite"
    network.build(SMALLEST).export(path, format="litert", verbose=False)
    return path.read_bytes()


@pytest.fixture
def answering(tflite: bytes) -> Run:
    """A run whose network answers."""
    run = runs.create(SMALLEST)
    (run.path / "model.tflite").write_bytes(tflite)
    write_metrics(run.path, parameters=SMALLEST.parameters)
    run.update(status="finished")
    return run


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with scikit-learn's digits in the shape of MNIST."""
    folder = tmp_path_factory.mktemp("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DIGITCORE_DATA_DIR", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("KERAS_HOME", str(folder))
        found = datasets.load_dataset(download=False)
    splits = [found.train, found.validation]
    images = np.concatenate([one.images for one in splits])
    labels = np.concatenate([one.labels for one in splits])
    write_npz(folder / "mnist.npz", [images, labels, found.test.images, found.test.labels])
    return folder


@pytest.fixture(scope="module")
def studios(
    tmp_path_factory: pytest.TempPathFactory, digits: Path
) -> Iterator[Callable[[], Studio]]:
    """Makes studios, and sees to it that no process of theirs is left behind."""
    made: list[Studio] = []

    def make() -> Studio:
        made.append(Studio(tmp_path_factory.mktemp("studio"), digits))
        return made[-1]

    yield make
    left = [process for studio in made for process in ended(studio.workers)]
    for process in left:
        process.kill()
    assert left == []


@pytest.fixture
def studio(studios: Callable[[], Studio]) -> Studio:
    return studios()
