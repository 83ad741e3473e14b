"""A run that is given away tells nothing of the computer that trained it."""

from __future__ import annotations

import getpass
import io
import json
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from studio import Studio

from digitcore import runs
from digitcore.recipes import Recipe
from digitcore.runs import Run
from digitcore.runs.pack import without_folders

SOUND = Path(__file__).parents[1] / "data" / "last_version" / "fine-tuned"


def contents(packed: bytes) -> dict[str, bytes]:
    """All files of an archive, those of archives within it too."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            found[name] = content
            if content[:2] == b"PK":
                found |= {f"{name}/{inner}": c for inner, c in contents(content).items()}
    return found


def packed(run: Run) -> dict[str, bytes]:
    file = io.BytesIO()
    runs.write_zip([run], file)
    return contents(file.getvalue())


def test_the_zip_of_a_training_names_no_folder_and_no_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_data: Path
) -> None:
    studio = Studio(tmp_path, small_data)
    studio.enter(monkeypatch)
    recipe = Recipe.load("two-conv").changed(epochs=1, training_images=200)
    studio.call("train", "--recipe", studio.recipe(recipe))
    run = studio.only_run()
    assert str(tmp_path.parent) in str([*run.path.iterdir(), run.state.data_folder])
    found = packed(run)
    assert len(found) > 8  # those within the network's file, too
    secrets = {str(tmp_path), str(small_data), str(Path.home()), sys.prefix, tmp_path.name}
    if (user := getpass.getuser()) not in ("root", "user"):
        secrets.add(user)
    for name, content in found.items():
        for secret in secrets:
            assert secret.encode() not in content, (name, secret)


def test_a_failure_that_names_files_is_packed_without_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITCORE_MODELS_DIR", str(tmp_path / "of Anna" / "models"))
    monkeypatch.setenv("HOME", str(tmp_path / "anna b"))
    path = runs.models_dir() / "one"
    shutil.copytree(SOUND, path)
    told = f'It died: File "{tmp_path}/anna b/x.py", line 3; see {path}/worker.log.'
    state = json.loads((path / "state.json").read_text())
    state |= {"message": told, "data_folder": str(tmp_path), "status": "failed"}
    (path / "state.json").write_text(json.dumps(state))
    (path / "exam.json").write_text('{"cut": "' + str(tmp_path))
    (path / "worker.log").write_text(told)
    with open(path / "events.jsonl", "a") as events:
        events.write(json.dumps({"kind": "stage", "stage": str(tmp_path / "anna b")}) + "\n")
    found = packed(Run(path))
    for name, content in found.items():
        for secret in (str(tmp_path), "anna", "of Anna"):
            assert secret.encode() not in content, (name, secret)
    assert b"It died: File" in found["one/state.json"]
    assert b"line 3; see" in found["one/state.json"]


def test_a_packed_run_answers_as_the_run_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITCORE_MODELS_DIR", str(tmp_path))
    shutil.copytree(SOUND, tmp_path / "one")
    file = io.BytesIO()
    runs.write_zip([Run(tmp_path / "one")], file)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "unpacked")
    one, other = runs.load("one"), Run(tmp_path / "unpacked" / "one")
    assert one.metrics is not None
    assert other.metrics == replace(one.metrics, data_source="data")
    assert other.events() == one.events()
    assert other.recipe == one.recipe
    for split, table in one.probabilities().items():
        np.testing.assert_array_equal(other.probabilities()[split], table)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/home/anna/data/mnist.npz", "mnist.npz"),
        ("/home/Anna Müller/my data", "my data"),
        ("C:\\Users\\Anna B\\mnist.npz", "mnist.npz"),
        ("\\\\server\\anna\\x.npz", "x.npz"),
        ("in /home/anna/x/y.py, line 3", "in y.py, line 3"),
        ("3/4 of a/b, see https://x.org/a/b", "3/4 of a/b, see https://x.org/a/b"),
        ("</b> MNIST", "</b> MNIST"),
    ],
)
def test_a_path_is_its_last_name_and_other_text_stays(text: str, told: str) -> None:
    assert without_folders({"a": [text]}) == {"a": [told]}
