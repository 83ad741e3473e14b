"""Reads image files that people made, and prints how many were right, wrong and unsure.

    python benchmarks/real_photos.py --photos FOLDER --run RUN --verbose

The folder has `labels.csv`: file, label, kind, group. The label's lines are separated by `/`; of a
sheet (kind "several lines") whose label is one digit, every digit is that. A file is right when all of
its lines are, unsure when the reading says "not sure" or there is none.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from digitcore import DrawingError, Predictor, drawing, runs  # noqa: E402
from digitcore.analysis.classification import rejection_threshold  # noqa: E402
from digitcore.drawing import photo  # noqa: E402


class Result(NamedTuple):
    """What came of one file."""

    group: str
    right: bool
    unsure: bool
    digits: int
    digits_right: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="the folder with labels.csv")
    parser.add_argument("--run", default="reader", help="a finished run")
    parser.add_argument("--verbose", action="store_true", help="name the files that are not right")
    options = parser.parse_args()
    run = runs.load(options.run)
    predictor = Predictor(run)
    threshold = rejection_threshold(run.probabilities()["validation"])
    results = []
    with (options.photos / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            result, told = read(options.photos / row["file"], row, predictor, threshold)
            results.append(result)
            if options.verbose and (not result.right or result.unsure):
                print(told, file=sys.stderr)
    print("| group | files | right | wrong and sure | unsure | digits right | ms a file |")
    print("|---|---|---|---|---|---|---|")
    for group in sorted({r.group for r in results}):
        print(table_row(group, [r for r in results if r.group == group]))
    print(table_row("all", results))


def read(
    path: Path, row: dict[str, str], predictor: Predictor, threshold: float
) -> tuple[Result, str]:
    """Reads a file; what came of it, and in words."""
    begun = time.perf_counter()
    lines: list[str] = []
    unsure, note = True, ""
    try:
        image = drawing.read_image(path)
        reading = photo.read(image, predictor.probabilities, threshold=threshold)
    except DrawingError as error:
        note = str(error)
    else:
        lines = [line.text for line in reading.lines]
        unsure = reading.unsure
        note = "; ".join(sorted({one.reason for one in reading.left_out}))
    seconds = time.perf_counter() - begun
    wanted = row["label"].split("/")
    if row["kind"] == "several lines" and len(row["label"]) == 1:
        wanted = [row["label"] * len(line) for line in lines] or wanted
    matching = difflib.SequenceMatcher(None, "/".join(wanted), "/".join(lines), autojunk=False)
    same = sum(
        sum(c != "/" for c in "/".join(wanted)[m.a : m.a + m.size])
        for m in matching.get_matching_blocks()
    )
    right = lines == wanted
    told = f"{path.name}: {row['label']} as {'/'.join(lines) or '-'}{' ?' if unsure else ''} {note}"
    return Result(row["group"], right, unsure, sum(map(len, wanted)), same, seconds), told


def table_row(name: str, results: list[Result]) -> str:
    right = sum(r.right for r in results)
    wrong = sum(not r.right and not r.unsure for r in results)
    unsure = sum(r.unsure for r in results)
    digits, same = sum(r.digits for r in results), sum(r.digits_right for r in results)
    milliseconds = 1000 * statistics.median(r.seconds for r in results)
    return (
        f"| {name} | {len(results)} | {right} ({right / len(results):.1%}) | {wrong} | {unsure} | "
        f"{same} of {digits} | {milliseconds:.0f} |"
    )


if __name__ == "__main__":
    main()
