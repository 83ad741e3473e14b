"""What is wrong with a recipe's values, in sentences: the rule of a field, then what was received."""

from __future__ import annotations

import difflib
import functools
import re
import reprlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import pydantic

from digitcore.recipes.layers import LAYER_KINDS

_TYPES = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
# A person reads them, so five of a thousand are enough.
_MOST = 5
_SHOWN = 60


class Fault(NamedTuple):
    """What is wrong with one value.

    Attributes:
        field: the recipe's field, empty where several do not fit together.
        layer: its number, from 1, where it is one of `layers`; else 0.
        text: a sentence, which begins with the field's name where it can.
    """

    field: str
    layer: int
    text: str

    def calling(self, name: str) -> str:
        """The sentence with another name for the field: `--epochs is a whole number from 1 to 200.`"""
        rest = self.text.removeprefix(f"{self.field} ")
        return f"{name} {rest}" if rest != self.text else self.text


def faults(error: pydantic.ValidationError, model: type[pydantic.BaseModel]) -> list[Fault]:
    """The first faults of values that were to be a recipe."""
    # A value that is none of several types is an error for each of them.
    return list(dict.fromkeys(_fault(one, model) for one in error.errors()[:_MOST]))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ ". Did you mean `--epochs`?" where a known word is near, else an empty text."""
    names = {name.strip("-"): name for name in known}
    plain = word.strip("-").lower()[:_SHOWN]
    initials = ["".join(part[0] for part in re.split(r"[-_]", name) if part) for name in names]
    near = [name for name, letters in zip(names, initials, strict=True) if letters == plain != name]
    near += difflib.get_close_matches(plain, names, n=1)
    return f". Did you mean `{names[near[0]]}`?" if near else ""


def line_of(source: str, field: str, layer: int = 0) -> str:
    """ "line 7: " of a recipe file, where that field is set or that layer begins; else an empty text."""
    lines = source.split("\n")
    starts = [n for n, line in enumerate(lines, 1) if re.match(rf"\s*{re.escape(field)}\s*=", line)]
    if layer:
        # Each layer is a table, and its values hold no braces.
        opened = [
            n
            for n, line in enumerate(lines, 1)
            for _ in re.finditer(r"\{|^\s*\[\[\s*layers\s*\]\]", line.split("#")[0])
        ]
        starts = opened[layer - 1 : layer]
    return f"line {starts[0]}: " if field and starts else ""


def syntax(message: str, source: str) -> str:
    """What `tomllib` says of a text that is no TOML, the line first."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    if not found:
        return message
    what, line, column = found.groups()
    at = f"column {column}" if line else "the end"
    return f"line {line or 1 + source.rstrip().count(chr(10))}, {at}: {what}"


def received(value: Any) -> str:
    """The value as a message quotes it: on one line, and short."""
    if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _SHOWN:
        return value
    text = reprlib.repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _fault(error: Any, model: type[pydantic.BaseModel]) -> Fault:
    kind, place, value = error["type"], error["loc"], error["input"]
    field = str(place[0])[:_SHOWN] if place else ""
    if kind == "value_error":
        return Fault(field, 0, str(error["ctx"]["error"]))
    if field == "layers" and len(place) > 1:
        return _layer_fault(error)
    if kind == "extra_forbidden":
        return Fault(
            field, 0, f"{field} is no field of a recipe{did_you_mean(field, model.model_fields)}"
        )
    if kind == "missing":
        return Fault(field, 0, f"{field} is missing: a recipe has a name and layers")
    return Fault(field, 0, f"{field} is {_rule(model, field)}. Received: {received(value)}")


def _layer_fault(error: Any) -> Fault:
    kind, (_, index, *inner), value = error["type"], error["loc"], error["input"]
    number, kinds = index + 1, ", ".join(LAYER_KINDS)
    if kind == "union_tag_invalid":
        tag = str(error["ctx"]["tag"])[:_SHOWN]
        near = did_you_mean(tag, LAYER_KINDS)
        text = f"its kind is one of {kinds}. Received: {received(tag)}{near}"
    elif kind == "union_tag_not_found":
        text = f"its kind is missing, one of {kinds}"
    elif len(inner) < 2:
        text = f'it is a table such as {{ kind = "flatten" }}. Received: {received(value)}'
    else:
        of, field = LAYER_KINDS[inner[0]], str(inner[1])[:_SHOWN]
        if kind == "extra_forbidden":
            has = ", ".join(name for name in of.model_fields if name != "kind")
            near = did_you_mean(field, of.model_fields)
            text = f"{inner[0]} has no `{field}`{f', but {has}' if has else ''}{near}"
        elif kind == "missing":
            text = f"{field} of {inner[0]} is missing: {_rule(of, field)}"
        else:
            text = f"{field} of {inner[0]} is {_rule(of, field)}. Received: {received(value)}"
    return Fault("layers", number, f"layer {number}: {text}")


@functools.cache
def _rule(model: type[pydantic.BaseModel], name: str) -> str:
    """What values the field may have, in words."""
    entry = model.model_json_schema()["properties"][name]
    choices = [
        c for one in entry.get("anyOf", [entry]) for c in one.get("enum", [one.get("const")])
    ]
    if choices[0] is not None:
        return f"one of {', '.join(choices)}"
    if "pattern" in entry:
        return "1 to 40 small letters, digits and hyphens, a letter or digit first"
    if entry["type"] == "string":
        most = entry.get("maxLength")
        return f"a text of up to {most} characters" if most else "a text"
    if entry["type"] == "array":
        return f"a list of up to {entry['maxItems']} layers"
    return f"{_TYPES[entry['type']]}{_bounds(entry)}"


def _bounds(entry: dict[str, Any]) -> str:
    low, high = entry.get("minimum"), entry.get("maximum")
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}"
    below = f" to {high:,}" if high is not None else f" below {entry.get('exclusiveMaximum')}"
    if low is not None:
        return f" from {low:,},{below}"
    return f" above {entry['exclusiveMinimum']:,},{below}" if "exclusiveMinimum" in entry else ""
