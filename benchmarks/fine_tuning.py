"""What a run gains from twenty drawings of one person, for each of many people.

    DIGITCORE_DATA_DIR=... python benchmarks/fine_tuning.py --strokes pendigits_train_strokes.npz

The run is fine-tuned on two drawings of each digit by each person, in a separate process, and
predicts all their others before and after. The file holds `points` (P, 2),
`stroke_ptr`, `sample_ptr`, `label` and `writer`. How it is done (`jobs.fine_tuning`) was
chosen with drawings of some of the people: most of those with the most errors, and the first twelve.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from digitcore import drawing, runs  # noqa: E402
from digitcore.drawing.samples import HandwritingSamples  # noqa: E402
from digitcore.jobs import fine_tuning, queue  # noqa: E402
from digitcore.runs import Run  # noqa: E402
from digitcore.runs.predictor import Predictor  # noqa: E402

A_DIGIT = 2
LOOKED_AT = (*range(1, 13), 14, 15, 19, 20, 28)


class Gain(NamedTuple):
    """One person: accuracies on the drawings that were not trained on and on MNIST's test images;
    seconds of training, and from the request to the result."""

    writer: int
    before: float
    after: float
    test_before: float
    test_after: float
    fit_seconds: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="reader", help="a run's id (reader, the shipped one)")
    parser.add_argument("--strokes", type=Path, required=True, help="pen strokes, npz")
    parser.add_argument("--people", type=int, default=1000, help="only the first so many (all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there, too")
    options = parser.parse_args()
    gains = measured(runs.load(options.run), options.strokes, options.people)
    print("| person | before | after | MNIST test before | after | fit | in all |")
    print("|---|---|---|---|---|---|---|")
    for one in gains:
        percentages = [f"{100 * fraction:.2f} %" for fraction in one[1:5]]
        print(f"| {one.writer} | {' | '.join(percentages)} | {one[5]:.1f} s | {one[6]:.1f} s |")
    print()
    print(f"All: {summary(gains)}")
    if others := [one for one in gains if one.writer not in LOOKED_AT]:
        print(f"Not used to choose how: {summary(others)}")
    if options.json:
        options.json.write_text(json.dumps([one._asdict() for one in gains], indent=1) + "\n")


def measured(parent: Run, path: Path, people: int = 1000) -> list[Gain]:
    """Fine-tunes the run on each person's handwriting, in a separate models folder."""
    with np.load(path) as file:
        data = {name: file[name] for name in file.files}
    samples = all_samples(data)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DIGITCORE_MODELS_DIR"] = folder
        run = Run(Path(shutil.copytree(parent.path, Path(folder) / parent.id)))
        queue.keep_warm()  # as the app does
        gains = []
        for writer in np.unique(data["writer"])[:people].tolist():
            own = np.flatnonzero(data["writer"] == writer)
            labels = data["label"][own]
            chosen = [own[labels == digit][:A_DIGIT] for digit in range(10)]
            kept = HandwritingSamples()
            for i in np.concatenate(chosen).tolist():
                kept = kept.added(int(data["label"][i]), samples[i], held_out=False)
            others = np.setdiff1d(own, np.concatenate(chosen))
            images = np.array([drawing.from_strokes(samples[i]) for i in others])
            gains.append(fine_tuned(run, writer, kept, images, data["label"][others]))
            print(summary(gains[-1:]), file=sys.stderr)
    return gains


def fine_tuned(
    run: Run,
    writer: int,
    kept: HandwritingSamples,
    images: np.ndarray,
    labels: np.ndarray,
) -> Gain:
    begun = time.perf_counter()
    child = fine_tuning.fine_tune(run, kept)
    for _ in queue.follow(child):
        pass
    seconds = time.perf_counter() - begun
    if child.status != "finished" or child.metrics is None or not child.metrics.fine_tuning:
        sys.exit(f"{child.id}: {child.state.message}")
    metrics = child.metrics
    before, after = (
        float((Predictor(one).probabilities(images).argmax(axis=1) == labels).mean())
        for one in (run, child)
    )
    found = Gain(
        writer,
        before,
        after,
        metrics.fine_tuning.test_accuracy_before,
        metrics.test_accuracy,
        metrics.fit_seconds,
        seconds,
    )
    child.delete()
    return found


def all_samples(data: dict[str, np.ndarray]) -> list[list[np.ndarray]]:
    strokes = [data["points"][a:b].astype(float) for a, b in itertools.pairwise(data["stroke_ptr"])]
    return [strokes[a:b] for a, b in itertools.pairwise(data["sample_ptr"])]


def summary(gains: list[Gain]) -> str:
    """Means of these people, gains in points with their standard deviation, and the worst loss."""
    table = np.array(gains)
    gain = 100 * (table[:, 2] - table[:, 1])
    loss = 100 * (table[:, 4] - table[:, 3])
    spread = f" ± {gain.std(ddof=1):.2f}" if len(gains) > 1 else ""
    return (
        f"n = {len(gains)}, {100 * table[:, 1].mean():.2f} % before, "
        f"{100 * table[:, 2].mean():.2f} % after, gain {gain.mean():+.2f}{spread} points; "
        f"MNIST test {loss.mean():+.3f} points, worst {loss.min():+.2f}; "
        f"fit {table[:, 5].mean():.1f} s, in all {table[:, 6].mean():.1f} s "
        f"(longest {table[:, 6].max():.1f})"
    )


if __name__ == "__main__":
    main()
