"""A file is one idea and a function does one thing: both are short, or say why they are not.

Where more is needed, the docstring's first lines say so: "… is long because …".
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES_A_FILE, LINES_A_FUNCTION = 300, 60
REASON = "long because"


def too_long(source: str) -> Iterator[str]:
    """What in that source is longer than it may be, with its lines, and gives no reason."""
    tree = ast.parse(source)
    lines = len(source.splitlines())
    if lines > LINES_A_FILE and not reasoned(tree):
        yield f"the file: {lines} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LINES_A_FUNCTION and not reasoned(node):
                yield f"{node.name}: {lines} lines"


def reasoned(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return REASON in " ".join((ast.get_docstring(node) or "").split())


def test_files_and_functions_are_short_or_say_why_not() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    there = [
        f"{name}, {what}"
        for name in files
        for what in too_long((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert not there, "\n".join(there)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\n" * 300, []),
        ("x = 1\n" * 301, ["the file: 301 lines"]),
        ('"""A table.\n\nIt is long\nbecause it is one."""\n' + "x = 1\n" * 301, []),
        ("def f():\n" + "    x = 1\n" * 59, []),
        ("def f():\n" + "    x = 1\n" * 60, ["f: 61 lines"]),
        ('async def f():\n    """Long because."""\n' + "    x = 1\n" * 60, ["f: 62 lines"]),
        ('def f():\n    """It is long because."""\n' + "    x = 1\n" * 60, []),
    ],
)
def test_what_is_too_long(source: str, told: list[str]) -> None:
    assert list(too_long(source)) == told
