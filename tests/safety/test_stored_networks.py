"""A network file runs nothing, and only the one that the training wrote is used."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from made_up import write_metrics

from digitcore.jobs import networks
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError
from digitcore.runs.predictor import Predictor
from digitcore.training import network

BLANK = np.zeros((1, 28, 28), np.uint8)


@pytest.fixture
def answering(run: Run, tflite: bytes) -> Run:
    (run.path / "model.tflite").write_bytes(tflite)
    write_metrics(run.path)
    run.update(status="finished")
    return run


# --- model.tflite --------------------------------------------------------------


def test_a_network_with_one_changed_byte_is_not_given_to_litert(answering: Run) -> None:
    assert Predictor(answering).probabilities(BLANK).shape == (1, 10)
    path = answering.path / "model.tflite"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="not the file that its training wrote"):
        Predictor(answering)


def test_a_network_that_no_metrics_vouch_for_is_not_asked(answering: Run) -> None:
    (answering.path / "metrics.json").unlink()
    with pytest.raises(RunError, match=r"metrics\.json of run .* is missing"):
        Predictor(answering)
    write_metrics(answering.path, network_checksum=None)
    with pytest.raises(RunError, match="not the file that its training wrote"):
        Predictor(answering)


def test_a_network_of_gigabytes_is_not_read(run: Run) -> None:
    with open(run.path / "model.tflite", "wb") as file:
        file.truncate(5_000_000_000)  # a hole, which takes no room on the disk
    with pytest.raises(RunError, match="longer than 250,000,000 bytes"):
        Predictor(run)


def test_another_network_named_by_its_path_is_told_of(tmp_path: Path) -> None:
    inputs = keras.Input((28, 28), dtype="uint8")
    outputs = keras.layers.Rescaling(1.0)(inputs)
    path = tmp_path / "other.tflite"
    keras.Model(inputs, outputs).export(path, format="litert", verbose=False)
    with pytest.raises(RunError, match=r"a probability a class. .*gives \[28, 28\]"):
        Predictor(path)


# --- model.keras ---------------------------------------------------------------


def trained(run: Run) -> keras.Model:
    model = network.build(run.recipe)
    model.save(run.path / "model.keras")
    return model


def test_a_notebook_loads_the_network_of_a_run(run: Run) -> None:
    model = trained(run)
    for got, expected in zip(networks.load(run).get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def lambda_layer(path: Path, trap: Path) -> None:
    # Python code in the file, as `keras.layers.Lambda` writes it.
    made = f"lambda x: [__import__('os').makedirs({str(trap)!r}, exist_ok=True), x][1]"
    inputs = keras.Input((28, 28))
    keras.Model(inputs, keras.layers.Lambda(eval(made))(inputs)).save(path)
    trap.rmdir()  # It ran when the layer was made, and would again.


def changed_config(path: Path, trap: Path) -> None:
    # A class and a function of any module, which a loader would import and call.
    with zipfile.ZipFile(path) as archive:
        pieces = {name: archive.read(name) for name in archive.namelist()}
    call = {"module": "os", "class_name": "function", "config": "mkdir", "registered_name": "mkdir"}
    config = {"module": "os", "class_name": "mkdir", "config": {"path": str(trap)}, "fn": call}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**pieces, "config.json": json.dumps(config)}.items():
            archive.writestr(name, content)


def pickled(path: Path, trap: Path) -> None:
    path.write_bytes(b"cos\nmkdir\n(V" + str(trap).encode() + b"\ntR.")


def pickled_weights(path: Path, trap: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", b"cos\nmkdir\n(V" + str(trap).encode() + b"\ntR.")


@pytest.mark.parametrize("write", [lambda_layer, changed_config, pickled, pickled_weights])
def test_code_in_a_keras_file_never_runs(
    write: Callable[[Path, Path], None], run: Run, tmp_path: Path
) -> None:
    trained(run)
    trap = tmp_path / "sprung"
    write(run.path / "model.keras", trap)
    if write is changed_config:  # Only numbers are taken, and these are sound.
        assert networks.load(run).count_params() == run.recipe.parameters
    else:
        with pytest.raises(RunError, match="is damaged, or not of the run's recipe"):
            networks.load(run)
    assert not trap.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:3000]),
        lambda path: network.build(Recipe.load("two-conv")).save(path),
    ],
    ids=["missing", "empty", "cut short", "of another recipe"],
)
def test_a_keras_file_that_is_not_the_runs_is_told_of_in_a_sentence(
    change: Callable[[Path], Any], run: Run
) -> None:
    trained(run)
    change(run.path / "model.keras")
    with pytest.raises(RunError) as caught:
        networks.load(run)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def by_link(group: h5py.Group, name: str, values: np.ndarray, other: Path) -> None:
    with h5py.File(other, "w") as file:
        file["numbers"] = values
    group[name] = h5py.ExternalLink(other, "numbers")


def by_storage(group: h5py.Group, name: str, values: np.ndarray, other: Path) -> None:
    other.write_bytes(values.tobytes())
    group.create_dataset(name, values.shape, values.dtype, external=other)


def by_view(group: h5py.Group, name: str, values: np.ndarray, other: Path) -> None:
    with h5py.File(other, "w") as file:
        file["numbers"] = values
    layout = h5py.VirtualLayout(values.shape, values.dtype)
    layout[...] = h5py.VirtualSource(other, "numbers", values.shape)
    group.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("put", [by_link, by_storage, by_view])
def test_no_numbers_are_fetched_from_another_file(
    put: Callable[[h5py.Group, str, np.ndarray, Path], None], run: Run, tmp_path: Path
) -> None:
    trained(run)
    path = run.path / "model.keras"
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content, "r+") as file:
        names: list[str] = []
        file.visititems(
            lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
        )
        group, name = file[names[0].rsplit("/", 1)[0]], names[0].rsplit("/", 1)[1]
        values = group[name][()]
        del group[name]
        put(group, name, values, tmp_path / "other")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", content.getvalue())
    with pytest.raises(RunError, match=r"lies in another file|doesn't exist"):
        networks.load(run)
