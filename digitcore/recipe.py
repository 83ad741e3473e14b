"""A recipe says all that a training needs: dataset, network and hyperparameters.

This file is the only home of a default, a bound, a unit and a help text. The
sidebar builds its widgets and the command line its flags from the fields below.

    RecipeError (ValueError)   the recipe cannot be found, read, or does not fit together
"""

from __future__ import annotations

import functools
import math
import reprlib
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import pydantic
import tomli_w
from pydantic import Field, model_validator

from digitcore.layers import CLASSES, INPUT_SHAPE, Dense, Frozen, Layer, LayerRow, Shape

# What fits into an ordinary computer: 200 MB of weights, and 4 GB to train on one batch.
MAX_PARAMETERS = 50_000_000
MAX_VALUES = 1_000_000_000
MAX_FILE_BYTES = 20_000  # 64 layers with all they can say take 10,000

# The project's own first, and of these the one that a newcomer need not wait for.
_NAMES = (
    *("fast", "micro", "tiny", "best", "record", "reader"),
    *("two-conv", "three-conv", "three-conv-128", "dropout-3x3", "dropout-2x2"),
)


class RecipeError(ValueError):
    """The recipe cannot be found, cannot be read, or does not fit together."""


Group = Literal[
    "Training",
    "Data",
    "Optimizer and schedule",
    "Augmentation",
    "Regularisation",
    "Reproducibility",
]


def _field(
    default: Any,
    help: str,
    group: Group,
    *,
    unit: str = "",
    step: float | None = None,
    stops: tuple[float, ...] | None = None,
    only: dict[str, str] | None = None,
    **bounds: float,
) -> Any:
    """A hyperparameter. `stops` are the values a slider offers where even steps
    would be useless; `only` names the fields and values under which it matters."""
    extra = {"group": group, "unit": unit, "step": step, "stops": stops, "only": only}
    return Field(  # type: ignore[call-overload]
        default,
        description=help,
        json_schema_extra={k: v for k, v in extra.items() if v is not None},
        **bounds,
    )


class Recipe(Frozen):
    """Dataset, network and every hyperparameter of one training, frozen.

    Two equal recipes train to the same weights on the same machine, unless their precision
    is "auto": which one was taken is in the run's metrics.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Short name of the recipe.")
    description: str = Field("", max_length=400, description="What it is, in a sentence.")
    dataset: Literal["mnist"] = Field("mnist", description="The images that it learns.")
    layers: tuple[Layer, ...] = Field(
        max_length=64,
        description="The network between the image and the ten softmax outputs, which are always added.",
    )

    epochs: int = _field(
        5,
        "Passes over the training images.",
        "Training",
        unit="epochs",
        stops=(*range(1, 11), 12, 15, 20, 30, 50, 100, 200),
        ge=1,
        le=200,
    )
    batch_size: int = _field(
        128,
        "Images in one step of the optimizer.",
        "Training",
        unit="images",
        stops=(8, 16, 32, 60, 64, 120, 128, 256, 512, 1024, 2048),
        ge=1,
        le=4096,
    )
    learning_rate: float = _field(
        0.001,
        "Size of a step; the highest one where a schedule changes it.",
        "Training",
        stops=(
            1e-5,
            2e-5,
            5e-5,
            1e-4,
            2e-4,
            5e-4,
            1e-3,
            2e-3,
            5e-3,
            0.01,
            0.02,
            0.05,
            0.1,
            0.2,
            0.5,
            1,
        ),
        gt=0,
        le=10,
    )

    training_images: int = _field(
        60_000,
        "How many of the dataset's training images are used; the validation share is taken from them.",
        "Data",
        unit="images",
        stops=(500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000),
        ge=100,
        le=60_000,
    )
    validation_share: float = _field(
        0.1,
        "Share of these that is set apart to choose the best epoch; never trained on.",
        "Data",
        step=0.001,
        ge=0.02,
        le=0.5,
    )
    epoch_images: int = _field(
        0,
        "How many of the training images an epoch takes, others each time; 0 is all.",
        "Data",
        unit="images",
        stops=(0, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000),
        ge=0,
        le=60_000,
    )
    written_digits: int = _field(
        0,
        "Digits that Digit Studio writes itself, learned as well: ones with flag and foot, "
        "slashed zeros, crossed sevens, open fours.",
        "Data",
        unit="images",
        stops=(0, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000),
        ge=0,
        le=100_000,
    )
    written_others: int = _field(
        0,
        "Letters, signs and scribbles, written by Digit Studio, of which the network learns to be unsure.",
        "Data",
        unit="images",
        stops=(0, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000),
        ge=0,
        le=100_000,
    )

    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = _field(
        "adam",
        "How gradients become steps. SGD is with momentum and Nesterov's look-ahead.",
        "Optimizer and schedule",
    )
    momentum: float = _field(
        0.9,
        "Share of the last step that is kept in the next one.",
        "Optimizer and schedule",
        step=0.01,
        only={"optimizer": "sgd"},
        ge=0,
        le=0.999,
    )
    schedule: Literal["constant", "cosine", "step"] = _field(
        "constant",
        "How the learning rate changes: not at all, warm-up then half a cosine to zero, or in steps.",
        "Optimizer and schedule",
    )
    warmup_share: float = _field(
        0.1,
        "Share of the training in which the learning rate climbs from zero.",
        "Optimizer and schedule",
        step=0.01,
        only={"schedule": "cosine"},
        ge=0,
        le=0.9,
    )
    step_epochs: int = _field(
        2,
        "Epochs after which the learning rate is lowered, each time.",
        "Optimizer and schedule",
        unit="epochs",
        only={"schedule": "step"},
        ge=1,
        le=100,
    )
    step_factor: float = _field(
        0.5,
        "What the learning rate is multiplied by at each step.",
        "Optimizer and schedule",
        step=0.01,
        only={"schedule": "step"},
        ge=0.01,
        le=1,
    )
    averaging: float = _field(
        0.0,
        "Share of the weights' moving average that a step keeps; the average is what is validated "
        "and kept. 0 is no average (Polyak and Juditsky, 1992).",
        "Optimizer and schedule",
        stops=(0, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999),
        ge=0,
        le=0.9999,
    )

    rotation: float = _field(
        0.0,
        "Largest rotation of an image, either way.",
        "Augmentation",
        unit="°",
        step=1.0,
        ge=0,
        le=45,
    )
    shift: float = _field(
        0.0,
        "Largest shift along each axis, either way.",
        "Augmentation",
        unit="px",
        step=0.5,
        ge=0,
        le=8,
    )
    scale: float = _field(
        0.0,
        "Largest change of size, either way; 0.1 is from 90 % to 110 %.",
        "Augmentation",
        step=0.01,
        ge=0,
        le=0.5,
    )
    shear: float = _field(
        0.0, "Largest slant, either way.", "Augmentation", unit="°", step=1.0, ge=0, le=45
    )
    elastic: float = _field(
        0.0,
        "Typical shift of a point as the image is bent like rubber (Simard et al., 2003).",
        "Augmentation",
        unit="px",
        step=0.1,
        ge=0,
        le=4,
    )
    unwarped_epochs: int = _field(
        0,
        "Epochs at the end that learn the images as they are, like those that are read later (He et "
        "al., 2019).",
        "Augmentation",
        unit="epochs",
        stops=(*range(6), 8, 10, 15, 20, 30, 50, 100),
        ge=0,
        le=100,
    )

    weight_decay: float = _field(
        0.0,
        "Share of each weight removed at a step, times the learning rate (Loshchilov and Hutter, 2019).",
        "Regularisation",
        stops=(0, 1e-5, 1e-4, 5e-4, 1e-3, 0.004, 0.01, 0.05, 0.1),
        ge=0,
        le=1,
    )
    label_smoothing: float = _field(
        0.0,
        "Share of each label spread over all ten digits (Szegedy et al., 2016).",
        "Regularisation",
        step=0.01,
        ge=0,
        le=0.5,
    )
    distillation: float = _field(
        0.0,
        "Share of each label that follows the answers of a larger network, a teacher (Hinton et "
        "al., 2015). The training loss is then above that of validation.",
        "Regularisation",
        step=0.01,
        ge=0,
        le=0.5,
    )
    early_stopping: int = _field(
        0,
        "Stop after this many epochs without one that is better on validation; 0 is never.",
        "Regularisation",
        unit="epochs",
        ge=0,
        le=100,
    )

    seed: int = _field(
        0,
        "Decides first weights, images and their order, written digits, warps and dropout.",
        "Reproducibility",
        ge=0,
        le=2**31 - 1,
    )
    precision: Literal["float32", "mixed_bfloat16", "auto"] = _field(
        "float32",
        "Numbers that the training computes with. auto tries both for a few steps, for a longer "
        "training on a GPU XLA as well, and takes the fastest: weights then depend on the machine.",
        "Reproducibility",
    )

    @model_validator(mode="after")
    def _layers_fit(self) -> Self:
        rows = self.summary()
        parameters = sum(row.parameters for row in rows)
        if parameters > MAX_PARAMETERS:
            raise ValueError(
                f"a network has up to {MAX_PARAMETERS:,} parameters. Received: {parameters:,}"
            )
        values = self.batch_size * sum(math.prod(row.shape) for row in rows)
        if values > MAX_VALUES:
            raise ValueError(
                f"the layers' outputs for one batch have up to {MAX_VALUES:,} values: choose fewer "
                f"filters, larger strides or a smaller batch. Received: {values:,}"
            )
        return self

    def summary(self) -> list[LayerRow]:
        """The network's layers with output shape and parameters, the output layer last.

        Raises:
            ValueError: a layer does not fit to the one before it.
        """
        shape: Shape = INPUT_SHAPE
        rows = []
        output = Dense(units=CLASSES, activation="softmax")
        for number, layer in enumerate((*self.layers, output), start=1):
            parameters = 0
            try:
                # Shape first: it tells in a sentence what is wrong with the input.
                new_shape = layer.output_shape(shape)
                parameters = layer.parameters(shape)
            except ValueError as error:
                what = "the output" if layer is output else f"layer {number} ({layer})"
                raise ValueError(f"{what} does not fit: {error}") from None
            if min(new_shape) < 1:
                size = "×".join(map(str, shape))
                raise ValueError(
                    f"layer {number} ({layer}) does not fit: only {size} values are left"
                )
            shape = new_shape
            rows.append(LayerRow(str(layer), layer.kind, shape, parameters))
        return rows

    def images_an_epoch(self, given: int | None = None) -> int:
        """Images that an epoch has, written ones included.

        Args:
            given: training images that there are; as many as the recipe asks for unless told.
        """
        if given is None:
            given = self.training_images - round(self.training_images * self.validation_share)
        return self.images_taken(given) + self.written_digits + self.written_others

    def images_taken(self, given: int) -> int:
        """How many of so many training images an epoch takes."""
        return min(given, self.epoch_images or given)

    @functools.cached_property
    def parameters(self) -> int:
        """Number of the network's parameters, batch norm's running means included."""
        return sum(row.parameters for row in self.summary())

    def changed(self, **values: Any) -> Recipe:
        """This recipe with other values.

        Raises:
            RecipeError: a value is out of bounds, of the wrong type, or unknown.
        """
        return _validated({**self.model_dump(), **values})

    def differences(self, other: Recipe) -> list[str]:
        """Names of the fields whose values differ from `other`'s, in field order."""
        return [f for f in type(self).model_fields if getattr(self, f) != getattr(other, f)]

    @classmethod
    def names(cls) -> list[str]:
        """Names of the recipes that come with digitcore, the project's own first."""
        return list(_shipped())

    @classmethod
    def load(cls, name_or_path: str | Path) -> Recipe:
        """The recipe of that name, or in that TOML file.

        Raises:
            RecipeError: there is none, or it is not a valid recipe.
        """
        text = str(name_or_path)
        if text in _shipped():
            return _shipped()[text]
        try:
            source = _text(Path(name_or_path))
        except FileNotFoundError:
            known = ", ".join(cls.names())
            raise RecipeError(
                f"A recipe is a TOML file or one of {known}. Received: {text}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"The recipe {text} cannot be read: {error}") from None
        try:
            return _read(source)
        except RecursionError:
            raise RecipeError(f"The recipe {text} is not valid: it is nested too deeply") from None
        except ValueError as error:  # not TOML, not a recipe, or a number of thousands of digits
            raise RecipeError(f"The recipe {text} is not valid: {error}") from None

    def to_toml(self) -> str:
        """The text of a TOML file that `load` reads back to an equal recipe."""
        return tomli_w.dumps(self.model_dump(mode="json"))


class Hyperparameter(NamedTuple):
    """What a widget or a flag needs to know of one field.

    Bounds are inclusive or None; but where it must lie `above` it, `low` is not.
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


@functools.cache
def hyperparameters() -> tuple[Hyperparameter, ...]:
    """The fields that a person sets, in order; `layers` and the names are not among them."""
    schema = Recipe.model_json_schema()["properties"]
    kinds = {"integer": int, "number": float, "string": str}
    return tuple(
        Hyperparameter(
            name=name,
            label=name.replace("_", " ").capitalize(),
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


@functools.cache
def _shipped() -> dict[str, Recipe]:
    """The recipes that come with digitcore, by name; pages ask for them again and again."""
    folder = resources.files("digitcore") / "recipes"
    return {name: _read((folder / f"{name}.toml").read_text(encoding="utf-8")) for name in _NAMES}


def _text(path: Path) -> str:
    with path.open("rb") as file:
        source = file.read(MAX_FILE_BYTES + 1)
    if len(source) > MAX_FILE_BYTES:
        raise RecipeError(f"The recipe {path} is longer than {MAX_FILE_BYTES:,} bytes.")
    return source.decode("utf-8").replace("\r\n", "\n")


# Of a thousand runs most have one of a few texts.
@functools.lru_cache(maxsize=1000)
def _read(source: str) -> Recipe:
    return _validated(tomllib.loads(source))


def _validated(values: dict[str, Any]) -> Recipe:
    try:
        return Recipe.model_validate(values)
    except pydantic.ValidationError as error:
        # Five of a thousand faults, as a person is to read them.
        raise RecipeError("; ".join(_sentence(e) for e in error.errors()[:5])) from None


def _sentence(error: Any) -> str:
    where = ".".join(f"{part!s:.40}" for part in error["loc"][:8])
    rule = error["msg"].removeprefix("Value error, ")
    received = (
        ""
        if error["type"] in ("value_error", "missing")
        else f" Received: {reprlib.repr(error['input'])}"
    )
    return f"{where}: {rule}.{received}" if where else rule
