"""The leaderboard: what is compared, what is on the Pareto front, and how challenges rank."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
from made_up import leaderboard_entry as entry
from made_up import write_metrics

from digitcore import runs
from digitcore.analysis import leaderboard
from digitcore.analysis.leaderboard import CHALLENGES, Entry
from digitcore.datasets import registry
from digitcore.recipes import Recipe
from digitcore.runs import Run

CHECKSUM = leaderboard.measured()[0]["data_checksum"]


FINE_TUNED = {"samples": 20, "held_out": 10, "correct_before": 8, "correct_after": 9}
FINE_TUNED |= {"test_accuracy_before": 0.99}


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
        alone = len(tests) == 1
        assert (found.test_spread is None) == alone == (found.test_interval is not None)
        assert found.uncertainty("validation").endswith(f"(n = {len(tests)})") != alone
        assert seconds[0] <= found.fit_seconds <= seconds[-1]


def test_99_percent_that_one_seed_never_reached_has_no_time() -> None:
    row = next(row for row in leaderboard.measured() if len(row["trainings"]) > 1)
    changed = json.loads(json.dumps(row))
    for training in changed["trainings"]:
        training["seconds_to_99"] = 3.0
    assert leaderboard._from_recipe(changed).seconds_to_99 == 3.0
    changed["trainings"][0]["seconds_to_99"] = None
    assert leaderboard._from_recipe(changed).seconds_to_99 is None


# --- a person's runs ----------------------------------------------------------


def test_a_run_that_ended_has_an_entry_with_its_metrics() -> None:
    run = ended(
        validation_accuracy=0.97,
        test_accuracy=0.96,
        test_interval=[0.95, 0.97],
        validation_interval=[0.96, 0.98],
        fit_seconds=12.5,
        seconds_to_99=7.5,
        prediction_ms=0.4,
    )
    run.rename("mine")
    assert leaderboard.from_run(run, run.state) == Entry(
        *("mine", run.id, 1, 57_114, 0.97, 0.96),
        *(None, (0.96, 0.98), None, (0.95, 0.97), 12.5, 7.5, 0.4),
    )


def test_a_run_whose_metrics_lack_times_has_none() -> None:
    run = ended()
    found = leaderboard.from_run(run, run.state)
    assert found
    assert (found.seconds_to_99, found.prediction_ms) == (None, None)


@pytest.mark.parametrize(
    ("status", "metrics"),
    [
        ("failed", {}),
        ("queued", {}),
        ("finished", {"data_checksum": "other digits"}),
        ("finished", {"validation_images": 2_999}),
        ("finished", {"fine_tuning": FINE_TUNED}),
    ],
)
def test_a_run_of_another_task_has_no_entry(status: str, metrics: dict[str, Any]) -> None:
    run = ended(status, **metrics)
    assert leaderboard.from_run(run, run.state) is None


def test_only_runs_on_the_images_of_one_dataset_are_compared() -> None:
    """Whatever its dataset, a run is compared with the recipes only if its images are theirs."""
    assert leaderboard.dataset() == "mnist"
    compared = set()
    for name in registry.names():
        run = runs.create(Recipe.load("fast").for_dataset(name))
        (run.path / "model.tflite").write_bytes(b"network")
        # scikit-learn's digits and all that lack a checksum have others than MNIST's, too.
        checksum = registry.get(name).checksum or f"images of {name}"
        write_metrics(run.path, data_checksum=checksum, validation_images=6_000)
        run.update(status="finished")
        if leaderboard.from_run(run, run.state):
            compared.add(name)
    # QMNIST's training and test images are MNIST's own.
    assert compared == {"mnist", "qmnist"}


def test_a_run_with_damaged_files_has_no_entry() -> None:
    run = ended()
    (run.path / "metrics.json").write_text("[")
    assert leaderboard.from_run(run, run.state) is None
    (run.path / "state.json").write_text("[")
    assert leaderboard.from_run(run, run.state) is None


# --- Pareto front and rankings ------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_the_pareto_front_is_exactly_what_nothing_beats(seed: int) -> None:
    rolled = random.Random(seed)
    some = [
        entry(str(n), rolled.randrange(1, 9), rolled.randrange(90, 99) / 100) for n in range(30)
    ]
    found = leaderboard.pareto_front(some, "parameters")
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


def test_the_pareto_front_leaves_out_what_was_not_measured() -> None:
    slow, unknown = entry("slow", 1, 0.9, seconds_to_99=9.0), entry("unknown", 1, 0.99)
    assert leaderboard.pareto_front([slow, unknown], "seconds_to_99") == [slow]
    assert leaderboard.pareto_front([], "parameters") == []


def test_validation_accuracy_ranks_and_test_accuracy_does_not() -> None:
    lucky = entry("lucky", 900, 0.97, test=0.999)
    better = entry("better", 1000, 0.98, test=0.9)
    large = entry("large", 1001, 0.999)
    cheap = entry("cheap", 500, 0.97)
    small = next(one for one in CHALLENGES if one.most == 1_000)
    assert leaderboard.ranked([lucky, large, cheap, better], small) == [better, cheap, lucky]
    assert leaderboard.ranked([large], small) == []
    assert leaderboard.ranked([lucky, large, cheap, better], CHALLENGES[0])[0] == large


def test_the_fastest_ranks_first_whatever_its_accuracy() -> None:
    quick, slow = (entry(str(s), 9, v, seconds_to_99=s) for s, v in ((2.0, 0.99), (3.0, 0.999)))
    never = entry("never", 9, 0.98)
    fastest = next(one for one in CHALLENGES if one.most is None)
    assert leaderboard.ranked([never, slow, quick], fastest) == [quick, slow]


def test_the_challenges_have_the_costs_that_their_titles_name() -> None:
    assert [(one.cost, one.most) for one in CHALLENGES] == [
        *(
            ("parameters", math.inf),
            ("parameters", 1_000),
            ("parameters", 8_000),
            ("seconds_to_99", None),
        )
    ]


# --- the best run -------------------------------------------------------------


def test_the_best_run_is_not_the_luckiest_of_few_images() -> None:
    found = {
        name: ended(**metrics)
        for name, metrics in {
            "lucky": {"validation_accuracy": 1.0, "validation_interval": (0.91, 1.0)},
            "best": {"validation_accuracy": 0.99, "validation_interval": (0.986, 0.993)},
            "poor": {"validation_accuracy": 0.11, "validation_interval": (0.10, 0.12)},
            "elsewhere": {"validation_interval": (1.0, 1.0), "data_checksum": "0" * 64},
            "tuned": {"validation_interval": (1.0, 1.0), "fine_tuning": FINE_TUNED},
        }.items()
    }
    assert leaderboard.best(runs.list_states(), CHECKSUM) == found["best"]
    assert leaderboard.best(runs.list_states(), "1" * 64) is None
