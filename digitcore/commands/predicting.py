"""The command that reads image files: files, folders, patterns, and CSV files of pixels."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from digitcore import drawing, runs
from digitcore.analysis import outcome, written
from digitcore.analysis.classification import wilson
from digitcore.commands import image_paths
from digitcore.commands.output import Result, sentence
from digitcore.commands.predictors import quiet_predictor
from digitcore.datasets import DatasetInfo, pixel_csv
from digitcore.drawing import photo
from digitcore.drawing.reading import Reading
from digitcore.drawing.sequence import Number
from digitcore.files import replace
from digitcore.runs import Run, RunError, RunUnsuitableError
from digitcore.runs.predictor import Predictor

_BATCH = 1000  # images that are predicted in one call
_FEW = 3  # refused files that the last line names


def predict(options: argparse.Namespace) -> tuple[Result, str]:
    """The command `predict`: its JSON object and its text."""
    run = runs.find(options.run)
    info = run.recipe.info
    rows: list[Result] = []
    refused: list[tuple[str, str]] = []
    result: Result = {"run": options.run, "images": rows}
    predictor = quiet_predictor(run)
    threshold = _threshold(run)
    paths = list(_paths(options.image, refused))
    like = info.drawing
    if like is None and not all(map(pixel_csv.is_pixel_csv, paths)):
        raise RunUnsuitableError(
            f"Networks of {info.title} read no image files, but CSV files of their pixels; `evaluate` "
            f"measures them. Received: {run.id}"
        )
    with tqdm(
        paths, unit="file", file=sys.stderr, disable=None if len(paths) > 20 else True
    ) as bar:
        for path in bar:
            try:
                if like is None or pixel_csv.is_pixel_csv(path):
                    images, labels = pixel_csv.read(Path(path), info.image_shape, info.class_count)
                    predicted = _predicted(predictor, images, info)
                    if labels is not None:
                        result |= _counted(predicted, labels, result)
                    rows += [{"image": f"{path}#{i}", **row} for i, row in enumerate(predicted, 1)]
                else:
                    image = drawing.read_image(path)
                    reading = photo.read(
                        image, predictor.probabilities, like, threshold, info.is_of_digits
                    )
                    rows += [{"image": path, **_told(reading, threshold, info)}]
            except (ValueError, OSError) as error:
                refused.append((path, sentence(error)))
    if options.csv:
        only_pixels = len(paths) == 1 and pixel_csv.is_pixel_csv(paths[0])
        _write(options.csv, rows, submission=only_pixels)
    lines = list(map(_line, rows))
    if options.csv:
        lines = [f"{len(rows):,} images read, written to {options.csv}"]
    if "accuracy" in result:
        correct = written.accuracy(result["accuracy"], result["interval"])
        lines.append(f"{correct} of {result['labelled']:,} labelled images correct")
    if like is not None and any("lines" in row and row["unsure"] for row in rows):
        result["note"] = photo.about_print(like)
        print(result["note"], file=sys.stderr)  # stdout has a line for each file
    if refused:
        result |= _refusals(refused, len(paths))
    return result, "\n".join(lines)


def _paths(names: list[str], refused: list[tuple[str, str]]) -> Iterator[str]:
    for name in names:
        try:
            yield from image_paths.files(name)
        except OSError as error:
            refused.append((name, sentence(error)))


def _threshold(run: Run) -> float:
    """The confidence below which the run is not sure; 0 where that is not known."""
    try:
        validation = run.probabilities()["validation"]
        return outcome.rejection_threshold(run.metrics, validation, run.recipe.info.class_count)
    except (ValueError, RunError):
        return 0.0


def _told(reading: Reading, threshold: float, info: DatasetInfo) -> Result:
    """A picture's digits line by line; of a single one also its probabilities, as of pixels."""
    lines: list[Result] = [
        {
            "text": _text(line, info),
            "confidence": line.confidence,
            "digits": [
                {
                    "class": info.classes[digit.value],
                    "label": digit.value,
                    "confidence": digit.confidence,
                    "probabilities": digit.probabilities.tolist(),
                    "box": [round(edge, 1) for edge in digit.box],
                    "unsure": digit.confidence < threshold,
                }
                for digit in line.digits
            ],
        }
        for line in reading.lines
    ]
    told: Result = {
        "class": "/".join(line["text"] for line in lines),
        "confidence": min((line["confidence"] for line in lines), default=0.0),
        "unsure": reading.unsure,
        "lines": lines,
        "left_out": [
            {"box": [round(edge, 1) for edge in one.box], "reason": one.reason}
            for one in reading.left_out
        ],
    }
    if len(reading.digits) == 1:
        (digit,) = reading.digits
        told |= _of_one(digit.probabilities, info)
    return told


def _line(row: Result) -> str:
    """What is printed of a picture."""
    said = f"{row['image']}: {row['class'] or 'nothing'} ({100 * row['confidence']:.1f} %)"
    if row.get("unsure"):
        said += ", not sure"
    reasons = Counter(one["reason"] for one in row.get("left_out", ()))
    if reasons:
        said += f"; left out: {'; '.join(f'{reason} ({n})' for reason, n in reasons.items())}"
    return said


def _text(line: Number, info: DatasetInfo) -> str:
    return "".join(info.classes[digit.value] for digit in line.digits)


def _of_one(row: NDArray[np.float32], info: DatasetInfo) -> Result:
    """What the network says of one input image."""
    label = int(row.argmax())
    return {
        "class": info.classes[label],
        "label": label,
        **({"digit": label} if info.is_of_digits else {}),
        "confidence": float(row[label]),
        "probabilities": row.tolist(),
    }


def _predicted(predictor: Predictor, images: NDArray[np.uint8], info: DatasetInfo) -> list[Result]:
    """What the network says of input images (N, height, width)."""
    batches = [images[at : at + _BATCH] for at in range(0, len(images), _BATCH)]
    table = np.concatenate([predictor.probabilities(batch) for batch in batches])
    return [_of_one(row, info) for row in table]


def _counted(rows: list[Result], labels: NDArray[np.uint8], before: Result) -> Result:
    """How many labelled images are correct, those of files before included."""
    correct = sum(row["label"] == label for row, label in zip(rows, labels.tolist(), strict=True))
    correct += before.get("correct", 0)
    labelled = len(labels) + before.get("labelled", 0)
    interval = list(wilson(correct, labelled))
    return {
        "labelled": labelled,
        "correct": correct,
        "accuracy": correct / labelled,
        "interval": interval,
    }


def _write(path: Path, rows: list[Result], submission: bool) -> None:
    """A CSV file of what was read; of one file of pixels as Kaggle takes it, `ImageId,Label`."""
    header = ["ImageId", "Label"] if submission else ["image", "class", "confidence", "not sure"]

    def lines(target: Path) -> None:
        with open(target, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            for number, row in enumerate(rows, 1):
                unsure = "not sure" if row.get("unsure") else ""
                told = [row["image"], row["class"], f"{row['confidence']:.6f}", unsure]
                writer.writerow([number, row["class"]] if submission else told)

    # What is no file, as a terminal, is written to as it is.
    if path.exists() and not path.is_file():
        lines(path)
    else:
        replace(path, lines)


def _refusals(refused: list[tuple[str, str]], read: int) -> Result:
    """What is said of files that cannot be read; each on its own line of stderr where they are many."""
    told = [why if why.startswith(name) else f"{name}: {why}" for name, why in refused]
    message = "; ".join(told)
    if len(told) > _FEW:
        for line in told:
            print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
        total = max(read, len(told))
        message = f"{len(told):,} of {total:,} files cannot be read; the lines above say why"
    rows = [{"image": os.fspath(name), "reason": why} for name, why in refused]
    return {"status": "failed", "message": message, "refused": rows}
