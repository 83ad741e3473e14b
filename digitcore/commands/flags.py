"""The flags: a parser that tells of a wrong one, and one flag for each field of a recipe."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from digitcore.commands.output import one_line, to_json
from digitcore.datasets import registry
from digitcore.recipes import EARLIER_NAMES, Hyperparameter, Recipe, hyperparameters
from digitcore.recipes.faults import did_you_mean, received
from digitcore.recipes.layers import LAYER_KINDS

LAYERS = 'a JSON list of layers such as \'[{"kind": "flatten"}, {"kind": "dense", "units": 64}]\''


class Parser(argparse.ArgumentParser):
    """Tells of wrong usage in one line, with the nearest flag, below the usage of its command.

    Attributes:
        as_json: whether to tell it as a JSON object on stdout as well; of the last words parsed.
    """

    def __init__(self, **options: Any) -> None:
        # No abbreviations, because a new flag would change what they mean.
        super().__init__(**{"allow_abbrev": False, **options})
        self.as_json = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but a command itself tells of what it does not know."""
        self.as_json = "--json" in args
        parsed, surplus = super().parse_known_args(args, namespace)
        if surplus:
            self.error(self._surplus(surplus[0]))
        return parsed, surplus

    def error(self, message: str) -> NoReturn:
        """Ends the process with status 2."""
        line = one_line(message)
        if self.as_json:
            print(to_json({"error": line}), flush=True)
        super().error(line)

    def _surplus(self, word: str) -> str:
        if not word.startswith("-"):
            return f"nothing more belongs here. Received: {received(word)}"
        flag = word.split("=", maxsplit=1)[0].replace("_", "-")
        known = [
            option
            for action in self._actions
            if action.help != argparse.SUPPRESS
            for option in action.option_strings
        ]
        return f"there is no {received(word.split('=', maxsplit=1)[0])}{did_you_mean(flag, known)}"


def add_recipe_flags(parser: argparse.ArgumentParser) -> None:
    """One flag for each field of a recipe, under the headings that the sidebar has."""
    parser.usage = f"{parser.prog} [--recipe NAME|FILE] [--FIELD VALUE ...] [--json]"
    parser.add_argument(
        "--recipe",
        default="fast",
        metavar="NAME|FILE",
        help=f"One of {', '.join(Recipe.names())}, or a TOML file. Default: fast.",
    )
    numbers = {parameter.name: parameter for parameter in hyperparameters()}
    groups: dict[str, Any] = {}
    for name, field in Recipe.model_fields.items():
        parameter = numbers.get(name)
        text = (field.description or "").replace("%", "%%")
        if name == "dataset":
            text = f"{text} One of {', '.join(registry.names())}. Default: the recipe's."
        if name == "layers":
            kinds = ", ".join(LAYER_KINDS)
            text = f"{text} It is {LAYERS}. Kinds: {kinds}. Default: the recipe's."
        if parameter:
            default = parameter.default
            number = default if isinstance(default, str) else f"{default:,}".removesuffix(".0")
            text = f"{text}{_bounds(parameter)} Default: the recipe's, else {number}."
        heading = parameter.group if parameter else "What is trained"
        if heading not in groups:
            groups[heading] = parser.add_argument_group(heading)
        groups[heading].add_argument(
            flag(name),
            dest=name,
            metavar=_metavar(parameter) if parameter else "JSON" if name == "layers" else "TEXT",
            help=text,
        )
    for earlier, now in EARLIER_NAMES.items():
        parser.add_argument(
            flag(earlier), action=Renamed, now=flag(now), nargs="?", help=argparse.SUPPRESS
        )


def flag(name: str) -> str:
    """The flag of that field of a recipe."""
    return f"--{name.replace('_', '-')}"


class Renamed(argparse.Action):
    """A flag by its earlier name is an error that names the new one."""

    def __init__(self, option_strings: list[str], dest: str, now: str, **options: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, **options)
        self._now = now

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        parser.error(f"{option} is called {self._now} now")


def _bounds(parameter: Hyperparameter) -> str:
    if parameter.low is None or parameter.high is None:
        return ""
    unit = parameter.unit if parameter.unit == "°" else f" {parameter.unit}".rstrip()
    low = f"Above {parameter.low:,}, up" if parameter.above else f"From {parameter.low:,}"
    return f" {low} to {parameter.high:,}{unit}."


def _metavar(parameter: Hyperparameter) -> str:
    if parameter.choices:
        return "{" + ",".join(parameter.choices) + "}"
    return parameter.type.__name__.upper()
