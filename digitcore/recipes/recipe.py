"""A recipe says all that a training needs: dataset, network and hyperparameters.

Its hyperparameters are in `fields`, its kinds of layers in `layers`.

    RecipeError (ValueError)   the recipe cannot be found, read, or does not fit together
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Self

import pydantic
import tomli_w
from pydantic import field_validator, model_validator

from digitcore.datasets import registry
from digitcore.datasets.info import DatasetInfo
from digitcore.recipes.faults import Fault, did_you_mean, faults, line_of, received, syntax
from digitcore.recipes.fields import RecipeFields
from digitcore.recipes.layers import Dense, LayerRow, Shape

# Earlier names of hyperparameters, in recipe files and run folders of earlier versions.
EARLIER_NAMES = {
    "validation_share": "validation_split",
    "warmup_share": "warmup_ratio",
    "written_digits": "synthetic_digits",
    "written_others": "synthetic_outliers",
    "averaging": "ema_decay",
    "unwarped_epochs": "epochs_without_augmentation",
}
# What an ordinary computer has room for: 200 MB of weights, and 4 GB to train on one batch.
MAX_PARAMETERS = 50_000_000
MAX_VALUES = 1_000_000_000
MAX_FILE_BYTES = 20_000  # 64 layers with all they can say take 10,000

# The project's own first, and of these the fastest, so that a newcomer need not wait.
_NAMES = (
    *("fast", "micro", "tiny", "best", "record", "reader", "small-digits"),
    *("two-conv", "three-conv", "three-conv-128", "dropout-3x3", "dropout-2x2"),
)


# Hyperparameters that only some datasets have a use for, and why not the others.
_WHY_NOT = {
    "synthetic_digits": "is not of handwritten digits",
    "synthetic_outliers": "is not of handwritten digits",
    "distillation": "the teacher has not learned",
}


def inapplicable(info: DatasetInfo) -> list[str]:
    """The hyperparameters that must be 0 in a recipe for that dataset."""
    applies = {"distillation": info.teacher}
    return [field for field in _WHY_NOT if not applies.get(field, info.synthetic_handwriting)]


class RecipeError(ValueError):
    """The recipe cannot be found, cannot be read, or does not fit together.

    `faults` are those of its values, in the order of the message; none if that is of something else.
    """

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class Recipe(RecipeFields):
    """Dataset, network and every hyperparameter of one training, frozen.

    Equal recipes train to the same weights on the same machine, unless their precision is "auto";
    the run's metrics have the precision that was chosen.
    """

    @field_validator("dataset")
    @classmethod
    def _is_registered(cls, name: str) -> str:
        return registry.get(name).name

    @model_validator(mode="after")
    def _applies_to_the_dataset(self) -> Self:
        for field in inapplicable(self.info):
            if getattr(self, field):
                raise ValueError(
                    f"{field} is 0 for {self.info.title}, which {_WHY_NOT[field]}. "
                    f"Received: {getattr(self, field)}"
                )
        return self

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
            ValueError: a layer does not fit the one before it.
        """
        shape: Shape = self.input_shape
        rows = []
        output = Dense(units=self.info.class_count, activation="softmax")
        for number, layer in enumerate((*self.layers, output), start=1):
            parameters = 0
            try:
                # Shape first: its error says what is wrong with the input.
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
        """Images per epoch, synthetic ones included.

        Args:
            given: training images that there are; None for as many as the recipe asks for.
        """
        if given is None:
            given = self.training_images - round(self.training_images * self.validation_split)
        return self.images_taken(given) + self.synthetic_digits + self.synthetic_outliers

    def images_taken(self, given: int) -> int:
        """How many of `given` training images an epoch takes."""
        return min(given, self.epoch_images or given)

    @property
    def info(self) -> DatasetInfo:
        """What the registry knows of its dataset: classes, image shape."""
        return registry.get(self.dataset)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an input image."""
        return (*self.info.image_shape, 1)

    @functools.cached_property
    def parameters(self) -> int:
        """Number of the network's parameters, batch norm's running means included."""
        return sum(row.parameters for row in self.summary())

    def changed(self, **values: Any) -> Recipe:
        """A copy of this recipe with the given values.

        Raises:
            RecipeError: a value is out of bounds, of the wrong type, or unknown.
        """
        return _validated({**self.model_dump(), **values})

    def for_dataset(self, name: str) -> Recipe:
        """This recipe for another dataset, without what does not apply to it.

        Raises:
            RecipeError: there is no such dataset, or the layers do not fit its images.
        """
        try:
            info = registry.get(name)
        except ValueError as error:
            raise RecipeError(str(error)) from None
        return self.changed(dataset=name, **dict.fromkeys(inapplicable(info), 0))

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
        except (OSError, ValueError) as error:  # a path may be no path, and a file no text
            a_name = Path(text).name == text and not text.endswith(".toml")
            if not text or (a_name and isinstance(error, FileNotFoundError)):
                raise RecipeError(
                    f"A recipe is a TOML file or one of {', '.join(cls.names())}. "
                    f"Received: {text or received(text)}{did_you_mean(text, cls.names())}"
                ) from None
            reason = error.strerror if isinstance(error, OSError) else error
            raise RecipeError(f"The recipe {text} cannot be read: {reason}") from None
        try:
            return _read(source)
        except RecursionError:
            raise RecipeError(f"The recipe {text} is not valid: it is nested too deeply") from None
        except RecipeError as error:
            raise RecipeError(f"The recipe {text} is not valid: {error}", error.faults) from None
        except ValueError as error:  # not TOML, or a number of thousands of digits
            reason = syntax(str(error), source)
            raise RecipeError(f"The recipe {text} is not valid: {reason}") from None

    def to_toml(self) -> str:
        """The text of a TOML file that `load` reads back to an equal recipe."""
        return tomli_w.dumps(self.model_dump(mode="json"))


@functools.cache
def _shipped() -> dict[str, Recipe]:
    """The recipes that come with digitcore, by name; pages ask for them again and again."""
    folder = resources.files("digitcore") / "recipes"
    return {name: _read((folder / f"{name}.toml").read_text(encoding="utf-8")) for name in _NAMES}


def _text(path: Path) -> str:
    with path.open("rb") as file:
        source = file.read(MAX_FILE_BYTES + 1)
    if len(source) > MAX_FILE_BYTES:
        raise RecipeError(f"it is longer than {MAX_FILE_BYTES:,} bytes")
    try:
        return source.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise RecipeError("it is not text in UTF-8") from None


# Most of a thousand runs have one of a few texts.
@functools.lru_cache(maxsize=1000)
def _read(source: str) -> Recipe:
    values = tomllib.loads(source)
    written = dict.fromkeys(values)
    for earlier, now in EARLIER_NAMES.items():
        if earlier in values:
            if now in values:
                raise RecipeError(f"{now} is given twice: once as {earlier}, its earlier name")
            values[now] = values.pop(earlier)
    try:
        return _validated(values)
    except RecipeError as error:
        names = {now: earlier for earlier, now in EARLIER_NAMES.items() if earlier in written}
        lines = [line_of(source, names.get(f.field, f.field), f.layer) for f in error.faults]
        told = [f"{line}{f.text}" for line, f in zip(lines, error.faults, strict=True)]
        raise RecipeError("; ".join(told), error.faults) from None


def _validated(values: dict[str, Any]) -> Recipe:
    try:
        return Recipe.model_validate(values)
    except pydantic.ValidationError as error:
        found = faults(error, Recipe)
        raise RecipeError("; ".join(fault.text for fault in found), found) from None
