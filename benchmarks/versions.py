"""Compares the training speed and the import time of this checkout with those of an earlier one.

    git worktree add /tmp/base 9598057
    DIGITCORE_DATA_DIR=.../mnist python benchmarks/versions.py --base /tmp/base
    DIGITCORE_DATA_DIR=.../mnist python benchmarks/versions.py --base /tmp/base --recipes fast --pairs 9

Each training is `python -m digitcore train` in its checkout's folder: that version's code with this
Python, in a fresh process, on the same images. The two take turns, and each pair begins with the other
one, so that a machine that gets slower favours neither. A ratio is this checkout's images/s over the
base's, or the base's seconds of `import digitcore` over this checkout's: above 1 is faster.

DIGITCORE_DATA_DIR must be a folder that both versions read, so MNIST's own. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import report, write_json  # noqa: E402

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
    parser.add_argument("--pairs", type=int, default=5, help="trainings of each version (5)")
    parser.add_argument("--epochs", type=int, default=1, help="of each training (1)")
    parser.add_argument("--images", type=int, default=60_000, help="training_images (60000)")
    parser.add_argument("--imports", type=int, default=10, help="imports of each version (10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values there, too")
    options = parser.parse_args()
    checkouts = {"base": options.base.resolve(), "here": ROOT}
    for folder in checkouts.values():
        if not (folder / "digitcore" / "__init__.py").exists():
            parser.error(f"A checkout has a folder digitcore. Received: {folder}")
        import_seconds(folder)  # compiles the modules, and checks that it is that one's code
    rows = []
    for name in options.recipes:
        changes = ["--epochs", str(options.epochs), "--training-images", str(options.images)]
        found = turns(
            options.pairs,
            lambda folder, name=name, changes=changes: trained(folder, name, changes),
            checkouts,
            f"{name}, images/s",
        )
        rows.append({"what": f"`{name}`, images/s", "unit": "images/s", **found})
    found = turns(options.imports, import_seconds, checkouts, "import, s")
    rows.append({"what": "`import digitcore`", "unit": "s", **found})
    print(f"{report()}. Base: {commit(checkouts['base'])}\n")
    print("| what | base, median | here, median | ratio, median (min–max) | pairs |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(line(row))
    if options.json:
        write_json(options.json, rows)


def turns(
    pairs: int, measured: Callable[[Path], float], checkouts: dict[str, Path], what: str
) -> dict[str, list[float]]:
    """What `measured` gives for each checkout, pair by pair."""
    values: dict[str, list[float]] = {name: [] for name in checkouts}
    for number in range(pairs):
        order = list(checkouts) if number % 2 == 0 else list(reversed(checkouts))
        for name in order:
            values[name].append(measured(checkouts[name]))
        told = ", ".join(f"{name} {values[name][-1]:,.4g}" for name in checkouts)
        print(f"{what}, pair {number + 1}: {told}", file=sys.stderr, flush=True)
    return values


def trained(folder: Path, recipe: str, changes: list[str]) -> float:
    """Training images a second of that checkout's recipe."""
    with tempfile.TemporaryDirectory() as models:
        command = [sys.executable, "-m", "digitcore", "train", "--json", "--recipe", recipe]
        result = told([*command, *changes], folder, DIGITCORE_MODELS_DIR=models)
    return float(result["images_per_second"])


def import_seconds(folder: Path) -> float:
    """Seconds of `import digitcore` in a fresh process."""
    result = told([sys.executable, "-c", IMPORT], folder)
    if not Path(result["file"]).is_relative_to(folder):
        sys.exit(f"digitcore must come from {folder}. Received: {result['file']}")
    return float(result["seconds"])


def told(command: list[str], folder: Path, **variables: str) -> dict[str, Any]:
    """The JSON object in the last line that the command prints in that folder."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **variables,
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:6])} failed in {folder}:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def commit(folder: Path) -> str:
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    digits, unit = (0, "images/s") if row["unit"] == "images/s" else (3, "s")
    base, here = row["base"], row["here"]
    if not base:
        return f"| {row['what']} | – | – | – | 0 |"
    ratios = [a / b if unit != "s" else b / a for a, b in zip(here, base, strict=True)]
    middle = [f"{statistics.median(values):,.{digits}f} {unit}" for values in (base, here)]
    return (
        f"| {row['what']} | {' | '.join(middle)} | {statistics.median(ratios):.3f} × "
        f"({min(ratios):.3f}–{max(ratios):.3f}) | {len(ratios)} |"
    )


if __name__ == "__main__":
    main()
