"""Imports run one way, and TensorFlow and Streamlit stay where they belong."""

from __future__ import annotations

import ast
import functools
import graphlib
import itertools
import re
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
CORE = [path for path in FILES if path.is_relative_to(ROOT / "digitcore")]
# Who may know whom among our own; the frame and the pages know everybody.
WITH_KERAS = {"training", "jobs"}
OWN = {"digitcore", "ui", "pages", "streamlit_app"}
MAY_USE = {"digitcore": {"digitcore"}, "ui": {"ui", "digitcore"}, "pages": {"ui", "digitcore"}}


def rooms() -> dict[str, set[str]]:
    """Each room of digitcore and those that it may import, from the table in ARCHITECTURE.md."""
    lines = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    begin = lines.index("| room | what lives there | may import |")
    table = itertools.takewhile(lambda line: line.startswith("|"), lines[begin + 2 :])
    names: dict[str, set[str]] = {}
    for line in table:
        room, _, allowed = (cell.strip() for cell in line.strip("|").split("|"))
        (name,) = re.findall(r"`(\w+)/?`", room)
        every = set(names) if allowed == "all above" else set()
        names[name] = {name, *every, *re.findall(r"`(\w+)`", allowed)}
    return names


ROOMS = rooms()


def room_of(path: Path) -> str:
    inside = path.relative_to(ROOT / "digitcore").parts
    return inside[0] if len(inside) > 1 else path.stem


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


def imported_rooms(path: Path) -> set[str]:
    """Rooms of digitcore that the file imports from; a name of digitcore's own is its home's."""
    names = [name.split(".") for name in imports(path)]
    own = {name[1] for name in names if name[0] == "digitcore" and len(name) > 1}
    return {digitcore._HOME.get(name, name).split(".")[0] for name in own}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_pages_use_ui_and_ui_uses_digitcore_and_never_the_other_way(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    assert packages(path) & OWN <= MAY_USE[folder]


@pytest.mark.parametrize("path", CORE, ids=shown)
def test_digitcore_knows_nothing_of_streamlit(path: Path) -> None:
    assert not {name for name in packages(path) if name.startswith("streamlit")}


def test_the_table_of_rooms_has_each_room_and_no_other() -> None:
    there = {room_of(path) for path in CORE} - {"__init__", "__main__", "_lazy"}
    assert set(ROOMS) == there == set(digitcore._ROOMS)


def test_each_room_stands_on_rooms_above_it_in_the_table() -> None:
    order = list(ROOMS)
    for room, allowed in ROOMS.items():
        assert allowed <= set(order[: order.index(room) + 1])


@pytest.mark.parametrize("path", [p for p in CORE if room_of(p) in ROOMS], ids=shown)
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    assert imported_rooms(path) - {"_lazy"} <= ROOMS[room_of(path)]


def test_the_way_to_modules_imports_nothing_of_ours() -> None:
    assert imported_rooms(ROOT / "digitcore" / "_lazy.py") == set()


@pytest.mark.parametrize("room", ROOMS)
def test_no_two_files_of_a_room_import_each_other_in_a_circle(room: str) -> None:
    files = [path for path in CORE if room_of(path) == room and path.stem != "__init__"]
    graph = {
        path.stem: {
            other.stem
            for other in files
            for name in imports(path)
            if f"{name}.".startswith(f"digitcore.{room}.{other.stem}.")
        }
        - {path.stem}
        for path in files
    }
    assert list(graphlib.TopologicalSorter(graph).static_order()) is not None


@pytest.mark.parametrize("path", [p for p in CORE if p.stem != "__init__"], ids=shown)
def test_each_module_is_an_attribute_of_its_room_and_of_digitcore(path: Path) -> None:
    inside = path.relative_to(ROOT / "digitcore").with_suffix("").parts
    if path.stem.startswith("_"):
        return
    module = functools.reduce(getattr, inside, digitcore)
    assert module.__name__ == ".".join(("digitcore", *inside))
    assert getattr(digitcore, path.stem) is not None


def test_nothing_in_digitcore_but_the_command_line_imports_the_worker() -> None:
    users = {
        path.stem
        for path in CORE
        for name in imports(path)
        if name.startswith("digitcore.jobs.worker")
    }
    assert users <= {"__main__"}


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_keras_is_imported_only_where_networks_are_made(path: Path) -> None:
    if path.parent.name not in WITH_KERAS:
        assert not packages(path) & {"keras", "tensorflow"}


def test_what_a_page_imports_loads_neither_tensorflow_nor_streamlit() -> None:
    program = """
import sys, digitcore
light = len([name for name in sys.modules if name.startswith("digitcore.")])
from digitcore import datasets, drawing, recipes, runs, __main__
from digitcore.analysis import attribution, classification, leaderboard
from digitcore.figures import confusion, curves, static
from digitcore.jobs import checkpoints, estimates, queue
from digitcore.runs import predictor
digitcore.Recipe.load("fast").summary()
loaded = {name.split(".")[0] for name in sys.modules}
print(light, sorted(loaded & {"tensorflow", "keras", "streamlit", "jax", "torch"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0 []"


def test_what_the_first_page_imports_loads_neither_scipy_nor_pandas() -> None:
    program = """
import ast, importlib, sys
for node in ast.parse(open("pages/train.py").read()).body:
    if isinstance(node, ast.ImportFrom):
        module = importlib.import_module(node.module)
        for one in node.names:
            hasattr(module, one.name) or importlib.import_module(f"{node.module}.{one.name}")
print(sorted({name.split(".")[0] for name in sys.modules} & {"pandas", "pyarrow", "scipy", "sklearn"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_public_names_are_sorted_and_all_there() -> None:
    assert digitcore.__all__ == sorted(set(digitcore.__all__))
    for name in digitcore.__all__:
        assert getattr(digitcore, name) is not None
    assert set(dir(digitcore)) == {*digitcore.__all__, "__version__"}


def test_every_public_name_is_the_one_of_its_module() -> None:
    from digitcore import datasets, runs
    from digitcore.jobs import queue
    from digitcore.runs import predictor

    assert digitcore.load_dataset is datasets.load_dataset
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
    names = {f"{shown(path)} {name}".strip() for path in FILES for name in readers_of_test(path)}
    assert (
        names
        == {
            "digitcore/jobs/results.py _measured",  # once, after the training
            "digitcore/jobs/evaluate.py carry_out",  # counts them
            "digitcore/jobs/evaluate.py measured",  # of a run that has ended
            "digitcore/jobs/epochs.py carry_out",  # predicts them; nothing is chosen
            "digitcore/jobs/features.py carry_out",  # draws them; the axes are training's
            "digitcore/jobs/umap_points.py carry_out",  # draws them
            "digitcore/jobs/robustness.py carry_out",  # measures them beside validation
            "digitcore/jobs/robustness.py read",  # checks what was measured
            "digitcore/commands/measuring_robustness.py robustness",  # where `--split test` says so
            "digitcore/jobs/cross_validation.py carry_out",  # predicts them; nothing is chosen
            "digitcore/jobs/cross_validation.py _ranked",  # says which of their labels are suspect
            "digitcore/jobs/out_of_sample.py begun",  # counts them
            "digitcore/jobs/out_of_sample.py check_images",  # counts them
            "digitcore/jobs/out_of_sample.py labels_of",  # for a person to review
            "digitcore/jobs/out_of_sample.py image_of",  # the same
            "digitcore/commands/comparing.py compare",  # where `--split test` says so
            "digitcore/datasets/load.py describe",  # counts them
            "digitcore/reports/subject.py tables",  # counts them; a report only reports
            "digitcore/reports/predictions_chapter.py sections",
            "digitcore/reports/predictions_chapter.py _calibration",
            "digitcore/reports/robustness_chapter.py sections",
            "digitcore/reports/comparison_chapter.py section",  # beside validation
            "ui/ensemble.py show",  # of an ensemble that validation chose
            "pages/explore.py",
            "ui/explore_robustness.py _on",  # where a person turns to test
            "ui/compare.py _compared",  # where a person turns to test, which the page says is for reporting
            "pages/runs.py images",
        }
    )
