"""A training that an earlier version did, repeated and resumed to the same end.

`data/earlier_training/` was written by the version before the packages of `digitcore`, with all that
decides a step: augmentation, synthetic digits and outliers, a teacher, the EMA, and a schedule.
On the machine that wrote it the bits are the same; other processors round otherwise. `synthetic.npz`
has the synthetic images of that version, as ways of writing have been added since.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitcore import training
from digitcore.datasets import Dataset, Split
from digitcore.drawing import synthetic
from digitcore.jobs import checkpoints
from digitcore.recipes import Recipe
from digitcore.runs import Run
from digitcore.training.distillation import Teacher
from digitcore.training.state import Checkpoint

EARLIER = Path(__file__).parents[1] / "data" / "earlier_training"
RECIPE = Recipe.load(EARLIER / "recipe.toml")
STEPS_PER_EPOCH = 8


def split(count: int, seed: int) -> Split:
    """Noise with a bright block, whose place is the class."""
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = np.random.default_rng(seed).integers(0, 64, (count, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = 4 + 10 * (label // 5), 2 + 5 * (label % 5)
        image[row : row + 8, column : column + 4] = 255
    return Split(images, labels)


@pytest.fixture(autouse=True)
def its_synthetic_images(monkeypatch: pytest.MonkeyPatch) -> None:
    with np.load(EARLIER / "synthetic.npz") as file:
        images = tuple(file[name] for name in ("images", "labels", "is_outlier"))
    wanted = (RECIPE.synthetic_digits, RECIPE.synthetic_outliers, RECIPE.seed)

    def of_that_version(*arguments: object) -> tuple[np.ndarray, ...]:
        assert arguments[: len(wanted)] == wanted
        return images

    monkeypatch.setattr(synthetic, "images", of_that_version)


@Teacher
def teacher(images: np.ndarray) -> np.ndarray:
    """How bright each of the ten blocks is."""
    blocks = images[:, 4::10][:, :2, 4::5][:, :, :5].reshape(len(images), 10) + 1.0
    return blocks / blocks.sum(axis=1, keepdims=True)


def train(resume_from: Checkpoint | None = None) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
    """The weights that are kept, and the curves."""
    told: list[dict[str, Any]] = []
    dataset = Dataset(
        name="made-up",
        train=split(200, 1),
        validation=split(60, 2),
        test=split(1, 3),
        source="",
        checksum="made-up",
        notice=None,
    )
    trained = training.train(RECIPE, dataset, told.append, resume_from=resume_from, teacher=teacher)
    return trained.model.get_weights(), [e for e in told if e["kind"] in ("batch", "epoch")]


def assert_same_end(
    weights: list[np.ndarray], curves: list[dict[str, Any]], first_step: int = 0
) -> None:
    with np.load(EARLIER / "weights.npz") as earlier:
        assert len(weights) == len(earlier.files)
        for weight, name in zip(weights, earlier.files, strict=True):
            np.testing.assert_allclose(weight, earlier[name], atol=2e-5)
    expected = json.loads((EARLIER / "curve.json").read_text())
    expected = [event for event in expected if event["step"] > first_step]
    assert len(curves) == len(expected)
    for event, before in zip(curves, expected, strict=True):
        assert {key: event[key] for key in before} == pytest.approx(before, abs=2e-5)


def test_the_same_recipe_ends_with_the_earlier_versions_weights_and_curves() -> None:
    assert_same_end(*train())


def test_a_checkpoint_of_the_earlier_version_resumes_to_the_same_end() -> None:
    checkpoint = checkpoints.read(Run(EARLIER))
    assert checkpoint is not None
    assert (checkpoint.epoch, checkpoint.batch, checkpoint.step) == (1, 3, STEPS_PER_EPOCH + 3)
    assert checkpoint.compilation_seconds > 0
    assert len(checkpoint.ema) == len(checkpoint.best_weights) == 10
    assert_same_end(*train(checkpoint), first_step=checkpoint.step)


def test_a_checkpoint_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    checkpoint = checkpoints.read(Run(EARLIER))
    assert checkpoint is not None
    kept = copy.deepcopy(checkpoint)
    checkpoints.write(Run(tmp_path), checkpoint)
    again = checkpoints.read(Run(tmp_path))
    assert again is not None
    for name, value in vars(kept).items():
        if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
            for one, other in zip(value, getattr(again, name), strict=True):
                np.testing.assert_array_equal(one, other)
        else:
            assert getattr(again, name) == value
