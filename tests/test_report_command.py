"""`python -m digitcore report`."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from runs_that_err import run_that_errs

from digitcore.__main__ import main
from digitcore.runs import Run

Like = Callable[..., Run]
ROOT = Path(__file__).parents[1]


@pytest.fixture
def like(finished: str, small_data: Path) -> Like:
    return functools.partial(run_that_errs, finished, small_data)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_folder_has_all_of_it(
    like: Like, own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = like("aaaa", 12)
    assert main(["report", "aaaa", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    result = json.loads(line)
    assert (result["runs"], result["output"]) == ([run.id], f"report-{run.id}")
    folder = own_folder / result["output"]
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert there == set(result["files"])
    assert {"report.html", "report.pdf", "recipe.toml", "tables/classes.csv"} <= there
    assert main(["report", "aaaa"]) == 0
    assert capsys.readouterr().out.startswith(f"report-{run.id}/report.html and ")


@pytest.mark.parametrize(
    ("name", "begin"), [("one.html", b"<!doctype html>"), ("one.pdf", b"%PDF-"), ("one.zip", b"PK")]
)
def test_a_file_is_of_the_kind_that_its_name_ends_in(
    like: Like, own_folder: Path, name: str, begin: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    like("aaaa", 12)
    assert main(["report", "aaaa", "--output", f"deep/{name}"]) == 0
    (file,) = (own_folder / "deep").iterdir()
    assert file.read_bytes().startswith(begin)
    assert capsys.readouterr().out.strip() == f"deep/{name}"
    if name == "one.zip":
        assert "one/report.pdf" in zipfile.ZipFile(file).namelist()


def test_several_runs_are_compared_in_it(like: Like, own_folder: Path) -> None:
    like("aaaa", 12), like("bbbb", 2, epochs=3)
    assert main(["report", "aaaa", "bbbb", "--out", "both"]) == 0
    assert "On validation: fast · bbbb is" in (own_folder / "both/report.html").read_text()


def test_without_the_images_the_rest_is_written_and_stderr_says_so(
    like: Like,
    own_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    like("aaaa", 12)
    monkeypatch.delenv("DIGITCORE_DATA_DIR")
    assert main(["report", "aaaa", "--output", "out"]) == 0
    assert capsys.readouterr().err.splitlines()[-1].endswith("What needs the images is left out.")
    assert not (own_folder / "out/tables/classes.csv").exists()
    assert "are left out" in (own_folder / "out/report.html").read_text()


def test_what_cannot_be_reported_is_told_in_one_line(
    like: Like, own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    like("aaaa", 12)
    assert main(["report", "aaaa", "aaaa"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    (own_folder / "file").write_text("")
    assert main(["report", "aaaa", "--output", "file/one.html", "--json"]) == 1
    out, err = capsys.readouterr()
    assert "file" in json.loads(out)["error"]
    assert err.splitlines()[-1].startswith("Error: file/one.html: ")


@pytest.mark.parametrize("name", ["one.html", "folder"])
def test_a_full_disk_is_told_in_one_line_and_leaves_no_half_file(
    like: Like,
    tmp_path: Path,
    name: str,
    capsys: pytest.CaptureFixture[str],
    skip_or_fail: Callable[[str], NoReturn],
) -> None:
    like("aaaa", 12)
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "small-disk", str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        skip_or_fail(f"a small disk cannot be mounted: {done.stderr.strip()}")
    try:
        assert main(["report", "aaaa", "--output", str(disk / name)]) == 1
        error = capsys.readouterr().err.splitlines()[-1]
        left = [path for path in disk.rglob("*") if path.is_file()]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    file = disk / ("one.html" if name == "one.html" else "folder/report.html")
    assert error == f"Error: {file}: No space left on device"
    assert left == []


def test_other_commands_start_without_what_a_report_needs() -> None:
    program = (
        "import sys, digitcore.__main__ as m; m._parser(); "
        "print({'matplotlib', 'jinja2', 'fpdf', 'scipy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
