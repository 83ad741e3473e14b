"""What `explore.py` times: a server with one finished run, and runs beside it with other predictions."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from browser.app import App, serve

import digitcore
from digitcore.runs import Run


@contextlib.contextmanager
def fresh_app(exchanged: bool) -> Iterator[tuple[App, str]]:
    """The app with a run of `fast`, on MNIST or on MNIST with training and test images exchanged."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if exchanged:
            data, there = Path(folder) / "data", os.environ.get("DIGITCORE_DATA_DIR")
            _exchange(data)
            os.environ["DIGITCORE_DATA_DIR"] = str(data)
            stack.callback(lambda: _restore("DIGITCORE_DATA_DIR", there))
        models = Path(folder) / "models"
        models.mkdir()
        app = stack.enter_context(serve(models))
        # Of few images it learns in some epochs what else it knows after one: to be sure of most.
        epochs = "6" if exchanged else "1"
        yield app, str(app.digitcore("train", "--recipe", "fast", "--epochs", epochs)["run"])


def _exchange(folder: Path) -> None:
    mnist = digitcore.load_dataset(download=False, validation_split=1e-9)
    exchanged = {"train": [mnist.test], "test": [mnist.train, mnist.validation]}
    arrays = {
        f"{letter}_{name}": np.concatenate([getattr(one, of) for one in splits])
        for name, splits in exchanged.items()
        for letter, of in (("x", "images"), ("y", "labels"))
    }
    (folder / "mnist").mkdir(parents=True)
    np.savez(folder / "mnist" / "mnist.npz", **arrays)


def _restore(name: str, value: str | None) -> None:
    os.environ.pop(name)
    if value is not None:
        os.environ[name] = value


def another(run: Run, number: int) -> Run:
    """The run with another learning rate, and other probabilities of some hundred images."""
    copy = Run(run.path.with_name(f"20260101-0000{number:02}-compared-{number:04x}"))
    shutil.copytree(run.path, copy.path)
    recipe = run.recipe.changed(learning_rate=run.recipe.learning_rate * (1 + number / 100))
    (copy.path / "recipe.toml").write_text(recipe.to_toml())
    state = json.loads((copy.path / "state.json").read_text())
    (copy.path / "state.json").write_text(json.dumps({**state, "number": number}))
    with np.load(copy.path / "probabilities.npz") as file:
        tables = dict(file)
    chance = np.random.default_rng(number)
    for table in tables.values():
        some = chance.choice(len(table), len(table) // 50, replace=False)
        table[some] = np.roll(table[some], 1, axis=1)
    np.savez(copy.path / "probabilities.npz", **tables)
    return copy
