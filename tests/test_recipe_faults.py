"""What is refused in a recipe, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from digitcore.recipes import Recipe, RecipeError
from digitcore.recipes.layers import Conv, Dense, Flatten, Pool

SMALL = Recipe(name="small", layers=[{"kind": "flatten"}, {"kind": "dense", "units": 8}])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0}, "^epochs is a whole number from 1 to 200. Received: 0$"),
        ({"learning_rate": 0}, "^learning_rate is a number above 0, to 10. Received: 0$"),
        ({"validation_split": 0.51}, "^validation_split is a number from 0.02 to 0.5. R.*: 0.51$"),
        ({"seed": -1}, "^seed is a whole number from 0 to 2,147,483,647. Received: -1$"),
        ({"epochs": "many"}, "^epochs is a whole number from 1 to 200. Received: many$"),
        ({"learning_rate": True}, "^learning_rate is a number .* Received: true$"),
        ({"epochs": True}, "^epochs is a whole number .* Received: true$"),
        (
            {"layers": [{"kind": "dropout", "rate": False}]},
            "^layer 1: rate of dropout is a number from 0, below 1. Received: false$",
        ),
        ({"epochs": 2.5}, "^epochs is a whole number .* Received: 2.5$"),
        ({"learning_rate": float("nan")}, "^learning_rate is a number .* Received: nan$"),
        ({"rotation": [1]}, r"^rotation is a number from 0 to 45. Received: \[1\]$"),
        ({"optimizer": "magic"}, "^optimizer is one of adam, adamw, sgd, rmsprop. R.*: magic$"),
        ({"dataset": "cats"}, "^A dataset is one of mnist, .* Received: cats$"),
        ({"epoch": 3}, "^epoch is no field of a recipe. Did you mean `epochs`\\?$"),
        ({"lr": 3}, "^lr is no field of a recipe. Did you mean `learning_rate`\\?$"),
        ({"qqqqqq": 3}, "^qqqqqq is no field of a recipe$"),
        ({"name": "../evil"}, "^name is 1 to 40 small letters, digits and hyphens.*: ../evil$"),
        ({"name": "a\nb"}, r"^name is .* Received: 'a\\nb'$"),
        ({"name": ""}, "^name is .* Received: ''$"),
        ({"description": "x" * 401}, "^description is a text of up to 400 characters. .{,50}$"),
        ({"layers": "conv"}, "^layers is a list of up to 64 layers. Received: conv$"),
        ({"layers": [1]}, '^layer 1: it is a table such as { kind = "flatten" }. Received: 1$'),
        (
            {"layers": [{"kind": "convv"}]},
            "^layer 1: its kind is one of conv, .*: convv. Did you mean `conv`",
        ),
        ({"layers": [{"filters": 3}]}, "^layer 1: its kind is missing, one of conv, "),
        (
            {"layers": [{"kind": "flatten"}, {"kind": "conv"}]},
            "^layer 2: filters of conv is missing: a whole number from 1 to 1,024$",
        ),
        (
            {"layers": [{"kind": "conv", "filters": 0}]},
            "^layer 1: filters of conv is a whole number from 1 to 1,024. Received: 0$",
        ),
        (
            {"layers": [{"kind": "dropout", "rate": 1}]},
            "^layer 1: rate of dropout is a number from 0, below 1. Received: 1$",
        ),
        (
            {"layers": [{"kind": "dense", "units": 2, "activation": "relo"}]},
            "^layer 1: activation of dense is one of relu, [a-z_, ]*, softmax. Received: relo$",
        ),
        ({"layers": [{"kind": "flatten", "units": 2}]}, "^layer 1: flatten has no `units`$"),
        (
            {"layers": [{"kind": "conv", "filter": 2, "filters": 2}]},
            "^layer 1: conv has no `filter`, but .*filters. Did you mean `filters`\\?$",
        ),
        ({"layers": [{"kind": "flatten"}] * 65}, "^layers is a list of up to 64 layers. "),
    ],
)
def test_a_wrong_value_is_refused_by_field_rule_and_value(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        SMALL.changed(**changes)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Dense(units=8)], r"layer 1 \(dense 8, relu\) does not fit: .*flatten or global_pool"),
        ([Conv(filters=2)], "the output does not fit: .*flatten or global_pool"),
        ([], "the output does not fit"),
        ([Flatten(), Conv(filters=2)], r"layer 2 \(conv 2, .*needs an image"),
        ([Flatten(), Flatten()], r"layer 2 \(flatten\) does not fit: .*vector"),
        ([Pool(size=28), Pool()], r"layer 2 \(max pool 2×2\) does not fit: only 1×1×1"),
        ([Pool(size=5), Conv(filters=2, kernel=6)], "layer 2 .* only 5×5×1 values are left"),
    ],
)
def test_layers_that_do_not_fit_are_named(layers: list[Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        SMALL.changed(layers=[layer.model_dump() for layer in layers])


def test_two_faults_are_both_told() -> None:
    with pytest.raises(RecipeError, match=r"^epochs is .*; batch_size is "):
        SMALL.changed(epochs=0, batch_size=0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"epochs = ", "not valid: line 1, the end: Invalid value$"),
        (b"epochs = ?\n", "not valid: line 1, column 10: Invalid value$"),
        (b"name = 'a'\nlayers = [\n", "not valid: line 2, the end: "),
        (b'name = "a"\n\naveraging = 2\nlayers = []', "not valid: line 3: ema_decay is "),
        (
            b'name = "a"\nlayers = [ # {\n { kind = "flatten" }, { kind = "dense", units = 1 },\n { kind = "x" }]',
            "not valid: line 4: layer 3: its kind is ",
        ),
        (
            b'name = "a"\n[[layers]]\nkind = "flatten"\n[[layers]]\nkind = "dense"',
            "not valid: line 4: layer 2: units of dense is missing",
        ),
        (b'name = "a"\nlayers = []\nepochs = 0', "not valid: line 3: epochs is "),
        (b'name = "a"', "not valid: layers is missing"),
        (b"", "not valid: name is missing"),
        (b"\x89PNG\r\n\x1a\n\xff\x00", "cannot be read: it is not text in UTF-8$"),
        (b"#" * 20_001, "cannot be read: it is longer than 20,000 bytes$"),
        (b"a\x00b", "not valid"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=f"The recipe .*recipe.toml .*{words}"):
        Recipe.load(path)


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        Recipe.load(tmp_path)


@pytest.mark.parametrize("path", ["mine.toml", "./mine", "nowhere/fast", "http://a.b/c.toml"])
def test_a_file_that_is_missing_is_told_as_such(path: str) -> None:
    with pytest.raises(RecipeError) as refused:
        Recipe.load(path)
    assert str(refused.value) == f"The recipe {path} cannot be read: No such file or directory"


@pytest.mark.parametrize(("name", "quoted"), [("fats", "fats"), ("mine", "mine"), ("", "''")])
def test_a_name_that_no_recipe_has_is_told_with_those_there_are(name: str, quoted: str) -> None:
    with pytest.raises(RecipeError, match=f"one of fast, .*two-conv.* Received: {quoted}"):
        Recipe.load(name)


@pytest.mark.parametrize("field", Recipe.model_fields)
@pytest.mark.parametrize("odd", [None, {}, [[]], -(10**30), float("inf"), "\ud800", "x" * 9_000])
def test_whatever_stands_in_a_field_is_refused_in_a_sentence(field: str, odd: Any) -> None:
    with pytest.raises(RecipeError, match=r"^(layer 1|A dataset|\w+)") as refused:
        SMALL.changed(**{field: odd})
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)
