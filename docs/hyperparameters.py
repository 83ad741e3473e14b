"""Writes README's table of hyperparameters from the fields of a recipe.

python docs/hyperparameters.py            # `make format`
python docs/hyperparameters.py --check    # `make lint`: fails where the table is another one
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from digitcore.recipes import hyperparameters  # noqa: E402
from digitcore.recipes.hyperparameter import Hyperparameter  # noqa: E402

BEGIN = "<!-- hyperparameters: written by `make format` from digitcore/recipes/fields.py -->\n"
END = "<!-- end of hyperparameters -->\n"


def table() -> str:
    """One row a hyperparameter, in the order of the fields."""
    rows = ["| name | default | values | what it does |", "|---|---|---|---|"]
    rows += [
        f"| `{one.name}` | {_plain(one.default)} | {_values(one)} | {one.help} |"
        for one in hyperparameters()
    ]
    return "\n".join(rows) + "\n"


def _values(one: Hyperparameter) -> str:
    """The choices, or the bounds with their unit."""
    if one.choices:
        return ", ".join(one.choices)
    bounds = f"above {one.low}, to {one.high}" if one.above else f"{one.low} to {one.high:,}"
    space = "" if one.unit == "°" else " "
    return f"{bounds}{space}{one.unit}".strip()


def _plain(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value}".removesuffix(".0")


def written(text: str) -> str:
    """`text` with the table between its two marks.

    Raises:
        ValueError: a mark is missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The file needs the lines {BEGIN.strip()} and {END.strip()}.")
    return before + BEGIN + table() + END + after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail if it would")
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "README.md")
    options = parser.parse_args()
    text = options.file.read_text(encoding="utf-8")
    try:
        now = written(text)
    except ValueError as error:
        sys.exit(str(error))
    if now == text:
        return
    if options.check:
        sys.exit(
            f"The hyperparameters in {options.file.name} are not those of fields.py: make format"
        )
    options.file.write_text(now, encoding="utf-8")


if __name__ == "__main__":
    main()
