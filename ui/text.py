"""How numbers and names are written, the same on every page."""

from __future__ import annotations

import re

from digitcore.analysis import written
from digitcore.datasets import registry
from digitcore.recipes import Recipe, hyperparameters
from digitcore.runs import Run, State


def duration(seconds: float) -> str:
    """`21 s`, `3 min 05 s` or `1 h 02 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, `11th`."""
    special = {1: "st", 2: "nd", 3: "rd"} if number // 10 % 10 != 1 else {}
    return f"{number}{special.get(number % 10, 'th')}"


def counted(number: int, what: str) -> str:
    """`1 drawing`, `20 drawings`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def title(dataset: str) -> str:
    """What people call the dataset of that name: `Fashion-MNIST`."""
    return registry.get(dataset).title


def named(run: Run, state: State | None = None, most: int | None = None) -> str:
    """A run as every page names it: `fast · 31e8`, its name and the end of its id.

    Args:
        run: the run; one that was deleted since, or has no other name, is named by its id alone.
        state: its state, if that was read already.
        most: letters of the name, which is cut after them.
    """
    name = run.called(state or run.state)
    if name == run.id:
        return name
    short = name if most is None or len(name) <= most else f"{name[: most - 1]}…"
    return f"{short} · {run.id[-4:]}"


def settings(recipe: Recipe) -> str:
    """How the recipe differs from the shipped one of the same name: `KMNIST · epochs 3`."""
    if recipe.name not in Recipe.names():
        return "custom recipe"
    changed = recipe.differences(Recipe.load(recipe.name))
    values = {p.name: getattr(recipe, p.name) for p in hyperparameters() if p.name in changed}
    shown = [f"{name.replace('_', ' ')} {value(one)}" for name, one in values.items()]
    dataset = [recipe.info.title] * ("dataset" in changed)
    return " · ".join(dataset + shown + ["other layers"] * ("layers" in changed))


value = written.value


def plain(text: str) -> str:
    """Text that a person typed, with all Markdown markup escaped."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:])", r"\\\1", text)


def cell(text: str) -> str:
    """Text that a person typed, for a table that can be saved as CSV: never a formula.

    A spreadsheet evaluates a cell that begins with one of these signs.
    """
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text
