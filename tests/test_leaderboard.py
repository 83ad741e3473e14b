"""The board: whose numbers are compared, who is on the front, who wins, and what is drawn of it."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from made_up import write_metrics

from digitcore import runs
from digitcore.analysis import leaderboard
from digitcore.analysis.leaderboard import CHALLENGES, Entry
from digitcore.figures import interactive
from digitcore.recipes import Recipe
from digitcore.runs import Run

CHECKSUM = leaderboard.measured()[0]["data_checksum"]


def entry(name: str, parameters: int, validation: float, **others: Any) -> Entry:
    values = {"run": name, "seeds": 1, "spread": None, "interval": (0.9, 1.0)}
    values["test_accuracy"] = others.pop("test", validation)
    values |= {"fit_seconds": 10.0, "seconds_to_99": None, "prediction_ms": 1.0, **others}
    return Entry(name=name, parameters=parameters, validation_accuracy=validation, **values)


def ended(status: str = "finished", **metrics: Any) -> Run:
    run = runs.create(Recipe.load("fast"))
    (run.path / "model.tflite").write_bytes(b"network")
    same_task = {"data_checksum": CHECKSUM, "validation_images": 3_000}
    write_metrics(run.path, **{**same_task, **metrics})
    run.update(status=status)
    return run


# --- the recipes as measured --------------------------------------------------


@pytest.mark.parametrize("row", leaderboard.measured(), ids=lambda row: row["recipe"]["name"])
def test_what_was_measured_is_the_recipe_that_ships(row: dict[str, Any]) -> None:
    shipped = Recipe.load(row["recipe"]["name"])
    assert Recipe.model_validate(row["recipe"]) == shipped
    assert row["parameters"] == shipped.parameters
    assert row["data_checksum"] == CHECKSUM
    assert [training["seed"] for training in row["trainings"]] == [*range(len(row["trainings"]))]


def test_a_recipe_is_the_mean_of_its_trainings_and_the_median_of_its_seconds() -> None:
    rows = {row["recipe"]["name"]: row["trainings"] for row in leaderboard.measured()}
    for found in leaderboard.recipes():
        tests = [training["test_accuracy"] for training in rows[found.name]]
        seconds = sorted(training["fit_seconds"] for training in rows[found.name])
        assert (found.seeds, found.run) == (len(tests), "")
        assert found.test_accuracy == pytest.approx(sum(tests) / len(tests))
        assert (found.spread is None) == (len(tests) == 1) == (found.interval is not None)
        assert seconds[0] <= found.fit_seconds <= seconds[-1]


def test_an_accuracy_that_one_seed_never_reached_has_no_time() -> None:
    row = next(row for row in leaderboard.measured() if len(row["trainings"]) > 1)
    changed = json.loads(json.dumps(row))
    for training in changed["trainings"]:
        training["seconds_to_99"] = 3.0
    assert leaderboard._of_recipe(changed).seconds_to_99 == 3.0
    changed["trainings"][0]["seconds_to_99"] = None
    assert leaderboard._of_recipe(changed).seconds_to_99 is None


# --- a person's runs ----------------------------------------------------------


def test_a_run_that_ended_takes_part_with_what_it_reached() -> None:
    run = ended(
        validation_accuracy=0.97,
        test_accuracy=0.96,
        test_interval=[0.95, 0.97],
        fit_seconds=12.5,
        seconds_to_99=7.5,
        prediction_ms=0.4,
    )
    run.rename("mine")
    assert leaderboard.of_run(run, run.state) == Entry(
        *("mine", run.id, 1, 57_114, 0.97, 0.96, None, (0.95, 0.97), 12.5, 7.5, 0.4)
    )


def test_a_run_from_before_there_was_a_board_has_no_times() -> None:
    run = ended()
    found = leaderboard.of_run(run, run.state)
    assert found
    assert (found.seconds_to_99, found.prediction_ms) == (None, None)


@pytest.mark.parametrize(
    ("status", "metrics"),
    [
        ("failed", {}),
        ("queued", {}),
        ("finished", {"data_checksum": "other digits"}),
        ("finished", {"validation_images": 2_999}),
        ("finished", {"hand": {"taught": 20}}),
    ],
)
def test_what_is_not_of_the_same_task_takes_no_part(status: str, metrics: dict[str, Any]) -> None:
    run = ended(status, **metrics)
    assert leaderboard.of_run(run, run.state) is None


def test_broken_runs_and_damaged_numbers_harm_nobody() -> None:
    run = ended()
    (run.path / "metrics.json").write_text("[")
    assert leaderboard.of_run(run, run.state) is None
    (run.path / "state.json").write_text("[")
    assert leaderboard.of_run(run, run.state) is None


# --- front and challenges -----------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_the_front_holds_exactly_what_nothing_beats(seed: int) -> None:
    rolled = random.Random(seed)
    some = [
        entry(str(n), rolled.randrange(1, 9), rolled.randrange(90, 99) / 100) for n in range(30)
    ]
    found = leaderboard.front(some, "parameters")
    kept = {(one.parameters, one.validation_accuracy) for one in found}
    for one in some:
        beaten = any(
            (
                other.parameters <= one.parameters
                and other.validation_accuracy > one.validation_accuracy
            )
            or (
                other.parameters < one.parameters
                and other.validation_accuracy >= one.validation_accuracy
            )
            for other in some
        )
        assert ((one.parameters, one.validation_accuracy) in kept) == (not beaten)
    assert [one.parameters for one in found] == sorted(one.parameters for one in found)
    assert len(kept) == len(found)


def test_a_front_leaves_out_what_was_not_measured() -> None:
    slow, unknown = entry("slow", 1, 0.9, seconds_to_99=9.0), entry("unknown", 1, 0.99)
    assert leaderboard.front([slow, unknown], "seconds_to_99") == [slow]
    assert leaderboard.front([], "parameters") == []


def test_validation_decides_a_challenge_and_test_does_not() -> None:
    lucky = entry("lucky", 900, 0.97, test=0.999)
    better = entry("better", 1000, 0.98, test=0.9)
    large = entry("large", 1001, 0.999)
    cheap = entry("cheap", 500, 0.97)
    small = CHALLENGES[0]
    assert leaderboard.places([lucky, large, cheap, better], small) == [better, cheap, lucky]
    assert leaderboard.places([large], small) == []


def test_the_fastest_wins_however_good_it_becomes() -> None:
    quick, slow = (entry(str(s), 9, v, seconds_to_99=s) for s, v in ((2.0, 0.99), (3.0, 0.999)))
    never = entry("never", 9, 0.98)
    fastest = next(one for one in CHALLENGES if one.most is None)
    assert leaderboard.places([never, slow, quick], fastest) == [quick, slow]


def test_the_challenges_are_those_that_the_page_names() -> None:
    assert [(one.cost, one.most) for one in CHALLENGES] == [
        *(("parameters", 1_000), ("parameters", 8_000), ("seconds_to_99", None))
    ]


# --- the figure ---------------------------------------------------------------


def test_the_figure_holds_who_has_the_cost_and_the_front() -> None:
    recipe = entry("a <b>", 100, 0.98, run="")
    mine, beaten = entry("mine", 200, 0.99), entry("beaten", 300, 0.97)
    styles = {"mine": interactive.run_colour(0), "beaten": interactive.run_colour(1)}
    figure = interactive.accuracy_over_cost([recipe, mine, beaten], "parameters", styles)
    line, own, recipes = figure.data
    assert list(line.x) == [100, 200]
    assert list(recipes.text) == ["a &lt;b&gt;"]
    assert list(own.x) == [200, 300]
    assert list(own.y) == pytest.approx([0.01, 0.03])
    assert list(own.marker.color) == [interactive.run_colour(0)[0], interactive.run_colour(1)[0]]
    assert own.customdata[0][:2] == pytest.approx((99, 99))
    empty = interactive.accuracy_over_cost([mine], "seconds_to_99", styles)
    assert [len(trace.x) for trace in empty.data] == [0, 0, 0]


def test_a_name_stands_below_its_ring_where_another_is_close_above() -> None:
    close = [entry("lower", 1000, 0.9970, run=""), entry("upper", 1050, 0.9972, run="")]
    apart = [entry("worse", 1000, 0.98, run=""), entry("larger", 9000, 0.9973, run="")]
    recipes = interactive.accuracy_over_cost([*close, *apart], "parameters", {}).data[2]
    places = dict(zip(recipes.text, recipes.textposition, strict=True))
    assert [name for name, place in places.items() if place == "bottom center"] == ["lower"]


def test_a_name_stands_below_its_ring_where_a_run_is_close_above() -> None:
    recipes, runs_above = [entry("fast", 57_114, 0.9909, run="")], [entry("mine", 57_114, 0.9927)]
    styles = {"mine": interactive.run_colour(0)}
    drawn = interactive.accuracy_over_cost([*recipes, *runs_above], "parameters", styles).data[2]
    assert list(drawn.textposition) == ["bottom center"]
    alone = interactive.accuracy_over_cost(recipes, "parameters", {}).data[2]
    assert list(alone.textposition) == ["top center"]


def covers(figure: go.Figure) -> list[tuple[str, int]]:
    """Which names cover how many marks and other names, in a window of medium width."""
    wide, high = (
        size / np.ptp(axis.range)
        for size, axis in ((700, figure.layout.xaxis), (340, figure.layout.yaxis))
    )
    marks = [
        (x - 4, y - 4, x + 4, y + 4)
        for trace in figure.data[1:]
        for x, y in zip(wide * np.log10(trace.x), -high * np.log10(trace.y), strict=True)
    ]
    named = figure.data[2]
    names = []
    for (left, low, _, _), text, place in zip(
        marks[-len(named.x) :], named.text, named.textposition, strict=True
    ):
        half = 3.2 * len(text)
        right, up = {
            "top center": (0, 12),
            "bottom center": (0, -12),
            "middle right": (half + 8, 0),
            "middle left": (-half - 8, 0),
        }[place]
        x, y = left + 4 + right, low + 4 + up
        names.append((x - half, y - 6, x + half, y + 6))

    def meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

    counts = [sum(meet(name, other) for other in (*marks, *names)) - 1 for name in names]
    return [(text, count) for text, count in zip(named.text, counts, strict=True) if count]


def test_no_name_covers_a_mark_or_another_name() -> None:
    close = [("three-conv-128", 65_354, 0.9898), ("fast", 57_114, 0.9909), ("third", 40_000, 0.99)]
    recipes = [entry(name, size, share, run="") for name, size, share in close]
    mine, far = entry("mine", 57_114, 0.9923), entry("micro", 987, 0.9902, run="")
    styles = {"mine": interactive.run_colour(0)}
    figure = interactive.accuracy_over_cost([*recipes, mine, far], "parameters", styles)
    assert covers(figure) == []
    assert figure.data[2].textposition[-1] == "top center"


@pytest.mark.parametrize("accuracy", [0.99, 0.9905, 0.991, 0.992])
def test_a_run_of_a_recipe_leaves_every_recipes_name_readable(accuracy: float) -> None:
    recipes = leaderboard.recipes()
    mine = entry("mine", Recipe.load("fast").parameters, accuracy)
    styles = {"mine": interactive.run_colour(0)}
    assert covers(interactive.accuracy_over_cost([*recipes, mine], "parameters", styles)) == []


def test_a_name_that_finds_no_free_place_covers_as_little_as_it_can() -> None:
    recipes = [entry(name, 10_000, 0.99, run="") for name in "abcde"]
    above = entry("above", 10_000, 0.9908)
    styles = {"above": interactive.run_colour(0)}
    drawn = interactive.accuracy_over_cost([*recipes, above], "parameters", styles).data[2]
    assert len(set(drawn.textposition[:4])) == 4
    # Above there are a name and a mark, below a name alone.
    assert drawn.textposition[4] == "bottom center"


def test_hover_says_how_sure_a_test_accuracy_is() -> None:
    assert interactive._reliable(entry("one", 1, 0.9)) == "(90.00–100.00)"
    many = entry("many", 1, 0.9, run="", seeds=5, spread=0.001, interval=None)
    assert interactive._reliable(many) == "± 0.10 (n = 5)"


def test_the_figure_has_room_for_half_a_name_beside_the_cheapest_and_the_dearest() -> None:
    entries = leaderboard.recipes()
    figure = interactive.accuracy_over_cost(entries, "parameters", {})
    low, high = figure.layout.xaxis.range
    costs = [math.log10(entry.parameters) for entry in entries]
    assert low < min(costs) - 0.12 * (max(costs) - min(costs))
    assert high > max(costs) + 0.12 * (max(costs) - min(costs))
    alone = interactive.accuracy_over_cost(entries[:1], "parameters", {}).layout.xaxis.range
    assert alone[0] < costs[0] - 0.1 < costs[0] + 0.1 < alone[1]
