"""The flags of a recipe: one for each of its fields."""

from __future__ import annotations

import argparse
from typing import Any

from digitcore.datasets import registry
from digitcore.recipes import EARLIER_NAMES, Hyperparameter, Recipe, hyperparameters


def add_recipe_flags(parser: argparse.ArgumentParser) -> None:
    known = ", ".join(Recipe.names())
    parser.add_argument(
        "--recipe", default="fast", metavar="NAME|FILE", help=f"{known}, or a TOML file"
    )
    numbers = {parameter.name: parameter for parameter in hyperparameters()}
    for name, field in Recipe.model_fields.items():
        parameter = numbers.get(name)
        text = (field.description or "").replace("%", "%%")
        if name == "dataset":
            text = f"{text} One of {', '.join(registry.names())}."
        if parameter:
            unit = f" {parameter.unit}" if parameter.unit else ""
            low = f"Above {parameter.low}, up" if parameter.above else f"From {parameter.low}"
            bounds = f" {low} to {parameter.high}{unit}." if parameter.high else ""
            text = f"{text}{bounds} Default: the recipe's, else {parameter.default}."
        parser.add_argument(
            _flag(name),
            dest=name,
            metavar=_metavar(parameter) if parameter else "TEXT",
            help=text,
        )
    for earlier, now in EARLIER_NAMES.items():
        parser.add_argument(
            _flag(earlier), action=Renamed, now=_flag(now), nargs="?", help=argparse.SUPPRESS
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


class Renamed(argparse.Action):
    """A flag by its earlier name is an error that names the new one."""

    def __init__(self, option_strings: list[str], dest: str, now: str, **options: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, **options)
        self._now = now

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        parser.error(f"{option} is called {self._now} now")


def _metavar(parameter: Hyperparameter) -> str:
    if parameter.choices:
        return "{" + ",".join(parameter.choices) + "}"
    return parameter.type.__name__.upper()
