"""Recipes: what ships, what changes, and the way to TOML and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest

from digitcore.recipes import Recipe, RecipeError, hyperparameters
from digitcore.recipes.layers import Conv, Dense, Dropout, Flatten, Pool

HYPERPARAMETERS = {parameter.name: parameter for parameter in hyperparameters()}
SMALL = Recipe(name="small", layers=[{"kind": "flatten"}, {"kind": "dense", "units": 8}])


def convs(*filters: int, **settings: Any) -> list[Any]:
    return [layer for n in filters for layer in (Conv(filters=n, **settings), Pool())]


def convs_with_dropout(*filters: int, **settings: Any) -> list[Any]:
    return [layer for n in filters for layer in (*convs(n, **settings), Dropout(rate=0.3))]


SEEDS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "three-conv": (
        [*convs(64, 64, 64, kernel=3), Flatten(), Dense(units=64), Dense(units=32)],
        {"batch_size": 32, "epochs": 5, "validation_split": 0.3, "parameters": 81_066},
    ),
    "three-conv-128": (
        [*convs(32, 64, 64, kernel=3), Flatten(), Dense(units=128)],
        {"parameters": 65_354},
    ),
    "dropout-3x3": (
        [
            *convs_with_dropout(64, 32, kernel=3, padding="same"),
            Flatten(),
            Dense(units=128),
            Dropout(rate=0.5),
        ],
        {"batch_size": 120, "epochs": 10, "parameters": 221_226},
    ),
    "two-conv": (
        [*convs(32, 64, kernel=3), Flatten(), Dense(units=128)],
        {"parameters": 225_034},
    ),
    "dropout-2x2": (
        [
            *convs_with_dropout(64, 32, kernel=2),
            Flatten(),
            Dense(units=256),
            Dropout(rate=0.5),
        ],
        {"batch_size": 60, "epochs": 10, "validation_split": 0.3, "parameters": 306_282},
    ),
}

CHANGES: list[dict[str, Any]] = [
    {},
    {"epochs": 200, "seed": 2**31 - 1, "learning_rate": 1e-5, "training_images": 100},
    {"description": 'Says "50 %" — with a \\ and\na second line.'},
    {"optimizer": "sgd", "momentum": 0.0, "schedule": "step", "step_factor": 1 / 3},
    {"rotation": 12.5, "shift": 0.1, "scale": 0.1 + 0.2, "precision": "mixed_bfloat16"},
    {"layers": [{"kind": "flatten"}]},
    {
        "layers": [
            {"kind": "conv", "filters": 4, "kernel": 5, "stride": 2, "bias": False},
            {"kind": "batch_norm", "activation": "gelu", "momentum": 0.99},
            {"kind": "depthwise_conv", "stride": 2, "padding": "same"},
            {"kind": "pool", "method": "average", "size": 3},
            {"kind": "dropout", "rate": 0.25},
            {"kind": "global_pool"},
            {"kind": "dense", "units": 12, "activation": "softmax"},
        ]
    },
]


# --- what ships --------------------------------------------------------------


@pytest.mark.parametrize("name", Recipe.names())
def test_every_shipped_recipe_loads_under_its_own_name(name: str) -> None:
    recipe = Recipe.load(name)
    assert recipe.name == name
    assert recipe.description


def test_the_projects_own_recipes_come_before_the_seeds() -> None:
    names = Recipe.names()
    assert "fast" in names
    assert set(names[-5:]) == set(SEEDS)


@pytest.mark.parametrize("name", SEEDS)
def test_a_seed_is_as_its_author_gave_it(name: str) -> None:
    layers, values = SEEDS[name]
    recipe = Recipe.load(name)
    assert list(recipe.layers) == layers
    assert recipe.optimizer == "adam"
    assert {field: getattr(recipe, field) for field in values} == values


def test_summary_tells_shape_and_parameters_of_each_layer_and_the_output() -> None:
    rows = Recipe.load("two-conv").summary()
    assert [(row.kind, row.shape, row.parameters) for row in rows] == [
        ("conv", (26, 26, 32), 320),
        ("pool", (13, 13, 32), 0),
        ("conv", (11, 11, 64), 18_496),
        ("pool", (5, 5, 64), 0),
        ("flatten", (1600,), 0),
        ("dense", (128,), 204_928),
        ("dense", (10,), 1_290),
    ]
    assert rows[0].layer == "conv 32, 3×3, relu"
    assert rows[-1].layer == "dense 10, softmax"


# --- TOML --------------------------------------------------------------------


@pytest.mark.parametrize("name", Recipe.names())
def test_a_shipped_recipe_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    assert saved(Recipe.load(name), tmp_path) == Recipe.load(name)


@pytest.mark.parametrize("changes", [{"layers": SMALL.layers, **change} for change in CHANGES])
def test_a_changed_recipe_survives_a_round_trip(changes: dict[str, Any], tmp_path: Path) -> None:
    recipe = SMALL.changed(**changes)
    assert saved(recipe, tmp_path) == recipe


def test_a_recipe_file_may_leave_out_all_but_name_and_layers(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text('name = "short"\nlayers = [{ kind = "flatten" }]', encoding="utf-8")
    recipe = Recipe.load(path)
    defaults = {name: parameter.default for name, parameter in HYPERPARAMETERS.items()}
    assert {name: getattr(recipe, name) for name in defaults} == defaults


def saved(recipe: Recipe, folder: Path) -> Recipe:
    path = folder / "saved.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    return Recipe.load(str(path))


def test_a_recipe_and_its_layers_are_frozen() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        SMALL.epochs = 3  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        SMALL.layers[1].units = 3
    assert hash(SMALL) == hash(SMALL.changed())


def test_changed_leaves_the_first_recipe_as_it_was() -> None:
    assert SMALL.changed(epochs=9).epochs == 9
    assert SMALL.epochs == HYPERPARAMETERS["epochs"].default


def test_differences_names_changed_fields_in_field_order() -> None:
    other = SMALL.changed(seed=4, layers=[{"kind": "flatten"}], epochs=9)
    assert SMALL.differences(other) == ["layers", "epochs", "seed"]
    assert SMALL.differences(SMALL.changed()) == []


# --- hyperparameters ---------------------------------------------------------


def test_every_field_but_the_names_and_layers_is_a_hyperparameter() -> None:
    assert [*Recipe.model_fields] == ["name", "description", "dataset", "layers", *HYPERPARAMETERS]


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_a_hyperparameter_explains_itself(name: str) -> None:
    parameter = HYPERPARAMETERS[name]
    assert parameter.help.endswith(".")
    assert parameter.group
    assert type(parameter.default) is parameter.type
    assert set(parameter.only) <= set(HYPERPARAMETERS)
    for other, value in parameter.only.items():
        assert value in (HYPERPARAMETERS[other].choices or ())


@pytest.mark.parametrize("name", [n for n, p in HYPERPARAMETERS.items() if p.type is not str])
def test_bounds_hold_the_default_and_refuse_what_is_beyond(name: str) -> None:
    parameter = HYPERPARAMETERS[name]
    assert parameter.low is not None
    assert parameter.high is not None
    assert parameter.low <= parameter.default <= parameter.high
    SMALL.changed(**{name: parameter.high})
    for value in (parameter.low - 1, parameter.high + 1):
        with pytest.raises(RecipeError, match=f"^{name} is "):
            SMALL.changed(**{name: parameter.type(value)})


@pytest.mark.parametrize("name", [n for n, p in HYPERPARAMETERS.items() if p.stops])
def test_every_stop_of_a_slider_is_allowed_and_the_default_is_one(name: str) -> None:
    parameter = HYPERPARAMETERS[name]
    assert parameter.stops is not None
    assert parameter.default in parameter.stops
    assert list(parameter.stops) == sorted(parameter.stops)
    for stop in parameter.stops:
        assert getattr(SMALL.changed(**{name: stop}), name) == stop


@pytest.mark.parametrize("name", [n for n, p in HYPERPARAMETERS.items() if p.choices])
def test_every_choice_is_allowed(name: str) -> None:
    parameter = HYPERPARAMETERS[name]
    assert parameter.choices is not None
    assert parameter.default in parameter.choices
    for choice in parameter.choices:
        assert getattr(SMALL.changed(**{name: choice}), name) == choice
