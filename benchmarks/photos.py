"""Predicts photos of digits and numbers on paper, and prints how many were correct.

    DIGITCORE_DATA_DIR=... python benchmarks/photos.py --run RUN
    DIGITCORE_DATA_DIR=... python benchmarks/photos.py --run RUN --each 5 --save photos/

The photos are composed by `benchmarks/camera.py`, which says how, of MNIST's test images; no
setting of the reader was chosen on those (`--split validation` is for that). Each photo is the
bytes of a JPEG file and goes the way of an upload: `drawing.read_image`, `drawing.photo.read`. A digit counts as correct only at its position: in a photo in which another number of
digits was detected, none does.

Beside it, for photos of one digit: the whole photo made grey, dark on light turned, and
resized to 28×28, as demos do.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import camera  # noqa: E402
from digitcore import DrawingError, Predictor, drawing, load_dataset, runs  # noqa: E402
from digitcore.analysis.classification import rejection_threshold, wilson  # noqa: E402
from digitcore.drawing import photo as photos  # noqa: E402


@dataclass(frozen=True)
class Reading:
    """What came of one photo."""

    photo: camera.Photo
    digits: tuple[int, ...]  # predicted; () where none were detected
    sure: bool  # whether the reading is not "not sure"
    naive: int | None  # predicted for the resized photo, where it shows one digit
    seconds: float

    @property
    def right(self) -> int:
        """How many digits are correct, each at its position."""
        if len(self.digits) != len(self.photo.digits):
            return 0
        return sum(a == b for a, b in zip(self.digits, self.photo.digits, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="a finished run")
    parser.add_argument("--each", type=int, default=25, help="photos of each kind (25)")
    parser.add_argument("--first", type=int, default=0, help="leave out so many of each kind (0)")
    parser.add_argument("--seed", type=int, default=0, help="decides all photos (0)")
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--save", type=Path, help="a folder for the photos, to look at them")
    options = parser.parse_args()
    dataset = load_dataset("mnist", download=False)
    split = getattr(dataset, options.split)
    run = runs.load(options.run)
    predictor = Predictor(run)
    threshold = rejection_threshold(run.probabilities()["validation"])
    readings = []
    for number, kind in enumerate(camera.KINDS):
        for k in range(options.first, options.first + options.each):
            random = np.random.default_rng([options.seed, number, k])
            photo = camera.photo(kind, split.images, split.labels, random)
            readings.append(read(photo, predictor, threshold))
            if options.save:
                save(readings[-1], options.save, k)
        print(f"{kind}: {options.each} photos", file=sys.stderr)
    print(
        f"Digits: {options.split} of {dataset.name}; network: {options.run}; "
        f"seed {options.seed}; 95 % intervals (Wilson, 1927)\n"
    )
    print(
        "| photos | n | all digits correct | of those that are sure | digits | digits correct "
        "| resized whole | ms a photo |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for kind in camera.KINDS:
        print(row(kind, [r for r in readings if r.photo.kind == kind]))
    print(row("one digit", [r for r in readings if len(r.photo.digits) == 1]))
    print(row("numbers of 2 to 5", [r for r in readings if len(r.photo.digits) > 1]))
    print(row("all", readings))


def read(photo: camera.Photo, predictor: Predictor, threshold: float) -> Reading:
    """Predicts the digits of a photo from its bytes, as of an upload."""
    begun = time.perf_counter()
    digits: tuple[int, ...] = ()
    sure = False
    try:
        image = drawing.read_image(photo.data)
        reading = photos.read(image, predictor.probabilities, threshold=threshold)
        sure = not reading.unsure
        digits = tuple(digit.value for digit in reading.digits)
    except DrawingError as error:
        print(f"{photo.kind} {photo.digits}: {error}", file=sys.stderr)
    seconds = time.perf_counter() - begun
    naive = None
    if len(photo.digits) == 1:
        (naive,) = answers(predictor, resized(drawing.read_image(photo.data))[None])
    return Reading(photo, digits, sure, naive, seconds)


def answers(predictor: Predictor, images: np.ndarray) -> tuple[int, ...]:
    return tuple(int(digit) for digit in predictor.probabilities(images).argmax(axis=1))


def resized(image: np.ndarray) -> np.ndarray:
    """The whole photo as an input image: grey, the ground dark, 28×28."""
    small = np.asarray(Image.fromarray(image).convert("L").resize((28, 28)))
    return 255 - small if np.median(small) > 127 else small


def save(reading: Reading, folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    true, got = ("".join(map(str, d)) for d in (reading.photo.digits, reading.digits))
    name = f"{reading.photo.kind}-{number:03}-{true}-read-{got or 'nothing'}.jpg"
    (folder / name).write_bytes(reading.photo.data)


def row(name: str, readings: list[Reading]) -> str:
    """One line of the table."""
    whole = sum(r.digits == r.photo.digits for r in readings)
    sure = [r for r in readings if r.sure]
    surely = sum(r.digits == r.photo.digits for r in sure)
    count = sum(len(r.photo.digits) for r in readings)
    right = sum(r.right for r in readings)
    single = [r for r in readings if r.naive is not None]
    naive = sum((r.naive,) == r.photo.digits for r in single)
    milliseconds = 1000 * statistics.median(r.seconds for r in readings)
    return (
        f"| {name} | {len(readings)} | {percentage(whole, len(readings))} | "
        f"{percentage(surely, len(sure))} | {count} | "
        f"{percentage(right, count)} | {percentage(naive, len(single))} | {milliseconds:.0f} |"
    )


def percentage(right: int, total: int) -> str:
    """`95.2 % (93.1–96.7), 240 of 252`, or a dash where there was none."""
    if total == 0:
        return "–"
    low, high = wilson(right, total)
    return f"{100 * right / total:.1f} % ({100 * low:.1f}–{100 * high:.1f}), {right} of {total}"


if __name__ == "__main__":
    main()
