"""What the documents say is there, and what is there is in the documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from benchmarks import accuracy
from digitcore import __main__ as command_line
from digitcore.analysis import leaderboard
from digitcore.recipes import Recipe
from digitcore.recipes.layers import LAYER_KINDS, Activation

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
TRACKED = [
    path
    for path in ROOT.rglob("*.md")
    if not {".venv", "node_modules", "models"} & set(path.relative_to(ROOT).parts)
]


def test_a_table_of_hyperparameters_that_is_another_one_is_found_and_mended(tmp_path: Path) -> None:
    """`make lint` holds README's own to the fields by the same command."""
    copy = tmp_path / "README.md"
    copy.write_text(README.replace("| `epochs` | 5 |", "| `epochs` | 4 |"), encoding="utf-8")
    command = [sys.executable, ROOT / "docs" / "hyperparameters.py", copy]
    found = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "make format" in found.stderr
    subprocess.run(command, check=True)
    assert copy.read_text(encoding="utf-8") == README


def test_readme_names_every_recipe_page_and_command() -> None:
    for name in Recipe.names():
        assert f"`{name}`" in README
    for page in (ROOT / "pages").glob("*.py"):
        assert f"**{page.stem.capitalize()}.**" in README
    _, commands = command_line._parser()
    for name in commands:
        assert f"python -m digitcore {name}" in README


def test_readme_shows_a_network_of_ones_own_and_all_that_it_may_be_made_of(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```(.*?)\n\nWhat can be set", README, re.DOTALL)
    assert example
    file = tmp_path / "mine.toml"
    file.write_text(example.group(1))
    assert Recipe.load(str(file)).name == "mine"
    for name in (*LAYER_KINDS, *get_args(Activation)):
        assert f"`{name}`" in example.group(2)


def test_readme_lists_every_module_of_digitcore() -> None:
    for module in (ROOT / "digitcore").rglob("*.py"):
        assert module.name == "__init__.py" or module.name in README


def test_notebook_lines_use_names_that_exist() -> None:
    import digitcore

    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code
    compile(code.group(1), "README.md", "exec")
    for name in re.findall(r"digitcore\.(\w+)", code.group(1)):
        assert name in digitcore.__all__


@pytest.mark.parametrize("document", TRACKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


def test_each_test_that_reliability_names_is_there() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    for file in re.findall(r"`(?:tests/)?([\w/]+\.py)`", text):
        assert (ROOT / "tests" / file).exists(), file
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in source, name


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in targets:
        assert f"make {target}" in done.stdout


def test_requirements_cover_what_the_code_imports() -> None:
    text = "\n".join(path.read_text() for path in ROOT.glob("requirements*.txt"))
    listed = {re.split(r"[><=~ ]", line)[0] for line in text.splitlines() if line[:1].isalpha()}
    names = {"PIL": "pillow", "fpdf": "fpdf2", "sklearn": "scikit-learn", "umap": "umap-learn"}
    found = set()
    for folder in ("digitcore", "pages", "ui"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.MULTILINE))
    others = found - set(sys.stdlib_module_names) - {"digitcore", "pages", "ui"}
    assert {names.get(name, name.replace("_", "-")) for name in others} <= listed


def test_results_and_leaderboard_show_the_same_figures() -> None:
    for line in accuracy.table(leaderboard.measured()).splitlines()[2:]:
        assert line in RESULTS
