"""Each dataset's own files: where they lie, which way up they are, and what labels they have."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import idx_bytes, made_up_digits, write_idx, write_npz

from digitcore.datasets import DataError, available, describe, load_dataset, registry

REAL = os.environ.get("DIGITCORE_DATA_DIR", "")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for all datasets, with made-up digits as MNIST in its subfolder."""
    made = tmp_path / "all"
    (made / "mnist").mkdir(parents=True)
    write_npz(made / "mnist" / "mnist.npz", made_up_digits())
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(made))
    return made


def real_folder(name: str) -> Path:
    """The folder with the real files of that dataset, beside MNIST's or below the same folder."""
    for place in (Path(REAL) / name, Path(REAL).parent / name):
        if REAL and place.is_dir():
            return place
    pytest.skip(f"DIGITCORE_DATA_DIR has no {name} in it or beside it")


def test_a_subfolder_for_each_dataset(folder: Path) -> None:
    assert available("mnist") == load_dataset().source == str(folder / "mnist")
    assert available("fashion-mnist") is None
    with pytest.raises(DataError) as caught:
        load_dataset("fashion-mnist", download=False)
    assert str(caught.value) == (
        "Fashion-MNIST is not on this machine yet. Download it, or put its files into the folder "
        "fashion-mnist of the one that DIGITCORE_DATA_DIR names."
    )
    (folder / "fashion-mnist").mkdir()
    write_idx(folder / "fashion-mnist", made_up_digits(seed=3), gz=True)
    assert available("fashion-mnist") == str(folder / "fashion-mnist")
    dataset = load_dataset("fashion-mnist")
    np.testing.assert_array_equal(dataset.test.images, made_up_digits(seed=3)[2])
    assert dataset.info.classes[9] == "Ankle boot"
    assert dataset.notice is not None
    assert "not Fashion-MNIST's" in dataset.notice


def test_caches_have_a_subfolder_for_each_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIGITCORE_DATA_DIR", raising=False)
    place = tmp_path / "keras" / "datasets" / "fashion-mnist"
    place.mkdir(parents=True)
    write_idx(place, made_up_digits(), gz=True)
    assert load_dataset("fashion-mnist").source == available("fashion-mnist") == str(place)


def test_real_fashion_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(real_folder("fashion-mnist").parent))
    dataset = load_dataset("fashion-mnist")
    assert dataset.notice is None
    assert [len(dataset.train), len(dataset.validation), len(dataset.test)] == [
        54_000,
        6_000,
        10_000,
    ]
    told = describe(dataset)
    assert told["classes"][0] == "T-shirt"
    assert told["splits"]["test"]["per_class"] == [1_000] * 10


def test_kmnist_without_its_training_images(monkeypatch: pytest.MonkeyPatch) -> None:
    place = real_folder("kmnist")
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(place.parent))
    for ask in (load_dataset, available):
        with pytest.raises(DataError) as caught:
            ask("kmnist")
        assert str(caught.value) == (
            f"{place} has IDX files, but lacks train-images-idx3-ubyte and "
            "train-labels-idx1-ubyte. Put Kuzushiji-MNIST there, or unset DIGITCORE_DATA_DIR to "
            "have it downloaded."
        )


@pytest.mark.parametrize(("name", "first"), [("emnist-letters", 1), ("emnist-balanced", 0)])
def test_emnist_is_turned_upright_and_its_labels_begin_at_zero(
    folder: Path, name: str, first: int
) -> None:
    info = registry.get(name)
    (folder / name).mkdir()
    upright = np.zeros((60, 28, 28), np.uint8)
    upright[:, 3:25, 5] = 255  # a stroke down, left of the middle
    labels = np.arange(60, dtype=np.uint8) % info.class_count
    for split in ("train", "test"):
        for kind, array in (
            ("images-idx3", upright.transpose(0, 2, 1)),
            ("labels-idx1", labels + np.uint8(first)),
        ):
            content = gzip.compress(idx_bytes(np.ascontiguousarray(array)))
            (folder / name / f"{name}-{split}-{kind}-ubyte.gz").write_bytes(content)
    dataset = load_dataset(name)
    np.testing.assert_array_equal(dataset.test.images, upright)
    np.testing.assert_array_equal(dataset.test.labels, labels)
    assert dataset.info.classes[int(labels[-1])] == ("H" if first else "C")


def test_labels_below_the_first_one_are_told(folder: Path) -> None:
    (folder / "emnist-letters").mkdir()
    write_idx(folder / "emnist-letters", made_up_digits())
    with pytest.raises(DataError, match=r"labels from 1 to 26\. Received: 0"):
        load_dataset("emnist-letters")


def write_exam(place: Path, images: np.ndarray, classes: np.ndarray) -> None:
    place.mkdir(exist_ok=True)
    content = gzip.compress(idx_bytes(images))
    (place / "qmnist-test-images-idx3-ubyte.gz").write_bytes(content)
    table = np.zeros((len(classes), 8), ">i4")
    table[:, 0], table[:, 2] = classes, 2_000  # the class, and who wrote it
    head = bytes([0, 0, 12, 2]) + b"".join(n.to_bytes(4, "big") for n in table.shape)
    (place / "qmnist-test-labels-idx2-int").write_bytes(head + table.tobytes())


@pytest.fixture
def exam_begins_at_40(monkeypatch: pytest.MonkeyPatch) -> None:
    known = replace(registry.get("qmnist"), exam_begins=40)
    monkeypatch.setitem(registry._registered, "qmnist", known)


@pytest.mark.usefixtures("exam_begins_at_40")
def test_qmnist_is_mnist_and_an_exam(folder: Path) -> None:
    with pytest.raises(DataError, match="QMNIST is not on this machine yet"):
        load_dataset("qmnist", download=False)
    _, _, images, labels = made_up_digits(test=100, seed=5)
    write_exam(folder / "qmnist", images, labels)
    assert available("qmnist") == str(folder / "qmnist")
    mnist, qmnist = load_dataset(), load_dataset("qmnist")
    assert mnist.exam is None
    assert qmnist.exam is not None
    np.testing.assert_array_equal(qmnist.exam.images, images[40:])
    np.testing.assert_array_equal(qmnist.exam.labels, labels[40:])
    assert not qmnist.exam.labels.flags.writeable
    assert qmnist.checksum == mnist.checksum
    np.testing.assert_array_equal(qmnist.train.images, mnist.train.images)
    assert describe(qmnist)["splits"]["exam"]["images"] == 60
    assert registry.get("mnist").exam == "qmnist"


@pytest.mark.usefixtures("exam_begins_at_40")
def test_an_exam_of_other_classes_is_told(folder: Path) -> None:
    _, _, images, labels = made_up_digits(test=100)
    write_exam(folder / "qmnist", images, labels + 1)
    with pytest.raises(DataError, match=r"classes from 0 to 9\. Received: 1 to 10"):
        load_dataset("qmnist")


def test_the_digits_of_scikit_learn_need_no_files(tmp_path: Path) -> None:
    dataset = load_dataset("digits", download=False)
    assert available("digits") == "scikit-learn"
    assert dataset.notice is None
    assert dataset.name == dataset.info.name == "digits"
    images = len(dataset.train) + len(dataset.validation)
    assert images == dataset.info.train_images
    assert len(dataset.test) == dataset.info.test_images


def test_a_wrong_shape_is_told(folder: Path) -> None:
    arrays = made_up_digits()
    (folder / "kmnist").mkdir()
    write_npz(folder / "kmnist" / "kmnist.npz", [arrays[0][:, 1:], *arrays[1:]])
    with pytest.raises(DataError, match=r"28×28 pixels. Received: uint8 \(200, 27, 28\)"):
        load_dataset("kmnist")
