"""What may be in a folder of digits, and how each fault is told."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_up import idx_bytes, made_up_digits, write_idx, write_npz

from digitcore.datasets import catalogue, formats
from digitcore.datasets.formats import DataError
from digitcore.datasets.info import DatasetInfo

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def read(folder: Path, info: DatasetInfo = catalogue.MNIST) -> formats.Contents:
    return formats.read(formats.find(folder, info), info)


def fault(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(folder)
    return str(caught.value)


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("dot", [False, True])
def test_both_spellings_plain_or_gzip(tmp_path: Path, dot: bool, gz: bool) -> None:
    arrays = made_up_digits()
    write_idx(tmp_path, arrays, dot=dot, gz=gz)
    for found, expected in zip(read(tmp_path), arrays, strict=False):
        np.testing.assert_array_equal(found, expected)


def test_checksum_is_of_the_digits_and_not_of_the_file_format(tmp_path: Path) -> None:
    arrays = made_up_digits()
    checksums = set()
    for name, write in (
        ("npz", lambda folder: write_npz(folder / "mnist.npz", arrays)),
        (
            "fortran",
            lambda folder: write_npz(folder / "mnist.npz", [*map(np.asfortranarray, arrays)]),
        ),
        ("plain", lambda folder: write_idx(folder, arrays)),
        ("gzip", lambda folder: write_idx(folder, arrays, gz=True)),
    ):
        folder = tmp_path / name
        folder.mkdir()
        write(folder)
        checksums.add(read(folder).checksum)
    assert len(checksums) == 1
    write_npz(tmp_path / "mnist.npz", made_up_digits(seed=1))
    assert read(tmp_path).checksum not in checksums


def test_npz_goes_before_idx(tmp_path: Path) -> None:
    write_idx(tmp_path, made_up_digits(seed=1))
    write_npz(tmp_path / "mnist.npz", made_up_digits())
    np.testing.assert_array_equal(read(tmp_path).train_images, made_up_digits()[0])


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    assert formats.find(tmp_path, catalogue.MNIST) == ()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (IMAGES, lambda whole: b"", "Received: nothing, the file is empty"),
        (IMAGES, lambda whole: b"\0\0\x0d\x03" + whole[4:], "Received: 00 00 0d 03"),
        (IMAGES, lambda whole: whole[:-1], "cut short"),
        (IMAGES, lambda whole: whole[:9], "cut short"),
        (IMAGES, lambda whole: whole + b"\0", "too long"),
        (IMAGES, gzip.compress, "does not begin as an IDX file"),
        (LABELS, lambda whole: idx_bytes(np.zeros(199, np.uint8)), "200 images and 199 labels"),
        (LABELS, lambda whole: whole[:-1] + b"\x0a", "labels from 0 to 9. Received: 10"),
        (LABELS, lambda whole: b"\0\0\x08\x03" + whole[4:], "with 1 axes"),
        (IMAGES, lambda whole: idx_bytes(np.zeros((200, 28, 27), np.uint8)), "(200, 28, 27)"),
        (IMAGES, lambda whole: idx_bytes(np.zeros((9, 28, 28), np.uint8)), "10 images or more"),
    ],
)
def test_a_broken_idx_file(
    tmp_path: Path, name: str, content: Callable[[bytes], bytes], told: str
) -> None:
    write_idx(tmp_path, made_up_digits())
    file = tmp_path / name
    file.write_bytes(content(file.read_bytes()))
    assert told in fault(tmp_path)
    assert str(file) in fault(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda whole: whole[:-20], "cut short"),
        (lambda whole: b"", "empty"),
        (gzip.decompress, "not a gzip file"),
        (lambda whole: whole[:10] + bytes(40) + whole[50:], "broken"),
        (lambda whole: whole[:-8] + bytes(8), "broken"),  # checksum and length
    ],
)
def test_a_broken_gzip_file(tmp_path: Path, content: Callable[[bytes], bytes], told: str) -> None:
    write_idx(tmp_path, made_up_digits(), gz=True)
    file = tmp_path / f"{IMAGES}.gz"
    file.write_bytes(content(file.read_bytes()))
    assert told in fault(tmp_path)
    assert str(file) in fault(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        lambda whole: b"",
        lambda whole: b"not a zip file at all",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:2000] + bytes(500) + whole[2500:],
    ],
)
def test_a_broken_npz_file(tmp_path: Path, content: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "mnist.npz"
    write_npz(file, made_up_digits())
    file.write_bytes(content(file.read_bytes()))
    assert fault(tmp_path) == f"{file} is broken, or is not an npz file of plain arrays"


def test_an_npz_file_without_the_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros(3))
    assert "lacks one of the arrays x_train, y_train, x_test, y_test" in fault(tmp_path)


def test_an_npz_file_with_pickles_is_not_opened(tmp_path: Path) -> None:
    images, _, test_images, test_labels = made_up_digits()
    arrays = [images, np.array([{}] * len(images)), test_images, test_labels]
    write_npz(tmp_path / "mnist.npz", arrays)
    assert "npz file of plain arrays" in fault(tmp_path)


@pytest.mark.parametrize(
    ("position", "change", "told"),
    [
        (0, lambda a: a / 255, "x_train in"),
        (0, lambda a: a[..., None], "Received: uint8 (200, 28, 28, 1)"),
        (1, lambda a: a.astype(np.int64), "Received: int64 (200,)"),
        (1, lambda a: np.eye(10, dtype=np.uint8)[a], "Received: uint8 (200, 10)"),
        (3, lambda a: a + np.uint8(1), "y_test in"),
    ],
)
def test_an_npz_file_of_other_arrays(
    tmp_path: Path, position: int, change: Callable[[np.ndarray], np.ndarray], told: str
) -> None:
    arrays = made_up_digits()
    arrays[position] = change(arrays[position])
    write_npz(tmp_path / "mnist.npz", arrays)
    assert told in fault(tmp_path)
    assert str(tmp_path / "mnist.npz") in fault(tmp_path)


@pytest.mark.parametrize("name", ["mnist.npz", IMAGES, f"{LABELS}.gz"])
def test_a_folder_where_a_file_should_be(tmp_path: Path, name: str) -> None:
    write_idx(tmp_path, made_up_digits())
    (tmp_path / name.removesuffix(".gz")).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    assert fault(tmp_path) == f"{tmp_path / name} cannot be read: Is a directory"


def test_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").symlink_to(tmp_path / "gone")
    assert fault(tmp_path) == f"{tmp_path / 'mnist.npz'} cannot be read: No such file or directory"
