"""Arrays are checked before they are unpacked, and nothing of ours runs what it reads."""

from __future__ import annotations

import ast
import gzip
import io
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from made_up import made_up_digits, write_idx, write_npz

from digitcore.datasets import formats
from digitcore.datasets.catalogue import MNIST
from digitcore.datasets.formats import DataError
from digitcore.jobs import checkpoints, networks
from digitcore.runs import Run, RunError

ROOT = Path(__file__).parents[2]


# --- arrays --------------------------------------------------------------------


def bomb(path: Path, name: str, size: int = 300_000_000) -> None:
    """A zip file of some hundred kilobytes that unpacks to `size`."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w") as part,
    ):
        for _ in range(size // 10_000_000):
            part.write(bytes(10_000_000))


def test_a_keras_file_is_not_unpacked_beyond_its_bound(run: Run) -> None:
    bomb(run.path / "model.keras", "model.weights.h5")
    with pytest.raises(RunError, match="would take 300,000,000 bytes, more than 250,000,000"):
        networks.load(run)


def claim(path: Path, names: tuple[str, ...], shape: tuple[int, ...], descr: str = "<f4") -> None:
    """An npz file whose headers claim arrays of that shape, with nothing behind them."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(100))


def refused_tables(run: Run) -> str:
    with pytest.raises(RunError, match=r"probabilities\.npz") as caught:
        run.probabilities()
    return str(caught.value)


def refused_checkpoint(run: Run) -> str:
    with pytest.raises(RunError, match="checkpoint") as caught:
        checkpoints.read(run)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "refused", "names"),
    [
        ("probabilities.npz", refused_tables, ("test", "validation")),
        ("checkpoint/last.npz", refused_checkpoint, ("meta", "variables/0")),
    ],
)
def test_arrays_that_claim_more_than_they_hold_are_refused(
    name: str, refused: Callable[[Run], str], names: tuple[str, ...], run: Run
) -> None:
    (run.path / name).parent.mkdir(exist_ok=True)
    claim(run.path / name, names, (10**6, 1000))
    assert "claims more than it holds" in refused(run)
    claim(run.path / name, names, (1,), "|O")
    assert "Python objects, which are not opened" in refused(run)


def test_arrays_are_not_unpacked_beyond_their_bound(run: Run) -> None:
    bomb(run.path / "probabilities.npz", "test.npy")
    begun = time.process_time()
    assert "would take 300,000,000 bytes" in refused_tables(run)
    assert time.process_time() - begun < 0.1


def test_digits_that_claim_more_than_they_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(tmp_path / "mnist.npz", formats.NPZ_KEYS, (10**12, 28, 28), "|u1")
    with pytest.raises(DataError, match="broken, or is not an npz file of plain arrays"):
        formats.read(formats.find(tmp_path, MNIST), MNIST)
    monkeypatch.setattr(formats, "MOST_BYTES", 1000)
    write_npz(tmp_path / "mnist.npz", made_up_digits())
    with pytest.raises(DataError, match="broken, or is not an npz file of plain arrays"):
        formats.read(formats.find(tmp_path, MNIST), MNIST)


def test_a_gzip_file_is_not_unpacked_beyond_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(tmp_path, made_up_digits(), gz=True)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    monkeypatch.setattr(formats, "MOST_BYTES", 1_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match="holds more than 1,000,000 bytes"):
        formats.read(formats.find(tmp_path, MNIST), MNIST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_nothing_of_ours_opens_a_pickle_or_makes_code_of_text() -> None:
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", "") or ""}
                assert not names & {"pickle", "cPickle", "marshal", "shelve", "joblib", "dill"}
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            options = {option.arg: ast.unparse(option.value) for option in node.keywords}
            where = f"{path.name}:{node.lineno}"
            assert called not in {"eval", "exec", "os.system", "keras.models.load_model"}, where
            assert options.get("shell") != "True", where
            assert options.get("unsafe_allow_html") != "True", where
            # The one script is a constant, into which a canvas's key is put, a word of the source.
            if options.get("unsafe_allow_javascript") == "True":
                assert ast.unparse(node.args[0]) == "_NAMED.format(key=key)", where
            if called.endswith((".load", ".read_array")) and called.startswith("np."):
                assert options["allow_pickle"] == "False", where


def sources() -> Iterator[Path]:
    yield ROOT / "streamlit_app.py"
    for folder in ("digitcore", "pages", "ui"):
        yield from (ROOT / folder).rglob("*.py")
