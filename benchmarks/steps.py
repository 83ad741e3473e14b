"""Times a training step in each way that this machine has.

    DIGITCORE_DATA_DIR=... python benchmarks/steps.py --recipes best dropout-3x3

The ways are those between which a recipe with precision `auto` chooses, timed as it does: both
precisions and, where there is a GPU, XLA, which makes one program of a step and of the batch that it
learns. Without XLA the batches are made before, as a training makes them beside the steps. "A step" is
a median, each waited for; "before" is the rest of the time, in which the graph is built, XLA
compiles, and those batches are made.

Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from machine import report, write_json  # noqa: E402

from digitcore import Recipe, load_dataset  # noqa: E402
from digitcore.datasets import Dataset  # noqa: E402
from digitcore.training.batches import Batches  # noqa: E402
from digitcore.training.loop import Training, gpu  # noqa: E402
from digitcore.training.state import Checkpoint  # noqa: E402
from digitcore.training.trainer import PRECISIONS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", default=Recipe.names())
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--json", type=Path, help="also writes the figures there")
    options = parser.parse_args()
    dataset = load_dataset()
    if dataset.notice:
        sys.exit(dataset.notice)
    tf.config.experimental.enable_op_determinism()  # as a worker does
    print(f"{report()}; {gpu() or 'no GPU'}; {options.steps} steps\n")
    print("| recipe | batch | precision | XLA | before | a step | images/s |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for name in options.recipes:
        recipe = Recipe.load(name).changed(epochs=100)
        for precision in PRECISIONS:
            for xla in (False, True) if gpu() else (False,):
                before, step = timed(recipe, dataset, precision, xla, options.steps)
                print(
                    f"| `{name}` | {recipe.batch_size} | {precision} | {'yes' if xla else 'no'} | "
                    f"{before:.2f} s | {1000 * step:.2f} ms | {recipe.batch_size / step:,.0f} |",
                    flush=True,
                )
                way = {"recipe": name, "gpu": gpu(), "precision": precision, "xla": xla}
                rows.append({**way, "seconds_before": before, "seconds": step})
    if options.json:
        write_json(options.json, rows)


def timed(
    recipe: Recipe, dataset: Dataset, precision: str, xla: bool, steps: int
) -> tuple[float, float]:
    """Seconds before so many steps, and of one of them."""
    keras.utils.set_random_seed(recipe.seed)
    begun = time.perf_counter()
    learned = Batches(recipe, dataset.train, in_step=xla)
    start = Checkpoint(precision=precision, xla=xla)
    training = Training(recipe, learned, dataset.validation, lambda event: None, start, None)
    seconds = training.trial(steps, lambda: False).seconds
    return time.perf_counter() - begun - steps * seconds, seconds


if __name__ == "__main__":
    main()
