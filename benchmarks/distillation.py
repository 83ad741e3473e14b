"""Trains `micro` by labels alone and with a teacher, and prints what each reads of the images held out.

    python -m digitcore train --recipe best --epochs 8 --validation-split 0.2   # makes the teacher
    DIGITCORE_DATA_DIR=... python benchmarks/distillation.py --teacher RUN      # half an hour

The teacher must not have learned the images that are held out, the last 12,000 of the training
images. Test images are not read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks import machine  # noqa: E402
from digitcore import Predictor, Recipe, load_dataset, runs, training  # noqa: E402

HELD_OUT = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", required=True, metavar="RUN", help="the id of a run")
    parser.add_argument("--fractions", nargs="+", type=float, default=[0.0, 0.5])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--epochs", type=int, default=Recipe.load("micro").epochs)
    options = parser.parse_args()
    run, data = runs.load(options.teacher), load_dataset(validation_split=HELD_OUT)
    if data.notice:
        sys.exit(data.notice)
    if run.recipe.validation_split < HELD_OUT:
        sys.exit(f"The teacher has learned images that are held out. Received: {run.id}")
    predict = Predictor(run).probabilities
    print(machine.report() + "\n")
    print("| fraction of soft targets | seed | held out, last epoch | learned, last epoch |")
    print("|---|---|---|---|")
    for fraction in options.fractions:
        for seed in options.seeds:
            recipe = Recipe.load("micro").changed(
                distillation=fraction, seed=seed, epochs=options.epochs, validation_split=HELD_OUT
            )
            told: list[dict[str, Any]] = []
            training.train(recipe, data, told.append, teacher=predict)
            last = [event for event in told if event["kind"] == "epoch"][-1]
            figures = f"{last['validation_accuracy']:.2%} | {last['accuracy']:.2%}"
            print(f"| {fraction:g} | {seed} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
