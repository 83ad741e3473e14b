"""Recipes' networks on LiteRT: the same answers as Keras', whoever asks, and errors in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from made_up import write_metrics
from networks import EVERY_KIND, GLOBAL_POOL, every_recipe, images, shuffled

from digitcore import runs
from digitcore.recipes import Recipe
from digitcore.runs import RunError
from digitcore.runs.features import Features
from digitcore.runs.predictor import Predictor
from digitcore.training import network


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], Any]:
    """From a recipe to its Keras model and the `.tflite` file made from it."""
    made: dict[str, tuple[keras.Model, Path]] = {}

    def export(recipe: Recipe) -> tuple[keras.Model, Path]:
        if recipe.name not in made:
            keras.utils.set_random_seed(0)
            model = shuffled(network.build(recipe))
            path = tmp_path_factory.mktemp(recipe.name) / "model.tflite"
            model.export(path, format="litert", verbose=False)
            made[recipe.name] = model, path
        return made[recipe.name]

    return export


@every_recipe
def test_litert_answers_as_keras_does(
    recipe: Recipe, exported: Callable[[Recipe], tuple[keras.Model, Path]]
) -> None:
    model, path = exported(recipe)
    predictor = Predictor(path)
    for count in (7, 1, 64):
        table = predictor.probabilities(images(count, seed=count))
        assert table.dtype == np.float32
        np.testing.assert_allclose(table, model(images(count, seed=count)), atol=1e-5)
    assert np.ptp(table, axis=0).max() > 1e-4  # ten times the tolerance


@every_recipe
def test_features_are_what_keras_gives_to_the_last_dense_layer(
    recipe: Recipe, exported: Callable[[Recipe], tuple[keras.Model, Path]]
) -> None:
    model, path = exported(recipe)
    inner = keras.Model(model.input, model.get_layer("logits").input)
    features = Features(path)
    for count in (7, 120):
        given = images(count, seed=count)
        table = features.of(given)
        assert (table.dtype, table.shape) == (np.float32, (count, features.dimension))
        np.testing.assert_allclose(table, inner(given), atol=1e-5, rtol=1e-4)
        # Beside the features it predicts what the predictor predicts.
        np.testing.assert_allclose(features.probabilities(given), model(given), atol=1e-5)
    assert np.ptp(table, axis=0).max() > 1e-3
    assert features.of(images(0)).shape == (0, features.dimension)


def test_features_asked_for_by_many_threads_are_each_thread_s_own(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    features = Features(exported(EVERY_KIND)[1])
    given = [images(5 + k, seed=k) for k in range(12)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(features.of, given))
    for table, asked in zip(found, given, strict=True):
        np.testing.assert_allclose(table, features.of(asked), atol=1e-6)


def test_features_take_the_images_that_a_predictor_takes(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    with pytest.raises(ValueError, match="Images must be uint8"):
        Features(exported(GLOBAL_POOL)[1]).of(images(2).astype(np.float32))
    run = runs.create(GLOBAL_POOL)
    with pytest.raises(RunError, match="no network to predict with yet"):
        Features(run)


def test_a_network_without_a_dense_layer_at_its_end_has_no_features(tmp_path: Path) -> None:
    inputs = keras.Input((28, 28), dtype="uint8")
    rows = keras.ops.mean(keras.ops.cast(inputs, "float32"), axis=1)
    path = tmp_path / "model.tflite"
    keras.Model(inputs, rows).export(path, format="litert", verbose=False)
    assert Predictor(path).classes == 28
    with pytest.raises(RunError, match="ends in a dense layer and softmax"):
        Features(path)


def test_many_images_are_predicted_in_batches_and_in_order(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    model, path = exported(Recipe.load("fast"))
    table = Predictor(path).probabilities(images(1001))
    np.testing.assert_allclose(table, model(images(1001)), atol=1e-5)
    assert len(np.unique(table, axis=0)) > 900


def test_no_images_get_no_answers(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    assert Predictor(exported(GLOBAL_POOL)[1]).probabilities(images(0)).shape == (0, 10)


def test_images_need_not_be_contiguous(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    predictor = Predictor(exported(EVERY_KIND)[1])
    turned = images(6).transpose(0, 2, 1)
    np.testing.assert_array_equal(
        predictor.probabilities(turned), predictor.probabilities(turned.copy())
    )


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 28, 28), np.float32),
        np.zeros((2, 28, 28), np.int64),
        np.zeros((28, 28), np.uint8),
        np.zeros((2, 28, 28, 1), np.uint8),
        np.zeros((2, 27, 28), np.uint8),
        np.zeros((2, 784), np.uint8),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_other_arrays_are_refused(
    wrong: np.ndarray, exported: Callable[[Recipe], tuple[keras.Model, Path]]
) -> None:
    with pytest.raises(ValueError, match=rf"uint8 \(N, 28, 28\). Received: {wrong.dtype} \("):
        Predictor(exported(GLOBAL_POOL)[1]).probabilities(wrong)


def test_threads_get_the_answers_that_one_alone_gets(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    predictor = Predictor(exported(EVERY_KIND)[1])
    asked = [images(1 + number % 5, seed=number) for number in range(200)]
    alone = [predictor.probabilities(each) for each in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(predictor.probabilities, asked))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_answers_are_not_changed_by_a_later_question(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    predictor = Predictor(exported(EVERY_KIND)[1])
    first = predictor.probabilities(images(3))
    kept = first.copy()
    predictor.probabilities(images(3, seed=5))
    np.testing.assert_array_equal(first, kept)


def test_a_predictor_takes_a_run_its_id_or_a_file(
    exported: Callable[[Recipe], tuple[keras.Model, Path]],
) -> None:
    path = exported(GLOBAL_POOL)[1]
    run = runs.create(GLOBAL_POOL)
    (run.path / "model.tflite").write_bytes(path.read_bytes())
    write_metrics(run.path)
    tables = [Predictor(which).probabilities(images(2)) for which in (run, run.id, path, str(path))]
    for table in tables[1:]:
        np.testing.assert_array_equal(table, tables[0])


def test_a_run_without_a_network_cannot_be_asked() -> None:
    with pytest.raises(
        RunError, match=r"no network to predict with yet: .*model\.tflite is missing"
    ):
        Predictor(runs.create(GLOBAL_POOL))


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 5000], ids=["empty", "text", "zeros"])
def test_a_damaged_network_is_told_of(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"model\.tflite cannot be read"):
        Predictor(path)


def test_a_network_cut_short_is_told_of(
    exported: Callable[[Recipe], tuple[keras.Model, Path]], tmp_path: Path
) -> None:
    content = exported(EVERY_KIND)[1].read_bytes()
    path = tmp_path / "model.tflite"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError, match=r"model\.tflite cannot be read"):
        Predictor(path).probabilities(images(1))
