"""Measures how much a short job delays a training beside it, against what the job computes.

    DIGITCORE_DATA_DIR=... python benchmarks/short_jobs.py
    DIGITCORE_DATA_DIR=... python benchmarks/short_jobs.py --recipe best --pairs 9

Trains the recipe alone and with one `evaluate` of the shipped run in its middle, in turns. The delay
is the difference in seconds of training; the job's cost is the processor time of its process, all
cores together. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "tests")]

from machine import report  # noqa: E402
from studio_under_load import models_in  # noqa: E402

from digitcore import runs  # noqa: E402
from digitcore.jobs import queue  # noqa: E402
from digitcore.recipes import Recipe  # noqa: E402
from digitcore.runs import Run  # noqa: E402

STEPS_BEFORE_THE_JOB = 60


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="dropout-3x3")
    parser.add_argument("--images", type=int, default=60_000, help="training_images (60000)")
    parser.add_argument("--pairs", type=int, default=5, help="trainings of each kind (5)")
    options = parser.parse_args()
    recipe = Recipe.load(options.recipe).changed(epochs=1, training_images=options.images)
    rows = []
    for pair in range(options.pairs):
        seconds = {}
        for with_job in (False, True) if pair % 2 == 0 else (True, False):
            seconds[with_job] = trained(recipe, with_job)
        (alone, _), (beside, cost) = seconds[False], seconds[True]
        rows.append((alone, beside, beside - alone, cost))
        print(
            f"pair {pair + 1}: {alone:.2f} s alone, {beside:.2f} s with a job of {cost:.2f} CPU s",
            file=sys.stderr,
        )
    print(f"{report()}. `{options.recipe}`, {options.images:,} images, one epoch\n")
    print("| what, in seconds | median (min–max) | pairs |")
    print("|---|---|---|")
    names = ("training alone", "with one evaluation", "delay", "processor time of the evaluation")
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        middle = statistics.median(values)
        print(f"| {name} | {middle:.2f} ({min(values):.2f}–{max(values):.2f}) | {len(values)} |")


def trained(recipe: Recipe, with_job: bool) -> tuple[float, float]:
    """Seconds of training, and of processor time that the job beside it took."""
    with tempfile.TemporaryDirectory() as folder, models_in(Path(folder)):
        other = Run(Path(shutil.copytree(ROOT / "models" / "reader", runs.models_dir() / "reader")))
        run, cost = queue.submit(recipe), 0.0
        for event in queue.follow(run):
            if with_job and event["kind"] == "batch" and event["step"] >= STEPS_BEFORE_THE_JOB:
                cost, with_job = evaluated(other), False
        if run.metrics is None:
            sys.exit(f"The training has {run.status}. {run.state.message}")
        return run.metrics.fit_seconds, cost


def evaluated(run: Run) -> float:
    """Seconds of processor time that an evaluation of the run took."""
    job = queue.submit_job(run, "evaluate")
    process, cost = None, 0.0
    while job.active:
        try:
            pid = job.state.pid if job.state else None
            process = process or (psutil.Process(pid) if pid else None)
            cost = sum(process.cpu_times()[:2]) if process else cost
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    if job.status != "finished":
        sys.exit(f"The evaluation has {job.status}. {job.state.message if job.state else ''}")
    return cost


if __name__ == "__main__":
    main()
