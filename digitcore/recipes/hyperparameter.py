"""How a hyperparameter is declared, and what a widget or a flag needs to know of it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import pydantic
from pydantic import Field

Group = Literal[
    "Training",
    "Data",
    "Optimizer and schedule",
    "Augmentation",
    "Regularisation",
    "Reproducibility",
]


def field(
    default: Any,
    help: str,
    group: Group,
    *,
    label: str = "",
    unit: str = "",
    step: float | None = None,
    stops: tuple[float, ...] | None = None,
    only: dict[str, str] | None = None,
    **bounds: float,
) -> Any:
    """Declares a hyperparameter.

    Args:
        default: its value unless set.
        help: what it is, in a sentence.
        group: the heading it stands under in the sidebar and the README.
        label: its name in the sidebar, unless that follows from the field's.
        unit: of its value, such as "px".
        step: between two values of a slider.
        stops: the values of a slider where even steps would be useless.
        only: other fields, and the values that they must have for this one to matter.
        bounds: pydantic's `ge`, `gt` and `le`.
    """
    extra = {
        "group": group,
        "label": label,
        "unit": unit,
        "step": step,
        "stops": stops,
        "only": only,
    }
    return Field(  # type: ignore[call-overload]
        default,
        description=help,
        json_schema_extra={k: v for k, v in extra.items() if v is not None},
        **bounds,
    )


class Hyperparameter(NamedTuple):
    """What a widget or a flag needs to know of one field.

    `low` and `high` are inclusive or None, except that `above` makes `low` exclusive.
    """

    name: str
    label: str
    type: type
    default: Any
    help: str
    group: str
    unit: str
    low: float | None
    above: bool
    high: float | None
    step: float | None
    stops: tuple[float, ...] | None
    choices: tuple[str, ...] | None
    only: dict[str, str]


def described(model: type[pydantic.BaseModel]) -> tuple[Hyperparameter, ...]:
    """The fields of `model` that `field` declared, in order."""
    schema = model.model_json_schema()["properties"]
    kinds = {"integer": int, "number": float, "string": str}
    return tuple(
        Hyperparameter(
            name=name,
            label=entry["label"] or name.replace("_", " ").capitalize(),
            type=kinds[entry["type"]],
            default=entry["default"],
            help=entry["description"],
            group=entry["group"],
            unit=entry["unit"],
            low=entry.get("minimum", entry.get("exclusiveMinimum")),
            above="exclusiveMinimum" in entry,
            high=entry.get("maximum"),
            step=entry.get("step"),
            stops=tuple(entry["stops"]) if "stops" in entry else None,
            choices=tuple(entry["enum"]) if "enum" in entry else None,
            only=entry.get("only", {}),
        )
        for name, entry in schema.items()
        if "group" in entry
    )
