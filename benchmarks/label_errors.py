"""Plants wrong labels in MNIST and counts how many of them are among the first suspects.

    DIGITCORE_DATA_DIR=... python benchmarks/label_errors.py
    DIGITCORE_DATA_DIR=... python benchmarks/label_errors.py --seeds 3 --planted 100 --first 120

Of each seed, so many training labels and as many test labels are changed to another class, chosen at
random, in a copy of MNIST; then the command `labels` is run on it as a person runs it. MNIST's own label
errors are there as well and compete for the first ranks. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import report  # noqa: E402

from digitcore import datasets  # noqa: E402
from digitcore.jobs import out_of_sample  # noqa: E402
from digitcore.jobs.out_of_sample import SPLITS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many plantings (5)")
    parser.add_argument("--planted", type=int, default=50, help="wrong labels of each split (50)")
    parser.add_argument("--first", type=int, default=60, help="suspects that are looked at (60)")
    options = parser.parse_args()
    dataset = datasets.load_dataset("mnist")
    if dataset.notice:
        sys.exit(dataset.notice)
    print(f"{report()}. {options.planted} planted, first {options.first} suspects\n")
    print(
        "| split | planted among the first | mean ± SD | suggested the true label | estimated errors |"
    )
    print("|---|---|---|---|---|")
    told = [
        searched(dataset, seed, options.planted, options.first) for seed in range(options.seeds)
    ]
    for split in SPLITS:
        counts = [one[split]["hits"] for one in told]
        spread = statistics.stdev(counts) if len(counts) > 1 else 0.0
        print(
            f"| {split} | {', '.join(map(str, counts))} of {options.planted} | "
            f"{statistics.mean(counts):.1f} ± {spread:.1f} | "
            f"{statistics.mean(one[split]['mended'] for one in told):.1%} | "
            f"{', '.join(str(one[split]['estimated']) for one in told)} |".replace("%", " %")
        )
    seconds = [one["seconds"] for one in told]
    print(
        f"\nThe command took {statistics.median(seconds):.0f} s ({min(seconds):.0f}–{max(seconds):.0f})."
    )


def searched(dataset: datasets.Dataset, seed: int, planted: int, first: int) -> dict[str, Any]:
    """What one search finds of the labels that were planted with that seed."""
    random = np.random.default_rng(seed)
    labels = {split: out_of_sample.labels_of(split, dataset) for split in SPLITS}
    wrong = {split: random.choice(len(labels[split]), planted, replace=False) for split in SPLITS}
    changed = {split: np.array(labels[split]) for split in SPLITS}
    for split in SPLITS:
        others = random.integers(1, 10, planted)
        changed[split][wrong[split]] = (labels[split][wrong[split]] + others) % 10
    with tempfile.TemporaryDirectory() as folder:
        np.savez(
            Path(folder, "mnist.npz"),
            x_train=out_of_sample.training_images(dataset)[0],
            y_train=changed["training"],
            x_test=dataset.test.images,
            y_test=changed["test"],
        )
        begun = time.perf_counter()
        found = command(folder, first)
        seconds = time.perf_counter() - begun
    result: dict[str, Any] = {"seconds": seconds}
    for split in SPLITS:
        suspects = [one for one in found["suspects"] if one["split"] == split]
        hits = [one for one in suspects if one["index"] in set(wrong[split].tolist())]
        mended = [one["suggested"] == labels[split][one["index"]] for one in hits]
        result[split] = {
            "hits": len(hits),
            "mended": float(np.mean(mended)) if mended else 0.0,
            "estimated": found["estimated_errors"][split],
        }
    return result


def command(folder: str, first: int) -> dict[str, Any]:
    """The JSON object that `labels` gives, with its data and its runs in that folder."""
    environment = {
        **os.environ,
        "DIGITCORE_DATA_DIR": folder,
        "DIGITCORE_MODELS_DIR": str(Path(folder, "models")),
    }
    done = subprocess.run(
        [sys.executable, "-m", "digitcore", "labels", "--most", str(first), "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
