"""What a training keeps of each epoch: what a file holds, its bound, and what is done about damage."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from made_up import SMALLEST

from digitcore import runs
from digitcore.runs import Run, RunBrokenError, kept_epochs
from digitcore.runs.kept_epochs import KeptEpoch

MOST = 1_000_000


@pytest.fixture
def run() -> Run:
    return runs.create(SMALLEST)


def epoch_of(value: float) -> KeptEpoch:
    weights = [np.full((28, 4), value, np.float32), np.array([value, 1e9], np.float32)]
    table = np.full((3, 10), 0.1, np.float32)
    return KeptEpoch(weights, np.eye(10, dtype=np.int64) * 7, np.array([0, 2, 5]), table)


def size() -> int:
    """Bytes that one such epoch counts for."""
    return 2 * 28 * 4 + 2 * 2 + 8 * 100 + 8 * 3 + 2 * 30 + 5 * kept_epochs._HEADER_BYTES


def test_an_epoch_is_what_was_written_but_for_its_last_digits(run: Run) -> None:
    kept_epochs.write(run, 3, epoch_of(0.1234), MOST)
    found = kept_epochs.read(run, 3)
    assert kept_epochs.numbers(run) == [3]
    assert [array.dtype for array in found.weights] == [np.float32, np.float32]
    np.testing.assert_allclose(found.weights[0], 0.1234, rtol=1e-3)
    np.testing.assert_allclose(found.weights[1], [0.1234, 65504], rtol=1e-3)
    np.testing.assert_array_equal(found.confusion, np.eye(10) * 7)
    np.testing.assert_array_equal(found.watched, [0, 2, 5])
    np.testing.assert_allclose(found.probabilities, 0.1, rtol=1e-3)


def test_a_file_takes_no_more_than_it_counts_for(run: Run) -> None:
    kept_epochs.write(run, 1, epoch_of(1), MOST)
    assert (run.path / "epochs" / "0001.npz").stat().st_size <= size() + 300


@pytest.mark.parametrize(
    ("last", "most", "stay"),
    [
        (4, 4, [1, 2, 3, 4]),
        (5, 4, [1, 3, 5]),
        (6, 4, [1, 3, 5, 6]),
        (8, 4, [1, 5, 8]),
        (100, 5, [1, 33, 65, 97, 100]),
        (1, 2, [1]),
        (9, 2, [1, 9]),
        (9, 1, []),
        (9, 0, []),
        (1, 0, []),
    ],
)
def test_the_first_the_last_and_evenly_spaced_ones_between_stay(
    last: int, most: int, stay: list[int]
) -> None:
    assert kept_epochs.fitting(last, most) == stay


def test_an_epoch_that_stays_was_kept_before() -> None:
    for most in range(2, 12):
        kept: set[int] = set()
        for last in range(1, 150):
            kept = {*kept, last} & set(kept_epochs.fitting(last, most))
            assert sorted(kept) == kept_epochs.fitting(last, most)
            assert {1, last} <= kept
            assert len(kept) <= most


def test_the_files_of_a_run_stay_within_their_bound(run: Run) -> None:
    for epoch in range(1, 30):
        kept_epochs.write(run, epoch, epoch_of(epoch), 6 * size())
        assert len(kept_epochs.numbers(run)) <= 6
    assert kept_epochs.numbers(run) == [1, 9, 17, 25, 29]
    assert kept_epochs.read(run, 17).weights[0][0, 0] == 17


def test_of_a_network_of_which_two_do_not_fit_nothing_is_kept(run: Run) -> None:
    kept_epochs.write(run, 1, epoch_of(1), 2 * size() - 1)
    kept_epochs.write(run, 1, epoch_of(1), 0)
    assert not (run.path / "epochs").exists()


def test_a_resumed_run_writes_its_last_epoch_again_and_goes_on(run: Run) -> None:
    for epoch in (1, 2, 2, 3):
        kept_epochs.write(run, epoch, epoch_of(epoch), MOST)
    assert kept_epochs.numbers(run) == [1, 2, 3]


def test_the_bound_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGITCORE_EPOCHS_MB", raising=False)
    assert kept_epochs.most_bytes() == 16_000_000
    for text, most in (("0", 0), ("200", 200_000_000)):
        monkeypatch.setenv("DIGITCORE_EPOCHS_MB", text)
        assert kept_epochs.most_bytes() == most
    for text in ("-1", "many", "10001", "9" * 5000):
        monkeypatch.setenv("DIGITCORE_EPOCHS_MB", text)
        with pytest.raises(ValueError, match="a number from 0 to 10000"):
            kept_epochs.most_bytes()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights/0", np.full((28, 4), np.nan, np.float16)),
        ("weights/0", None),
        ("confusion", np.zeros((9, 10), np.int64)),
        ("confusion", np.full((10, 10), -1)),
        ("confusion", np.zeros((10, 10))),
        ("watched", np.zeros((2, 2), np.int64)),
        ("probabilities", np.zeros((3, 9), np.float16)),
    ],
)
def test_a_file_that_holds_something_else_is_an_error(
    run: Run, name: str, value: np.ndarray | None
) -> None:
    kept_epochs.write(run, 1, epoch_of(1), MOST)
    path = run.path / "epochs" / "0001.npz"
    with np.load(path) as file:
        arrays = {**file, name: value}
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    with pytest.raises(RunBrokenError, match=f"Epoch 1 of run {run.id} cannot be read"):
        kept_epochs.read(run, 1)


def test_damaged_and_missing_files_are_told_and_others_passed_over(run: Run) -> None:
    assert kept_epochs.numbers(run) == []
    folder = run.path / "epochs"
    folder.mkdir()
    for name in ("0001.npz", "0002.npy", ".tmp-x.npz", "one.npz", "12.npz"):
        (folder / name).write_bytes(b"none")
    assert kept_epochs.numbers(run) == [1]
    for epoch, reason in ((1, "not a zip file"), (2, "it is missing")):
        with pytest.raises(RunBrokenError, match=reason):
            kept_epochs.read(run, epoch)


def test_they_are_none_of_the_files_that_are_given_to_others(run: Run) -> None:
    kept_epochs.write(run, 1, epoch_of(1), MOST)
    given = io.BytesIO()
    runs.write_zip([run], given)
    assert not any("epochs" in name for name in zipfile.ZipFile(given).namelist())
    assert Path(run.path / "epochs" / "0001.npz").exists()
