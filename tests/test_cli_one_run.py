"""What the command line shows of one run, and what it does where there is none to be made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from digitcore import runs
from digitcore.__main__ import main
from digitcore.recipes import Recipe
from digitcore.runs import Run


def told(capsys: pytest.CaptureFixture[str]) -> dict:
    """The JSON object on stdout, which is all there is."""
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_one_run_is_shown_with_its_recipe_by_the_end_of_its_id(
    answering: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mark = answering.id[-4:]
    assert main(["runs", mark]) == 0
    head, _, recipe = capsys.readouterr().out.partition("\n\n")
    assert head.startswith(f"{answering.id}: finished")
    (tmp_path / "again.toml").write_text(recipe)
    assert Recipe.load(tmp_path / "again.toml") == answering.recipe
    assert main(["runs", mark, "--json"]) == 0
    (row,) = told(capsys)["runs"]
    assert row["settings"]["epochs"] == answering.recipe.epochs

    shutil.copytree(answering.path, answering.path.with_name(f"20200101-000000-small-{mark}"))
    assert main(["runs", mark]) == 1
    assert f"Several runs end so: {answering.id}" in capsys.readouterr().err


def test_no_run_is_made_where_the_data_folder_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(tmp_path / "nowhere"))
    assert main(["train", "--json"]) == 1
    assert "nowhere" in told(capsys)["error"]
    assert runs.list_runs() == []


def test_a_failed_run_has_its_error_where_every_failure_has_it(
    answering: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    answering.update(status="failed", message="There was no room.")
    assert main(["watch", answering.id, "--json"]) == 1
    result = told(capsys)
    assert (result["status"], result["error"]) == ("failed", "There was no room.")
