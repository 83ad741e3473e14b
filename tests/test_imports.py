"""Imports run one way, and TensorFlow and Streamlit stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import digitcore

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path
    for folder in ("digitcore", "ui", "pages")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
CORE = [path for path in FILES if path.parent.name == "digitcore"]
# Who may know whom among our own; the frame and the pages know everybody.
OWN = {"digitcore", "ui", "pages", "streamlit_app"}
MAY_USE = {"digitcore": {"digitcore"}, "ui": {"ui", "digitcore"}, "pages": {"ui", "digitcore"}}
ALONE = (
    *("layers", "drawing", "evaluation", "events", "files", "parts", "ruled_lines"),
    *("scales", "download"),
)
WITH_KERAS = {"network", "batches", "warps", "optimizers", "loop", "training", "worker"}


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all that a file imports, wherever in it, as `digitcore.runs.Run`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.parent.name if node.level else ""
            module = ".".join(filter(None, (package, node.module)))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def siblings(path: Path) -> set[str]:
    """Modules of digitcore that the file imports, whichever way it names them."""
    modules = {core.stem for core in CORE}
    names = [name.split(".") for name in imports(path)]
    own = [name[1] for name in names if name[0] == "digitcore" and len(name) > 1]
    return {name if name in modules else digitcore._HOME.get(name, name) for name in own}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_pages_use_ui_and_ui_uses_digitcore_and_never_the_other_way(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    assert packages(path) & OWN <= MAY_USE[folder]


@pytest.mark.parametrize("path", CORE, ids=shown)
def test_digitcore_knows_nothing_of_streamlit(path: Path) -> None:
    assert not {name for name in packages(path) if name.startswith("streamlit")}


@pytest.mark.parametrize("module", ALONE)
def test_a_module_that_stands_alone_imports_no_sibling(module: str) -> None:
    assert siblings(ROOT / "digitcore" / f"{module}.py") == set()


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("recipe", {"layers"}),
        ("digit_files", {"files"}),
        ("data", {"digit_files", "download"}),
        ("runs", {"recipe", "events", "files"}),
        ("queue", {"recipe", "events", "files", "hand", "runs"}),
        ("network", {"layers", "recipe", "runs"}),
        ("handwriting", {"drawing"}),
        ("hand", {"drawing", "files", "handwriting", "recipe"}),
        ("xray", {"drawing"}),
        (
            "training",
            {
                *("recipe", "events", "data", "handwriting", "batches", "checkpoints"),
                *("loop", "teacher"),
            },
        ),
        (
            "loop",
            {
                *("layers", "recipe", "events", "data", "network", "batches"),
                *("checkpoints", "optimizers"),
            },
        ),
        ("checkpoints", {"files", "runs"}),
        ("batches", {"data", "layers", "recipe", "warps"}),
        ("optimizers", {"recipe"}),
        (
            "results",
            {
                *("data", "evaluation", "events", "files", "hand", "network", "predictor", "runs"),
                "loop",  # what a training gives back
            },
        ),
        ("warps", {"layers", "recipe"}),
        ("predictor", {"files", "runs"}),
        ("teacher", {"predictor"}),
        ("board", {"runs"}),
        ("fabric", {"drawing"}),
        ("numbers", {"drawing", "parts"}),
        ("ink", {"drawing", "ruled_lines"}),
        ("paper", {"drawing", "ink"}),
        ("figures", {"scales", "events", "board"}),
        ("figure_files", {"scales", "events"}),
    ],
)
def test_a_module_imports_only_what_lies_below_it(module: str, allowed: set[str]) -> None:
    assert siblings(ROOT / "digitcore" / f"{module}.py") <= allowed


def test_nothing_in_digitcore_but_the_command_line_imports_the_worker() -> None:
    users = {path.stem for path in CORE if "worker" in siblings(path)}
    assert users <= {"__main__"}


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_keras_is_imported_only_where_networks_are_made(path: Path) -> None:
    if not (path.parent.name == "digitcore" and path.stem in WITH_KERAS):
        assert not packages(path) & {"keras", "tensorflow"}


def test_what_a_page_imports_loads_neither_tensorflow_nor_streamlit() -> None:
    program = """
import sys, digitcore
light = len([name for name in sys.modules if name.startswith("digitcore.")])
import digitcore.runs, digitcore.data, digitcore.predictor, digitcore.drawing
import digitcore.evaluation, digitcore.figures, digitcore.recipe, digitcore.__main__
digitcore.Recipe.load("fast").summary()
loaded = {name.split(".")[0] for name in sys.modules}
print(light, sorted(loaded & {"tensorflow", "keras", "streamlit", "jax", "torch"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0 []"


def test_public_names_are_sorted_and_all_there() -> None:
    assert digitcore.__all__ == sorted(set(digitcore.__all__))
    for name in digitcore.__all__:
        assert getattr(digitcore, name) is not None
    assert set(dir(digitcore)) == {*digitcore.__all__, "__version__"}


def test_every_public_name_is_the_one_of_its_module() -> None:
    from digitcore import data, predictor, queue, runs

    assert digitcore.load_dataset is data.load_dataset
    assert digitcore.Predictor is predictor.Predictor
    assert digitcore.submit is queue.submit
    assert digitcore.runs is runs


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode_dataset'"):
        digitcore.lode_dataset  # noqa: B018


def readers_of_test(path: Path) -> Iterator[str]:
    """The functions of a file that touch a dataset's test split; `` where it is none."""

    def inside(node: ast.AST, function: str) -> Iterator[str]:
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.Attribute) and node.attr == "test":
            yield function
        for child in ast.iter_child_nodes(node):
            yield from inside(child, function)

    yield from inside(ast.parse(path.read_text(encoding="utf-8")), "")


def test_the_test_split_is_read_where_results_are_reported_and_nowhere_else() -> None:
    """Whoever chooses anything, such as the best epoch, a threshold or a precision, is not here."""
    found = {f"{shown(path)} {name}".strip() for path in FILES for name in readers_of_test(path)}
    assert found == {
        "digitcore/results.py _measured",  # once, after the training
        "digitcore/__main__.py evaluate",
        "digitcore/data.py describe",  # counts them
        "pages/explore.py",
        "pages/runs.py digits",
    }
