"""Trains recipes by the command line and prints what they reach beside what their authors claim.

    python benchmarks/accuracy.py                                # five seed recipes, seed 0
    python benchmarks/accuracy.py --recipes fast --seeds 0 1 2 3 4
    python benchmarks/accuracy.py --seeds 0 1 2 --reuse          # takes finished runs as they are

Run nothing else meanwhile, or the seconds mean nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from digitcore import Recipe, runs  # noqa: E402

# Test accuracy as each author states it; the first is what the author's own script gave
# here, because its author reports without a number.
CLAIMS = {
    "three-conv": (0.9796, 0.9796),
    "three-conv-128": (0.987, 0.987),
    "dropout-3x3": (0.9912, 0.9912),
    "two-conv": (0.98, 0.99),
    "dropout-2x2": (0.99, 0.99),
}
# Training accuracy, where an author states one.
TRAIN_CLAIMS = {"three-conv-128": 0.995, "two-conv": 0.99}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", default=list(CLAIMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--reuse", action="store_true", help="take finished runs of equal recipes")
    options = parser.parse_args()
    table = {
        name: [result(name, seed, options.reuse) for seed in options.seeds]
        for name in options.recipes
    }
    first = next(iter(table.values()))[0]
    versions = ", ".join(f"{name} {number}" for name, number in first["versions"].items())
    print(
        f"Machine: {first['machine']}. Versions: {versions}. Data: {first['data_checksum'][:12]}\n"
    )
    print(
        "| recipe | its author claims | test accuracy (95 % interval) | train accuracy | reached | "
        "test, mean ± SD over seeds | epochs (best) | parameters | fit | images/s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, results in table.items():
        print(row(name, results))


def result(name: str, seed: int, reuse: bool) -> dict[str, Any]:
    """Metrics of one training of the recipe with that seed."""
    recipe = Recipe.load(name).changed(seed=seed)
    if reuse:
        for run in runs.list_runs():
            if run.status == "finished" and run.recipe == recipe and (metrics := run.metrics):
                return metrics
    command = [sys.executable, "-m", "digitcore", "train", "--json"]
    command += ["--recipe", name, "--seed", str(seed)]
    print(" ".join(command[1:]), file=sys.stderr)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    metrics: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return metrics


def row(name: str, results: list[dict[str, Any]]) -> str:
    """One line of the table: the first seed's numbers, and the spread over all."""
    first, accuracies = results[0], [100 * r["test_accuracy"] for r in results]
    spread = "one seed"
    if len(accuracies) > 1:
        mean, deviation = statistics.mean(accuracies), statistics.stdev(accuracies)
        spread = f"{mean:.2f} ± {deviation:.2f} % (n = {len(accuracies)})"
    return (
        f"| `{name}` | {claim(name)} | {measured(first, 'test')} | {measured(first, 'train')} | "
        f"{reached(name, first)} | {spread} | {first['epochs']} ({first['best_epoch']}) | "
        f"{first['parameters']:,} | {first['fit_seconds']:.0f} s | "
        f"{first['images_per_second']:,.0f} |"
    )


def measured(result: dict[str, Any], split: str) -> str:
    low, high = result[f"{split}_interval"]
    return f"{100 * result[f'{split}_accuracy']:.2f} % ({100 * low:.2f}–{100 * high:.2f})"


def claim(name: str) -> str:
    if name not in CLAIMS:
        return "–"
    test = "–".join(f"{100 * share:.2f}" for share in sorted(set(CLAIMS[name])))
    train = f", train {100 * TRAIN_CLAIMS[name]:.1f} %" if name in TRAIN_CLAIMS else ""
    return f"test {test} %{train}"


def reached(name: str, result: dict[str, Any]) -> str:
    """Whether the claims lie below the upper ends of the 95 % intervals."""
    if name not in CLAIMS:
        return "–"
    fits = result["test_interval"][1] >= CLAIMS[name][0]
    fits &= result["train_interval"][1] >= TRAIN_CLAIMS.get(name, 0)
    return "yes" if fits else "no"


if __name__ == "__main__":
    main()
