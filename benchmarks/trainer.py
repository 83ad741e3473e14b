"""Times the trainer beside plain Keras and PyTorch scripts (`plain.py`) of the same network, in turn.

    DIGITCORE_DATA_DIR=... python benchmarks/trainer.py
    DIGITCORE_DATA_DIR=... python benchmarks/trainer.py --recipes dropout-3x3 --pairs 5
    DIGITCORE_DATA_DIR=... python benchmarks/trainer.py --watched websocket   # with a page open
    DIGITCORE_DATA_DIR=... python benchmarks/trainer.py --race dropout-3x3    # fast against it

Each begins with a fresh process, takes all training images in batches of the same size through the
same optimizer, and validates after each epoch. PyTorch's column is empty where it is not installed
(`pip install torch`). Timed is from the first step to the end of the last
epoch, compilation, warm-up and the trial of precisions included; loading TensorFlow and
the digits is not. Ours is `python -m digitcore train`, as the app does it: a worker that writes
events and checkpoints. There is no augmentation, no EMA and no weight decay, because
the plain scripts do none of it.

PyTorch's script holds the images as one tensor on its device, made before the time begins, and takes
each batch from it, which is faster than its `DataLoader`; like Keras's it computes in float32, as it
comes.

Watched: the app runs and the Train page shows the run, in a client that speaks to the server as a
page does, or in Chromium, which draws it with the same cores.

Race: the plain Keras script of that recipe as it is, all its epochs, and then `fast`; by the seconds from
the first step to the end, and what each reads of the test images.

"of the peak": the multiply-adds that a training step cannot do without (once forward, twice
backward), a second, as a fraction of those of a product of two large matrices on the same machine in
the same precision.

Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PLAIN = str(ROOT / "benchmarks" / "plain.py")
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import report, write_json  # noqa: E402

from digitcore import Recipe, load_dataset  # noqa: E402

# What the plain scripts leave out.
NOT_PLAIN = (
    *("rotation", "shift", "scale", "shear", "elastic"),
    *("ema_decay", "epoch_images", "label_smoothing", "early_stopping", "weight_decay"),
    *("synthetic_digits", "synthetic_outliers", "distillation"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", default=Recipe.names())
    parser.add_argument("--precisions", nargs="+", default=["float32", "auto"])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--watched", choices=WATCHERS, default="no", help="who watches (no)")
    parser.add_argument("--race", metavar="RECIPE", help="only the race against this recipe")
    parser.add_argument("--json", type=Path, help="also writes the figures there")
    parser.add_argument("--peak", help=argparse.SUPPRESS)  # what measures the machine
    options = parser.parse_args()
    if options.peak:
        print(json.dumps(peak(options.peak)))
        return
    if notice := load_dataset().notice:
        sys.exit(notice)
    if options.race:
        recipe = Recipe.load(options.race)
        if changed := [name for name in NOT_PLAIN if getattr(recipe, name)]:
            parser.error(f"A plain script has nothing of {', '.join(changed)}")
        race(options.race, options.pairs)
        return
    rows = [
        measured(name, precision, options.pairs, options.epochs, options.watched)
        for name in options.recipes
        for precision in options.precisions
    ]
    print(
        f"{report()}{torch_version()}; {options.pairs} turns of {options.epochs} epochs; "
        f"watched: {options.watched}\n"
    )
    print(
        "| recipe | precision | chosen | images/s, median | plain Keras, float32 | ratio (min–max) | "
        "plain PyTorch, float32 | ratio (min–max) | of the peak |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        beside = [compared(row["ours"], row[name]) for name in ("keras", "torch")]
        print(
            f"| `{row['recipe']}` | {row['precision']} | {chosen(row)} | "
            f"{statistics.median(row['ours']):,.0f} | {' | '.join(beside)} | "
            f"{row['fraction_of_peak']:.0%} |"
        )
    if options.json:
        write_json(options.json, rows)


def torch_version() -> str:
    """PyTorch's version as the end of a sentence, if it is there."""
    with suppress(metadata.PackageNotFoundError):
        return f"; torch {metadata.version('torch')}"
    return ""


def chosen(row: dict[str, Any]) -> str:
    """The precisions that were computed with, and whether XLA compiled."""
    ways = [
        f"{precision}, XLA" if xla else precision
        for precision, xla in zip(row["chosen"], row["xla"], strict=True)
    ]
    return " / ".join(dict.fromkeys(ways))


def compared(ours: list[float], theirs: list[float]) -> str:
    """Two cells: their median, and how many times as fast ours is."""
    if not theirs:
        return "– | –"
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return (
        f"{statistics.median(theirs):,.0f} | "
        f"{statistics.median(ratios):.2f} × ({min(ratios):.2f}–{max(ratios):.2f})"
    )


def measured(name: str, precision: str, pairs: int, epochs: int, watched: str) -> dict[str, Any]:
    """Images a second of each turn: ours, then each plain script's."""
    recipe = Recipe.load(name).changed(
        epochs=epochs,
        precision=precision,
        **dict.fromkeys(NOT_PLAIN, 0),
        training_images=60_000,
    )
    row: dict[str, Any] = {"recipe": name, "precision": precision}
    row |= {"ours": [], "keras": [], "torch": [], "chosen": [], "xla": []}
    scripts = ["keras", *(["torch"] if importlib.util.find_spec("torch") else [])]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DIGITCORE_MODELS_DIR": folder, "TF_CPP_MIN_LOG_LEVEL": "3"}
        file = Path(folder) / "timed.toml"
        file.write_text(recipe.to_toml())
        for _ in range(pairs):
            ours = WATCHERS[watched](file, environment)
            images = recipe.images_an_epoch() * epochs
            row["ours"].append(images / ours["fit_seconds"])
            for script in scripts:
                plain = told([sys.executable, PLAIN, script, str(file)], environment)
                row[script].append(images / plain["fit_seconds"])
            row["chosen"].append(ours["precision"])
            row["xla"].append(ours["xla"])
            row["machine"] = ours["machine"]
            print(f"{name} {precision}: {row}", file=sys.stderr)
        most = {
            chosen: told([sys.executable, __file__, "--peak", chosen], environment)
            for chosen in set(row["chosen"])
        }
    an_image = 2 * 3 * multiplications(recipe)
    row["fraction_of_peak"] = statistics.median(
        an_image * speed / most[chosen]["operations_per_second"]
        for speed, chosen in zip(row["ours"], row["chosen"], strict=True)
    )
    return row


def unwatched(recipe: Path, environment: dict[str, str]) -> dict[str, Any]:
    """What our training of that file says when it has ended."""
    command = [sys.executable, "-m", "digitcore", "train", "--json", "--recipe", str(recipe)]
    return told(command, environment)


def watched_by(name: str) -> Callable[[Path, dict[str, str]], dict[str, Any]]:
    """The same with an open page; `name` is that of the function of `crowd` that opens it."""

    def train(recipe: Path, environment: dict[str, str]) -> dict[str, Any]:
        sys.path.append(str(ROOT / "tests"))
        import crowd  # the clients, and all that they import
        from browser.app import serve

        from digitcore.jobs import queue

        folder = Path(environment["DIGITCORE_MODELS_DIR"])
        os.environ.update(environment)
        with serve(folder) as app:
            run = queue.submit(Recipe.load(recipe))
            getattr(crowd, name)(app, run)
            assert run.metrics, run.state.message
            return run.metrics.as_dict()

    return train


WATCHERS: dict[str, Callable[[Path, dict[str, str]], dict[str, Any]]] = {
    "no": unwatched,
    "websocket": watched_by("watch_by_websocket"),
    "chromium": watched_by("watch_in_chromium"),
}


def race(name: str, rounds: int) -> None:
    """Prints how much sooner `fast` has ended than the plain script of that recipe."""
    print(f"{report()}; {rounds} rounds\n")
    print(f"| plain Keras, `{name}` | test | `fast` | test | times faster |")
    print("|---|---|---|---|---|")
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "DIGITCORE_MODELS_DIR": folder}
            plain = told([sys.executable, PLAIN, "keras", name], environment)
            command = [sys.executable, "-m", "digitcore", "train", "--json", "--recipe", "fast"]
            fast = told(command, environment)
        print(
            f"| {plain['fit_seconds']:.1f} s | {100 * plain['test_accuracy']:.2f} % | "
            f"{fast['fit_seconds']:.1f} s | {100 * fast['test_accuracy']:.2f} % | "
            f"{plain['fit_seconds'] / fast['fit_seconds']:.1f} × |",
            flush=True,
        )


def multiplications(recipe: Recipe) -> int:
    """Multiply-adds of one image's way forward; a bias counts as one."""
    kinds = ("conv", "depthwise_conv", "dense")
    rows = [row for row in recipe.summary() if row.kind in kinds]
    return sum(row.parameters * math.prod(row.shape[:-1]) for row in rows)


def peak(precision: str) -> dict[str, float]:
    """Operations a second of a matrix product, the best of ten."""
    import tensorflow as tf

    side = 2048
    kind = tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32
    matrix = tf.cast(tf.random.normal((side, side)), kind)
    product = tf.function(lambda: tf.reduce_sum(matrix @ matrix))
    product().numpy()
    seconds = []
    for _ in range(10):
        begun = time.perf_counter()
        product().numpy()
        seconds.append(time.perf_counter() - begun)
    return {"operations_per_second": 2 * side**3 / min(seconds)}


def told(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """The JSON object in the last line that the command prints."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    main()
