"""digitcore as a package that pip installs: whole, and of use in any folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from email.parser import Parser
from pathlib import Path

import pytest
from made_up import made_up_digits, sheet, write_npz
from PIL import Image

ROOT = Path(__file__).parents[1]
INSIDE = ("digitcore", "models/reader")
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "requirements.txt", *INSIDE)


def tracked(*paths: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", *paths], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip installed the project into, without a network."""
    folder = tmp_path_factory.mktemp("package")
    for name in tracked(*NEEDED):  # of a copy, as a build leaves files beside the sources
        copy = folder / "source" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    offline = ["--no-index", "--no-build-isolation", "--no-deps", "--target"]
    subprocess.run([*pip, *offline, folder / "site", folder / "source"], check=True)
    return folder / "site"


class Elsewhere:
    """A person in a folder that is not the project's."""

    def __init__(self, folder: Path, site: Path) -> None:
        self.site, self.folder = site, folder / "work"
        self.folder.mkdir()
        (folder / "data").mkdir()
        write_npz(folder / "data" / "mnist.npz", made_up_digits())
        self.models = folder / "home" / "digitcore" / "models"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(site),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_DATA_HOME": str(folder / "home"),
            "DIGITCORE_DATA_DIR": str(folder / "data"),
        }
        del self.environment["DIGITCORE_MODELS_DIR"]

    def does(self, *command: str) -> str:
        """What a command says that ends well."""
        done = subprocess.run(
            [*command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def elsewhere(tmp_path: Path, site: Path) -> Elsewhere:
    return Elsewhere(tmp_path, site)


def test_it_holds_every_file_of_digitcore_and_the_shipped_run(site: Path) -> None:
    for name in tracked(*INSIDE):
        there = site / name.replace("models/", "digitcore/shipped/")
        assert there.read_bytes() == (ROOT / name).read_bytes()


def test_it_needs_what_requirements_say_and_has_the_version_of_digitcore(site: Path) -> None:
    import digitcore

    (file,) = site.glob("digitcore-*.dist-info/METADATA")
    told = Parser().parsestr(file.read_text(encoding="utf-8"))
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    listed = {line.split("#")[0].strip() for line in lines} - {""}

    def clauses(requirement: str) -> tuple[str, ...]:
        return tuple(sorted(re.findall(r"[><=]*[\w.-]+", requirement)))

    assert set(map(clauses, told.get_all("Requires-Dist"))) == set(map(clauses, listed))
    assert told["Version"] == digitcore.__version__


def test_the_notebook_lines_run_in_any_folder_and_write_nothing_there(
    elsewhere: Elsewhere,
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert code
    lines = code.group(1).rstrip().splitlines()
    lines[-1] = f"print({lines[-1].split('  #')[0]}.shape, digitcore.__file__, run.path)"
    before = sorted(elsewhere.site.rglob("*"))
    told = elsewhere.does(sys.executable, "-c", "\n".join(lines)).splitlines()
    assert [line.split()[0] for line in told[:-1]] == ["1", "2", "3"]  # its epochs
    assert told[-1].startswith(
        f"(40, 10) {elsewhere.site}/digitcore/__init__.py {elsewhere.models}"
    )
    assert sorted(elsewhere.site.rglob("*")) == before
    assert list(elsewhere.folder.iterdir()) == []


def test_its_command_finds_the_shipped_run_and_the_recipes(elsewhere: Elsewhere) -> None:
    command = str(elsewhere.site / "bin" / "digitcore")
    assert "usage: digitcore train" in elsewhere.does(command, "train", "--help")
    assert "Train one: digitcore train" in elsewhere.does(command, "runs")
    Image.fromarray(sheet([7])).save(elsewhere.folder / "seven.png")
    for _ in range(2):  # the second time it is there
        assert elsewhere.does(command, "predict", "reader", "seven.png").startswith("seven.png: 7")
    listed = json.loads(elsewhere.does(command, "runs", "--json"))["runs"]
    assert [(row["run"], row["recipe"]) for row in listed] == [("reader", "reader")]
    assert [path.name for path in elsewhere.models.iterdir() if path.name[0] != "."] == ["reader"]
