"""What it costs a training to keep its epochs: each recipe trained with and without, in turn.

    DIGITCORE_DATA_DIR=... python benchmarks/kept_epochs.py --recipes micro fast tiny --pairs 5

The ratio is that of the seconds of fit, validation included; the trainings of a pair follow each other, in
another order each time. As trainings differ by more than keeping costs, what is spent within it is timed too,
and told as a fraction of the fit. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from machine import report  # noqa: E402

from digitcore import Recipe, load_dataset, runs, training  # noqa: E402
from digitcore.datasets import Dataset  # noqa: E402
from digitcore.jobs import teacher  # noqa: E402
from digitcore.jobs.train import keeper  # noqa: E402
from digitcore.runs import kept_epochs  # noqa: E402
from digitcore.training.learner import Validated  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", default=["micro", "fast", "tiny"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    tf.config.experimental.enable_op_determinism()  # as a worker does
    print(f"{report()}; {options.epochs} epochs, {options.pairs} pairs\n")
    print("| recipe | without | with | ratio (each pair) | spent on keeping | kept |")
    print("|---|---|---|---|---|---|")
    for name in options.recipes:
        recipe = Recipe.load(name).changed(epochs=options.epochs, precision="float32")
        dataset = load_dataset(validation_split=recipe.validation_split)
        if dataset.notice:
            sys.exit(dataset.notice)
        with tempfile.TemporaryDirectory() as folder:
            os.environ["DIGITCORE_MODELS_DIR"] = folder
            seconds: dict[bool, list[float]] = {False: [], True: []}
            fractions = []
            for pair in range(options.pairs):
                for keeps in (pair % 2 == 0, pair % 2 == 1):
                    fit, spent = fit_seconds(recipe, dataset, keeps)
                    seconds[keeps].append(fit)
                    if keeps:
                        fractions.append(spent / fit)
            files = list(Path(folder).glob(f"*/{kept_epochs.FOLDER}/*.npz"))
            kept = sum(path.stat().st_size for path in files) / options.pairs
        ratios = [b / a for a, b in zip(seconds[False], seconds[True], strict=True)]
        print(
            f"| `{name}` | {statistics.median(seconds[False]):.2f} s | "
            f"{statistics.median(seconds[True]):.2f} s | {statistics.median(ratios):.3f} "
            f"({', '.join(f'{ratio:.3f}' for ratio in sorted(ratios))}) | "
            f"{statistics.median(fractions):.2%} (at most {max(fractions):.2%}) | {kept / 1e3:,.0f} kB |",
            flush=True,
        )


def fit_seconds(recipe: Recipe, dataset: Dataset, keeps: bool) -> tuple[float, float]:
    """Seconds of one training, and of them those spent on keeping its epochs in a run's folder."""
    keras.utils.clear_session()
    run = runs.create(recipe)
    keep = keeper(run)
    spent = 0.0

    def timed(epoch: int, weights: list[np.ndarray], validated: Validated) -> None:
        nonlocal spent
        begun = time.perf_counter()
        keep(epoch, weights, validated)
        spent += time.perf_counter() - begun

    result = training.train(
        recipe,
        dataset,
        lambda event: None,
        teacher=teacher.load() if recipe.distillation else None,
        keep=timed if keeps else None,
    )
    return result.fit_seconds, spent


if __name__ == "__main__":
    main()
