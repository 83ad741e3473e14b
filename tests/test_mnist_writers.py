"""Who wrote MNIST's images is read from either file that says so."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from pages_of_runs import said, visit
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.datasets import Dataset, load_dataset
from digitcore.datasets.writers import NPZ, writers


def place(folder: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with MNIST, linked, and room for more."""
    folder.mkdir()
    (folder / "mnist").symlink_to(dataset.source)
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(folder))
    return folder


def idx(table: np.ndarray) -> bytes:
    head = bytes([0, 0, 0x0C, 2]) + np.array(table.shape, ">i4").tobytes()
    return gzip.compress(head + table.astype(">i4").tobytes())


def test_nobody_is_known_where_no_file_says_it_or_the_images_are_others(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path / "data", mnist, monkeypatch)
    assert writers(mnist) == {}
    monkeypatch.delenv("DIGITCORE_DATA_DIR")
    assert writers(load_dataset("digits")) == {}


def test_qmnists_labels_say_who_wrote_what(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place(tmp_path / "data", mnist, monkeypatch) / "qmnist"
    folder.mkdir()
    # QMNIST's test split begins with MNIST's, and goes on with the images of its exam.
    table = np.zeros((10_500, 8), np.int32)
    table[:, 2] = np.arange(10_500) // 40
    (folder / "qmnist-test-labels-idx2-int.gz").write_bytes(idx(table))
    found = writers(mnist)
    assert list(found) == ["test"]
    np.testing.assert_array_equal(found["test"], np.arange(10_000) // 40)


def test_an_npz_file_says_it_of_each_split_in_the_dataset_as_it_is_cut(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place(tmp_path / "data", mnist, monkeypatch)
    everyone = {"train_writer": np.arange(60_000), "test_writer": 60_000 + np.arange(10_000)}
    np.savez(folder / NPZ, **everyone)
    some = load_dataset("mnist", validation_split=0.25, training_images=8_000)
    found = writers(some)
    np.testing.assert_array_equal(found["train"], np.arange(6_000))
    np.testing.assert_array_equal(found["validation"], np.arange(6_000, 8_000))
    np.testing.assert_array_equal(found["test"], 60_000 + np.arange(10_000))


@pytest.mark.parametrize(
    "content",
    [b"", b"not an archive", "short", "real numbers"],
    ids=["empty", "garbled", "short", "real"],
)
def test_a_damaged_file_says_nothing_and_harms_nothing(
    content: bytes | str, mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = place(tmp_path / "data", mnist, monkeypatch) / NPZ
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        count = 9_999 if content == "short" else 10_000
        ids = np.arange(count) if content == "short" else np.linspace(0, 1, count)
        np.savez(file, train_writer=ids, test_writer=ids)
    assert writers(mnist) == {}


def test_the_real_file_names_people_of_whom_none_is_in_both_splits(mnist: Dataset) -> None:
    folder = Path(os.environ["DIGITCORE_DATA_DIR"])
    if not any((place / NPZ).exists() for place in (folder, folder / "mnist")):
        pytest.skip(f"{NPZ} is not in the data folder")
    found = writers(mnist)
    assert len(np.unique(found["test"])) == 297
    people = {split: set(ids.tolist()) for split, ids in found.items()}
    assert not people["test"] & (people["train"] | people["validation"])


def test_explore_counts_the_errors_of_the_shipped_run_by_writer(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place(tmp_path / "data", mnist, monkeypatch)
    np.savez(folder / NPZ, test_writer=np.arange(10_000) // 100)
    root = Path(__file__).parents[1]
    shutil.copytree(root / "models" / "reader", runs.models_dir() / "reader")
    app = AppTest.from_file(str(root / "streamlit_app.py"), default_timeout=60)
    app.query_params["run"] = "reader"
    app.run()
    app.switch_page("pages/explore.py").run()
    assert not app.exception
    table = runs.load("reader").probabilities()["test"]
    wrong = np.flatnonzero(table.argmax(axis=1) != mnist.test.labels)
    (box,) = [one for one in app.expander if one.label.startswith("Writers")]
    assert box.label == f"Writers: {len(set(wrong // 100))} of 100 have an error"
    assert not box.dataframe, "a closed box costs a page switch nothing"
    app.session_state["explore_writers"] = True
    app.run()
    (box,) = [one for one in app.expander if one.label.startswith("Writers")]
    assert "over writers" in box.markdown[0].value
    assert len(box.dataframe) == 1


def test_an_images_writer_is_told_with_how_the_others_were_predicted_and_can_be_selected(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place(tmp_path / "data", mnist, monkeypatch)
    np.savez(folder / NPZ, test_writer=np.arange(10_000) // 100)
    shutil.copytree(Path(__file__).parents[1] / "models" / "reader", runs.models_dir() / "reader")
    table = runs.load("reader").probabilities()["test"]
    wrong = table.argmax(axis=1) != mnist.test.labels
    image = int(np.flatnonzero(wrong)[0])
    writer = image // 100
    app = visit("explore", run="reader", images=str(image))
    assert not app.exception
    others = wrong[100 * writer : 100 * writer + 100].sum() - 1
    assert f"**Writer {writer}** · 99 other images, {others} wrong" in said(app)
    app.button(key="select_writer").click().run()
    assert not app.exception
    assert f"**All images · by writer {writer}** · 100 images" in said(app)
    assert app.query_params["writer"] in (str(writer), [str(writer)])
    assert "images" not in app.query_params
