"""Which digits are found, in which order, and how they are cut into splits."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import made_up_digits, write_idx, write_npz

from digitcore import datasets
from digitcore.datasets import DataError, available, describe, load_dataset, locate, registry


@pytest.fixture(autouse=True)
def no_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGITCORE_DATA_DIR", raising=False)


def project_cache(tmp_path: Path) -> Path:
    folder = locate.cache_folder()
    assert folder.is_relative_to(tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keras_cache(tmp_path: Path) -> Path:
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# --- splits ------------------------------------------------------------------


def test_validation_is_the_last_fraction_of_the_training_images(small_data: Path) -> None:
    images, labels, test_images, test_labels = made_up_digits()
    dataset = load_dataset(validation_split=0.25)
    np.testing.assert_array_equal(dataset.train.images, images[:150])
    np.testing.assert_array_equal(dataset.train.labels, labels[:150])
    np.testing.assert_array_equal(dataset.validation.images, images[150:])
    np.testing.assert_array_equal(dataset.validation.labels, labels[150:])
    np.testing.assert_array_equal(dataset.test.images, test_images)
    np.testing.assert_array_equal(dataset.test.labels, test_labels)


@pytest.mark.parametrize(
    ("fraction", "used", "train", "validation"),
    [
        (0.1, 60_000, 180, 20),  # more than there are
        (0.1, 100, 90, 10),
        (0.01, 30, 29, 1),  # at least one
        (0.99, 2, 1, 1),  # and one to train on
        (0.145, 100, 86, 14),
    ],
)
def test_sizes(small_data: Path, fraction: float, used: int, train: int, validation: int) -> None:
    dataset = load_dataset(validation_split=fraction, training_images=used)
    assert (len(dataset.train), len(dataset.validation)) == (train, validation)
    assert len(dataset.test) == 40
    np.testing.assert_array_equal(dataset.train.images[0], made_up_digits()[0][0])


def test_arrays_are_read_only_and_shared(small_data: Path) -> None:
    first, second = load_dataset(), load_dataset()
    for split in (first.train, first.validation, first.test):
        assert split.images.dtype == split.labels.dtype == np.uint8
        with pytest.raises(ValueError, match="read-only"):
            split.images[0] = 0
        with pytest.raises(ValueError, match="read-only"):
            split.labels[0] = 0
    assert np.shares_memory(first.train.images, second.train.images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "cifar"}, r"A dataset is one of mnist, .* Received: cifar"),
        ({"validation_split": 0.0}, "Received: 0.0"),
        ({"validation_split": 1.0}, "Received: 1.0"),
        ({"validation_split": float("nan")}, "Received: nan"),
        ({"training_images": 1}, "Received: 1"),
    ],
)
def test_arguments_out_of_bounds(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_dataset(**arguments)


# --- where it is read from ---------------------------------------------------


def test_own_folder_comes_first(small_data: Path, tmp_path: Path) -> None:
    write_npz(project_cache(tmp_path) / "mnist.npz", made_up_digits(seed=1))
    dataset = load_dataset()
    assert dataset.source == available() == str(small_data)
    np.testing.assert_array_equal(dataset.test.images, made_up_digits()[2])


def test_a_changed_file_is_read_again(small_data: Path) -> None:
    before = load_dataset()
    write_npz(small_data / "mnist.npz", made_up_digits(train=300, seed=1))
    after = load_dataset()
    assert after.checksum != before.checksum
    assert len(after.train) == 270


def test_an_own_folder_that_is_missing_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_npz(project_cache(tmp_path) / "mnist.npz", made_up_digits())
    folder = tmp_path / "nowhere"
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(folder))
    for ask in (load_dataset, available):
        with pytest.raises(DataError) as caught:
            ask()
        assert str(folder) in str(caught.value)
        assert "No such file or directory" in str(caught.value)
        assert "unset DIGITCORE_DATA_DIR" in str(caught.value)


def test_own_folder_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match="not a folder that can be read"):
        load_dataset()


def test_own_folder_may_not_be_read(small_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    # Root, whom tests may run as, is refused nothing.
    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(DataError, match=r"Permission denied.*small data"):
        load_dataset()


def test_own_folder_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError, match=r"has neither mnist.npz nor MNIST's four IDX files"):
        load_dataset()


def test_an_idx_file_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path, made_up_digits())
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError, match="lacks t10k-labels-idx1-ubyte"):
        load_dataset()


def test_a_broken_file_in_an_own_folder_is_told(small_data: Path) -> None:
    (small_data / "mnist.npz").write_bytes(b"no zip")
    with pytest.raises(DataError) as caught:
        load_dataset()
    assert str(small_data / "mnist.npz") in str(caught.value)
    assert str(caught.value).endswith("unset DIGITCORE_DATA_DIR to have it downloaded.")
    assert (small_data / "mnist.npz").exists()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITCORE_DATA_DIR", "")
    assert available() is None
    assert load_dataset(download=False).notice


def test_project_cache_comes_before_keras(tmp_path: Path) -> None:
    write_npz(keras_cache(tmp_path) / "mnist.npz", made_up_digits(seed=2))
    assert load_dataset().source == available() == str(keras_cache(tmp_path))
    write_idx(project_cache(tmp_path), made_up_digits(seed=1), gz=True)
    assert load_dataset().source == available() == str(project_cache(tmp_path))
    np.testing.assert_array_equal(load_dataset().test.images, made_up_digits(seed=1)[2])


def test_broken_caches_are_passed_over_and_ours_is_cleared(tmp_path: Path) -> None:
    ours, theirs = (folder(tmp_path) / "mnist.npz" for folder in (project_cache, keras_cache))
    for file in (ours, theirs):
        file.write_bytes(b"PK half a file")
    assert available() is None
    assert load_dataset(download=False).name == "digits"
    assert not ours.exists()
    assert theirs.exists()


# --- notices, and the digits that are always there ---------------------------


def test_other_digits_than_mnist_are_noticed(
    small_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = load_dataset().notice
    assert notice is not None
    assert "not MNIST" in notice
    assert str(small_data) in notice
    known = replace(registry.get("mnist"), checksum=load_dataset().checksum)
    monkeypatch.setitem(registry._registered, "mnist", known)
    assert load_dataset().notice is None


def test_embedded_digits() -> None:
    dataset = load_dataset(download=False)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (1257, 140, 400)
    assert dataset.name == "digits"
    assert dataset.source == "scikit-learn's digits"
    assert dataset.notice is not None
    assert "1,797" in dataset.notice
    assert "because MNIST is not on this machine yet" in dataset.notice
    images = dataset.train.images
    assert images.shape[1:] == (28, 28)
    assert images.max() == 255
    frame = np.ones((28, 28), bool)
    frame[4:24, 4:24] = False
    assert not images[:, frame].any()
    # White ink on black, the right way up: a zero is dark in its middle, a one is not.
    mean = [images[dataset.train.labels == digit].mean(axis=0) for digit in (0, 1)]
    zero, one = (image[12:16, 13:15].mean() for image in mean)
    assert zero < 60
    assert one > 150


def test_no_source_at_all_gives_the_embedded_digits_and_the_reason() -> None:
    dataset = load_dataset()
    assert dataset.name == "digits"
    assert dataset.notice is not None
    assert "MNIST could not be downloaded" in dataset.notice
    assert "DIGITCORE_DATA_DIR" in dataset.notice


# --- description, weight, and MNIST itself -----------------------------------


def test_describe_is_plain_and_counts(small_data: Path) -> None:
    dataset = load_dataset()
    told = json.loads(json.dumps(describe(dataset)))
    assert told["source"] == str(small_data)
    assert told["checksum"] == dataset.checksum
    assert told["notice"] == dataset.notice
    assert told["splits"]["train"] == {"images": 180, "per_class": [18] * 10}
    assert told["splits"]["validation"] == {"images": 20, "per_class": [2] * 10}
    assert told["splits"]["test"] == {"images": 40, "per_class": [4] * 10}


def test_importing_and_reading_stays_light(small_data: Path) -> None:
    code = (
        "import sys; from digitcore.datasets import load_dataset; load_dataset(); "
        "heavy = {'tensorflow', 'keras', 'sklearn', 'scipy', 'PIL', 'requests', 'urllib.request'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).parents[1]
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"


def test_mnist_itself(mnist: datasets.Dataset) -> None:
    assert mnist.name == "mnist"
    assert mnist.notice is None
    assert [len(s) for s in (mnist.train, mnist.validation, mnist.test)] == [54_000, 6_000, 10_000]
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert describe(mnist)["splits"]["test"]["per_class"] == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
