"""Recipes, states and ids of strangers: a sentence, and no way out of the models folder."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from digitcore import files, runs
from digitcore.recipes import Recipe, RecipeError
from digitcore.runs import Run, RunError, events

# --- small files of a run --------------------------------------------------------


def test_nested_beyond_measure_is_a_fault_of_that_file_alone(run: Run) -> None:
    deep = "[" * 100_000
    assert list(events.parse(f'{{"kind": {deep}\n'.encode())) == []
    (run.path / "metrics.json").write_text(deep)
    with pytest.raises(RunError, match=r"metrics\.json"):
        run.metrics  # noqa: B018
    (run.path / "state.json").write_text(deep)
    assert run.status == "broken"


@pytest.mark.parametrize("name", ["state.json", "recipe.toml"])
def test_a_file_of_gigabytes_makes_a_run_broken_and_is_not_read(name: str, run: Run) -> None:
    with open(run.path / name, "r+b") as file:
        file.truncate(5_000_000_000)
    assert run.status == "broken"
    assert "longer than" in run.state.message


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert files.read(path, 5) == b"12345"
    with pytest.raises(ValueError, match="longer than 4 bytes"):
        files.read(path, 4)


FLATTEN = '[[layers]]\nkind = "flatten"\n'


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        (FLATTEN * 1_000_000, "longer than 20,000 bytes"),
        (FLATTEN * 65, "a list of up to 64 layers"),
        (
            FLATTEN + '[[layers]]\nkind = "dense"\nunits = 4096\n' * 10,
            "up to 50,000,000 parameters",
        ),
        (FLATTEN + '[[layers]]\nkind = "dense"\nunits = 99999999999\n', "4,096"),
        (
            '[[layers]]\nkind = "conv"\nfilters = 1024\nkernel = 1\npadding = "same"\n' * 12
            + FLATTEN,
            "values: choose fewer filters",
        ),
        ("layers = " + "[" * 9000, "nested too deeply"),
        ("a." * 2000 + "b = 1\n" + FLATTEN, "a is no field of a recipe"),
        ("seed = " + "9" * 5000 + "\n" + FLATTEN, "not valid"),
        ("".join(f"k{i} = 1\n" for i in range(1000)) + FLATTEN, "k0 is no field of a recipe"),
    ],
    ids=[
        "million_layers",
        "65_layers",
        "wide",
        "units",
        "convolutions",
        "deep",
        "dotted",
        "digits",
        "unknown",
    ],
)
def test_a_hostile_recipe_is_refused_in_a_sentence(toml: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f'name = "evil"\n{toml}')
    with pytest.raises(RecipeError) as caught:
        Recipe.load(path)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_every_shipped_recipe_takes_the_largest_batch() -> None:
    for name in Recipe.names():
        assert Recipe.load(name).changed(batch_size=4096).parameters


# --- ids -------------------------------------------------------------------------

OUTSIDE = [
    "../outside",
    "../../etc",
    "/etc",
    "..",
    ".",
    "",
    ".locks",
    "a/../../outside",
    "..\\outside",
    "%2e%2e%2foutside",
    "run\0",
    "\0",
    "x" * 100_000,
    "ｒｕｎ",
    "r\u0131n",
    "\u202enur",
    "run\n",
]


@pytest.mark.parametrize("given", OUTSIDE, ids=lambda given: ascii(given)[:30])
def test_an_id_reaches_only_into_the_models_folder(given: str, run: Run) -> None:
    outside = runs.models_dir().parent / "outside"
    run.path.rename(runs.models_dir() / "run")
    (runs.models_dir() / "run").rename(outside)
    with pytest.raises(RunError, match="There is no run of that name") as caught:
        runs.load(given)
    assert len(str(caught.value)) < 400
    assert (outside / "recipe.toml").exists()


def test_an_id_with_a_line_break_is_none(run: Run) -> None:
    with pytest.raises(RunError, match="There is no run of that name"):
        runs.load(run.id + "\n")


def test_a_link_in_the_models_folder_is_no_run(run: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    run.path.rename(outside)
    link = runs.models_dir() / run.id
    link.symlink_to(outside)
    assert runs.list_runs() == []
    with pytest.raises(RunError, match="There is no run of that name"):
        runs.load(run.id)
    with pytest.raises(RunError, match="is a link"):
        Run(link).delete()
    assert link.is_symlink()
    assert (outside / "recipe.toml").exists()


def test_links_in_a_run_are_neither_followed_by_delete_nor_packed(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    (run.path / "exam.json").symlink_to(secret / "key")
    (run.path / "checkpoint").symlink_to(secret)
    packed = io.BytesIO()
    runs.write_zip([run], packed)
    assert b"secret" not in packed.getvalue()
    assert "exam.json" not in str(zipfile.ZipFile(packed).namelist())
    run.update(status="finished")
    run.delete()
    assert (secret / "key").read_text() == "secret"
