"""Runs with made-up predictions, to be compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from digitcore import runs
from digitcore.runs import Run


def labels_of(split: str, data: Path) -> np.ndarray:
    """Labels of the made-up digits: 40 of test, or the last 20 of training."""
    name, begin = ("y_test", 0) if split == "test" else ("y_train", 180)
    return np.asarray(np.load(data / "mnist.npz")[name][begin:])


def run_that_errs(
    finished: str,
    data: Path,
    end: str,
    wrong: int,
    validation_split: float = 0.1,
    **recipe: object,
) -> Run:
    """A run like the finished one, whose id ends so, that errs on the first images of either split.

    Args:
        finished: the id of a run on the made-up digits.
        data: the folder with them.
        end: of the id.
        wrong: on how many of the 40 test images and of the last 20 training images it errs.
        validation_split: how much of the 200 training images validates.
        recipe: what else differs from the finished run's.
    """
    source = runs.load(finished)
    run = Run(Path(shutil.copytree(source.path, source.path.with_name(f"x-{end}"))))
    changed = run.recipe.changed(validation_split=validation_split, **recipe)
    (run.path / "recipe.toml").write_text(changed.to_toml())
    tables = {}
    for split in ("test", "validation"):
        labels = labels_of(split, data)
        guesses = np.where(np.arange(len(labels)) < wrong, (labels + 1) % 10, labels)
        tables[split] = np.eye(10, dtype=np.float32)[guesses]
    images = round(200 * validation_split)
    tables["validation"] = tables["validation"][-images:]
    np.savez(run.path / "probabilities.npz", **tables)
    values = json.loads((run.path / "metrics.json").read_text())
    values["validation_images"] = images
    (run.path / "metrics.json").write_text(json.dumps(values))
    return run
