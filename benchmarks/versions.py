"""Compares the training speed and the import time of this checkout with those of an earlier one.

    git worktree add /tmp/base 9598057
    DIGITCORE_DATA_DIR=.../mnist python benchmarks/versions.py --base /tmp/base
    DIGITCORE_DATA_DIR=.../mnist python benchmarks/versions.py --base /tmp/base --recipes fast --turns 60

Both versions train at the same time, each in a process of its own with that checkout's code and this
Python, but only one of them at any moment: they take turns of about a fifth of a second, while the
other waits in its report of a batch. Each pair of turns begins with the other one. So a machine that
gets slower or faster meanwhile favours neither, and the ratio of a pair varies by a few percent where
that of two whole trainings varies by ten. What a training does before and after its steps is not timed.

A ratio is this checkout's speed over the base's, above 1 is faster; of imports the base's seconds over
this checkout's. Its interval is that of the median of all pairs (bootstrap, 95 %).

DIGITCORE_DATA_DIR must be a folder that both versions read, so MNIST's own. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import report, write_json  # noqa: E402

# Trains, but waits before each turn for a line, the number of batch events in it, and prints the
# turn's seconds after it. Its many epochs never end: it is killed.
TRAINING = """
import os, sys, time
import tensorflow as tf
from digitcore import Recipe, load_dataset, training
left, begun = 0, 0.0

def report(event):
    global left, begun
    if event["kind"] != "batch":
        return
    if left == 0:
        print(time.perf_counter() - begun, flush=True)
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        left, begun = int(line), time.perf_counter()
    left -= 1

tf.config.experimental.enable_op_determinism()
recipe = Recipe.load(sys.argv[1]).changed(epochs=99, precision=sys.argv[2])
training.train(recipe, load_dataset(), report)
"""
SECONDS_PER_TURN = 0.2

# Prints where digitcore lies and how many seconds its import took.
IMPORT = """
import time
begun = time.perf_counter()
import digitcore
seconds = time.perf_counter() - begun
import json
print(json.dumps({"file": digitcore.__file__, "seconds": seconds}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True, help="folder of the other checkout")
    parser.add_argument("--recipes", nargs="*", default=["fast", "dropout-3x3", "best"])
    both = ("float32", "mixed_bfloat16")
    parser.add_argument("--precisions", nargs="*", default=both, choices=both)
    parser.add_argument("--turns", type=int, default=40, help="of each version and recipe (40)")
    parser.add_argument("--imports", type=int, default=10, help="imports of each version (10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values there, too")
    options = parser.parse_args()
    checkouts = {"base": options.base.resolve(), "here": ROOT}
    for folder in checkouts.values():
        if not (folder / "digitcore" / "__init__.py").exists():
            parser.error(f"A checkout has a folder digitcore. Received: {folder}")
        import_seconds(folder)  # compiles the modules, and checks that it is that one's code
    rows = []
    for name, precision in itertools.product(options.recipes, options.precisions):
        seconds = trained([name, precision], options.turns, checkouts)
        row = {"what": f"steps of `{name}`, {precision}", **seconds}
        rows.append(row)
        print(line(row), file=sys.stderr, flush=True)
    found = in_turns(options.imports, {n: partial(import_seconds, f) for n, f in checkouts.items()})
    rows.append({"what": "`import digitcore`", **found})
    print(f"{report()}. Base: {commit(checkouts['base'])}\n")
    print("| what | base, median s | here, median s | ratio, median (95 %) | pairs |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(line(row))
    if options.json:
        write_json(options.json, rows)


def in_turns(pairs: int, measured: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """The seconds that each of two gives, pair by pair."""
    values: dict[str, list[float]] = {name: [] for name in measured}
    for number in range(pairs):
        for name in list(measured) if number % 2 == 0 else reversed(list(measured)):
            values[name].append(measured[name]())
    return values


def trained(recipe: list[str], turns: int, checkouts: dict[str, Path]) -> dict[str, list[float]]:
    """Seconds of each checkout's turns, all of the same number of steps."""
    # TensorFlow's messages go there, and the reason if one fails.
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-c", TRAINING, *recipe]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "text": True}
        processes = {
            name: subprocess.Popen(command, cwd=folder, env=environment(folder), **pipes)
            for name, folder in checkouts.items()
        }
        try:
            return alternated(turns, processes)
        except ValueError:
            log.seek(0)
            sys.exit(f"{' '.join(recipe)} failed in a checkout:\n{log.read()[-2000:]}")
        finally:
            for process in processes.values():
                process.kill()
                process.communicate()


def alternated(turns: int, processes: dict[str, subprocess.Popen[str]]) -> dict[str, list[float]]:
    """Seconds of each process's turns. Raises ValueError if one of them has ended."""
    events = 1

    def turn(process: subprocess.Popen[str]) -> float:
        process.stdin.write(f"{events}\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    for process in processes.values():
        float(process.stdout.readline())  # the first batch event: the graph is built
    # The first turns of both are not timed: memory is still allocated in them.
    usual = [turn(process) for _ in range(10) for process in processes.values()]
    events = max(1, round(SECONDS_PER_TURN / statistics.median(usual[10:])))
    return in_turns(turns, {name: partial(turn, one) for name, one in processes.items()})


def import_seconds(folder: Path) -> float:
    """Seconds of `import digitcore` in a fresh process."""
    result = told([sys.executable, "-c", IMPORT], folder)
    if not Path(result["file"]).is_relative_to(folder):
        sys.exit(f"digitcore must come from {folder}. Received: {result['file']}")
    return float(result["seconds"])


def told(command: list[str], folder: Path) -> dict[str, Any]:
    """The JSON object in the last line that the command prints in that folder."""
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:6])} failed in {folder}:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def environment(folder: Path) -> dict[str, str]:
    """This one's, with that folder's code."""
    return {**os.environ, "PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}


def commit(folder: Path) -> str:
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    ratios = np.array(row["base"]) / np.array(row["here"])
    samples = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(samples, axis=1), [2.5, 97.5])
    middle = " | ".join(f"{statistics.median(row[name]):.3f}" for name in ("base", "here"))
    ratio = f"{np.median(ratios):.3f} × ({low:.3f}–{high:.3f})"
    return f"| {row['what']} | {middle} | {ratio} | {len(ratios)} |"


if __name__ == "__main__":
    main()
