"""Trains recipes over several seeds by the command line, and prints what they reach and cost.

    python benchmarks/accuracy.py                          # every recipe, seeds 0 to 4: hours
    python benchmarks/accuracy.py --recipes fast micro
    python benchmarks/accuracy.py --reuse                  # takes finished runs as they are
    python benchmarks/accuracy.py --json digitcore/recipes/measured.json   # for the leaderboard

Each training chooses its epoch on validation; test images are read once, after it. "Together" is
the ensemble of all seeds, the mean of their probabilities; no seed is left out, so none is chosen.
Run nothing else meanwhile, or the seconds mean nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks import machine  # noqa: E402
from digitcore import Recipe, load_dataset, runs  # noqa: E402
from digitcore.jobs import environment  # noqa: E402

# Test accuracy that the authors of public projects report. The author of `three-conv` reports no
# number, so that one is where the author's own script ended when it was run for this project.
CLAIMS = {
    "three-conv": (0.9796, 0.9796),
    "three-conv-128": (0.987, 0.987),
    "dropout-3x3": (0.9912, 0.9912),
    "two-conv": (0.98, 0.99),
    "dropout-2x2": (0.99, 0.99),
}
OWN_SCRIPT = {"three-conv"}
# Test accuracy that our own recipes aim at.
AIMS = {"fast": 0.99, "tiny": 0.9945, "micro": 0.988, "best": 0.997, "record": 0.9975}
# Training accuracy, where an author states one.
TRAIN_CLAIMS = {"three-conv-128": 0.995, "two-conv": 0.99}
KEPT = (
    *("seed", "precision", "epochs", "best_epoch", "test_interval", "train_interval"),
    *(f"{split}_accuracy" for split in ("train", "validation", "test")),
    *("start_seconds", "compilation_seconds", "fit_seconds", "seconds_to_99"),
    *("images_per_second", "prediction_ms", "predictions_per_second"),
)
TOGETHER = ("validation_accuracy", "test_accuracy", "test_interval")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = Recipe.names()
    parser.add_argument("--recipes", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--reuse", action="store_true", help="take finished runs of equal recipes")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="put the rows there; other recipes' rows stay"
    )
    options = parser.parse_args()
    if notice := load_dataset().notice:
        sys.exit(notice)
    rows = []
    for name in options.recipes:
        rows.append(measured(name, options.seeds, options.reuse))
        if options.json:
            put(options.json, rows)
    print(machine.report() + "\n")
    print(table(rows))


def measured(name: str, seeds: list[int], reuse: bool) -> dict[str, Any]:
    """The recipe, where it was measured, and what each training reached."""
    trained = [training(name, seed, reuse) for seed in seeds]
    trainings = list(map(result, trained))
    first = trainings[0]
    return {
        "recipe": said(Recipe.load(name)),
        **machine.circumstances(),
        "machine": first["machine"],
        "versions": first["versions"],
        "data_checksum": first["data_checksum"],
        "parameters": first["parameters"],
        "trainings": [{key: training[key] for key in KEPT} for training in trainings],
        "together": together(trained),
    }


def said(recipe: Recipe) -> dict[str, Any]:
    """The recipe's values that are not defaults, so that new fields leave it as it is."""
    defaults = {name: field.default for name, field in Recipe.model_fields.items()}
    values = recipe.model_dump(mode="json")
    return {name: value for name, value in values.items() if value != defaults[name]}


def training(name: str, seed: int, reuse: bool) -> runs.Run:
    """A finished run of the recipe with that seed."""
    recipe = Recipe.load(name).changed(seed=seed)
    run = next(filter(usable(recipe), runs.list_runs()), None) if reuse else None
    if run is None:
        run = runs.load(told("train", "--recipe", name, "--seed", str(seed))["run"])
    return run


def told(*arguments: str) -> dict[str, Any]:
    """The JSON object that a command gives."""
    command = [sys.executable, "-m", "digitcore", *arguments, "--json"]
    print(" ".join(command[1:]), file=sys.stderr)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def together(trained: list[runs.Run]) -> dict[str, Any] | None:
    """What the ensemble of these runs reaches; None of a single one."""
    if len(trained) == 1:
        return None
    found = told("evaluate", *(run.id for run in trained))
    return {key: found[key] for key in TOGETHER}


def result(run: runs.Run) -> dict[str, Any]:
    """What one training reached."""
    assert run.metrics
    begun = next(event["time"] for event in run.events()[0] if is_fit(event))
    return {**run.metrics.as_dict(), "start_seconds": begun - run.state.created}


def is_fit(event: dict[str, Any]) -> bool:
    """Whether it tells of the first thing that counts as fit."""
    return event["kind"] == "start" or event.get("stage") == "precision"


def usable(recipe: Recipe) -> Callable[[runs.Run], bool]:
    # All figures must be from one machine, and on MNIST.
    here = {
        "machine": environment.machine(),
        "versions": environment.versions(),
        "data_checksum": load_dataset().checksum,
    }

    def is_usable(run: runs.Run) -> bool:
        there = run.status == "finished" and run.recipe == recipe and not run.state.parent
        found = run.metrics.as_dict() if run.metrics else {}
        alike = all(found.get(key) == value for key, value in here.items())
        return there and alike and found["prediction_ms"] is not None

    return is_usable


def put(path: Path, rows: list[dict[str, Any]]) -> None:
    """Replaces these recipes' rows of the file; rows stand in the order of the recipes."""
    old = json.loads(path.read_text())["rows"] if path.exists() else []
    by_name = {row["recipe"]["name"]: row for row in [*old, *rows]}
    ordered = [by_name[name] for name in Recipe.names() if name in by_name]
    path.write_text(json.dumps({"rows": ordered}, indent=1) + "\n")


HEAD = (
    *("recipe", "parameters", "aimed at", "test, mean ± SD", "each", "reached"),
    *("together, test", "train"),
    *("epochs", "before the first step", "fit", "of it compilation", "to 99 %"),
    *("trains, images/s", "predicts one image", "predicts, images/s"),
)


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: accuracies over all seeds, everything else as the median."""
    lines = [HEAD, ["---"] * len(HEAD), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(row: dict[str, Any]) -> list[str]:
    trainings = row["trainings"]

    def median(key: str) -> float | None:
        values = [training[key] for training in trainings]
        return None if None in values else statistics.median(values)

    def seconds(key: str) -> str:
        return "–" if (value := median(key)) is None else f"{value:.1f} s"

    return [
        f"`{row['recipe']['name']}`",
        f"{row['parameters']:,}",
        aim(row),
        mean(trainings, "test"),
        ", ".join(f"{100 * training['test_accuracy']:.2f}" for training in trainings),
        reached(row),
        in_all(row),
        mean(trainings, "train"),
        "/".join(dict.fromkeys(str(training["epochs"]) for training in trainings)),
        *map(seconds, ("start_seconds", "fit_seconds", "compilation_seconds", "seconds_to_99")),
        f"{median('images_per_second'):,.0f}",
        f"{median('prediction_ms'):.2f} ms",
        f"{median('predictions_per_second'):,.0f}",
    ]


def mean(trainings: list[dict[str, Any]], split: str) -> str:
    """Over seeds with their deviation; of one training as such."""
    percentages = [100 * training[f"{split}_accuracy"] for training in trainings]
    if len(percentages) > 1:
        deviation = statistics.stdev(percentages)
        return f"{statistics.mean(percentages):.2f} ± {deviation:.2f} % (n = {len(percentages)})"
    return f"{percentages[0]:.2f} % (one training)"


def in_all(row: dict[str, Any]) -> str:
    """The ensemble's test accuracy with its interval at 95 % (Wilson)."""
    found = row["together"]
    if not found:
        return "–"
    low, high = (100 * fraction for fraction in found["test_interval"])
    return f"{100 * found['test_accuracy']:.2f} % ({low:.2f}–{high:.2f})"


def aim(row: dict[str, Any]) -> str:
    name = row["recipe"]["name"]
    if name in AIMS:
        return f"≥ {100 * AIMS[name]:.2f} %"
    if name not in CLAIMS:
        return "–"
    test = "–".join(f"{100 * fraction:.2f}" for fraction in sorted(set(CLAIMS[name])))
    train = f", train {100 * TRAIN_CLAIMS[name]:.1f} %" if name in TRAIN_CLAIMS else ""
    if name in OWN_SCRIPT:
        return f"its author's script gave {test} %{train}"
    return f"its author reports {test} %{train}"


def reached(row: dict[str, Any]) -> str:
    """Whether the mean reaches its aim, or the interval of one training a reported figure."""
    name, trainings = row["recipe"]["name"], row["trainings"]
    if name in AIMS:
        fraction = statistics.mean(training["test_accuracy"] for training in trainings)
        return "yes" if fraction >= AIMS[name] else "no"
    if name not in CLAIMS:
        return "–"
    wanted = (("test", CLAIMS[name][0]), ("train", TRAIN_CLAIMS.get(name, 0)))
    fits = [
        all(training[f"{split}_interval"][1] >= fraction for split, fraction in wanted)
        for training in trainings
    ]
    return "yes" if any(fits) else "no"


if __name__ == "__main__":
    main()
