"""How well a run reads what people draw, beside the usual demos' way of reading it.

    DIGITCORE_DATA_DIR=... python benchmarks/drawing.py --strokes pendigits_train_strokes.npz \\
        --canvas hwd1000.npz --others not_digits_omniglot.npz

--strokes  pen strokes of many people (UCI pendigits): `points` (P, 2), `stroke_ptr`,
           `sample_ptr`, `label`, `writer`
--canvas   digits drawn on a computer's canvas: `x` uint8 (N, 28, 28), `y`
--others   characters that are no digits: `x` uint8 (N, 28, 28)

Strokes are drawn at random size, place and pen width. The "naive" column is what many demos
do: the canvas is resized to 28×28 and given to the same network. A drawing is rejected when its
highest probability is below the threshold that rejects 2 % of MNIST's validation images.

The errors of every other writer are looked at when ways of writing are added to
`digitcore/drawing/synthetic.toml`; the figures of "the other writers" are those to report.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

import fine_tuning  # noqa: E402
import whole_numbers  # noqa: E402

from digitcore import drawing, runs  # noqa: E402
from digitcore.analysis import classification  # noqa: E402
from digitcore.datasets import load_dataset  # noqa: E402
from digitcore.drawing import synthetic  # noqa: E402
from digitcore.runs.predictor import Predictor  # noqa: E402

CANVAS = 400
NUMBERS = 400  # of each length
# The others begin as a 1 or a 7 does.
HALF_DRAWN = (0, 2, 3, 5, 8)


class Row(NamedTuple):
    """One line of the table."""

    what: str
    value: str
    naive: str
    n: int
    target: str = ""


class Sheet(NamedTuple):
    """Strokes of one digit on a canvas of 400×400 pixels, and the pen's width there."""

    strokes: list[np.ndarray]
    pen: int


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="reader", help="a run's id (reader, the shipped one)")
    parser.add_argument("--strokes", type=Path, help="pen strokes, npz")
    parser.add_argument("--canvas", type=Path, help="digits from a canvas, npz")
    parser.add_argument("--others", type=Path, help="characters that are no digits, npz")
    parser.add_argument(
        "--fine-tune",
        action="store_true",
        help="also what people gain by fine-tuning (ten minutes)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of sizes, positions and pens (0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there, too")
    options = parser.parse_args()
    run = runs.load(options.run)
    predict = Predictor(run).probabilities
    random = np.random.default_rng(options.seed)
    rows, digits = mnist(predict, run.recipe.validation_split)
    threshold = classification.rejection_threshold(digits["validation"])
    known = {"MNIST test": digits["test"]}
    if options.strokes:
        found, table = pen_strokes(options.strokes, predict, random)
        rows += found
        known["pen strokes"] = table
    if options.canvas:
        found, table = canvas(options.canvas, predict)
        rows += found
        known["canvas digits"] = table
    strangers = {"scribbles": predict(images(2000, synthetic.scribble, random))}
    if options.strokes:
        strangers["half-drawn digits"] = predict(half_drawn(options.strokes, random))
    if options.others:
        strangers["other characters"] = predict(as_images(np.load(options.others)["x"]))
    rows += rejections(known, strangers, threshold)
    if options.strokes:
        rows.append(whole(options.strokes, predict))
    if options.strokes and options.fine_tune:
        rows += fine_tuned(run, options.strokes)
    print(f"Run {run.id}: {run.recipe.parameters:,} parameters. Threshold {threshold:.3f}.\n")
    print("| what | correct | naive | n | target |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.value} | {row.naive} | {row.n:,} | {row.target} |")
    if options.json:
        options.json.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n")


Predict = Callable[[np.ndarray], np.ndarray]


def mnist(predict: Predict, validation_split: float) -> tuple[list[Row], dict[str, np.ndarray]]:
    """MNIST's test images as they are, and enlarged to a canvas and read from there."""
    digits = load_dataset(validation_split=validation_split, download=False)
    if digits.notice:
        sys.exit(digits.notice)
    test = digits.test
    tables = {"test": predict(test.images), "validation": predict(digits.validation.images)}
    on_canvas = [np.kron(image, np.ones((10, 10), np.uint8)) for image in test.images]
    again = predict(np.array([drawing.from_image(image) for image in on_canvas]))
    right, back = (classification.accuracy(t, test.labels) for t in (tables["test"], again))
    rows = [
        Row("MNIST test", percentage(right, len(test)), "", len(test), "≥ 99.5 %"),
        Row(
            "the same enlarged to a canvas",
            f"{percentage(back, len(test))}, {100 * (back - right):+.2f} points",
            "",
            len(test),
            "≥ −0.1 points",
        ),
    ]
    return rows, tables


def pen_strokes(
    path: Path, predict: Predict, random: np.random.Generator
) -> tuple[list[Row], np.ndarray]:
    """Strokes at random size, place and pen width, by half of the writers, digit and writer."""
    data = np.load(path)
    labels, writers = data["label"], data["writer"]
    sheets = [placed(strokes, random) for strokes in samples(data)]
    table = predict(np.array([drawing.from_strokes(sheet.strokes) for sheet in sheets]))
    ours = table.argmax(axis=1) == labels
    naive = predict(np.array([resized(sheet) for sheet in sheets])).argmax(axis=1) == labels
    place = np.searchsorted(np.unique(writers), writers)
    # The first ways of writing were chosen from the errors of all but every fourth.
    looked_at, reported, never = place % 2 == 0, place % 2 == 1, place % 4 == 3
    rows = [
        both("Pen strokes", ours, naive),
        both("… by writers whose errors are looked at", ours[looked_at], naive[looked_at]),
        both("… by the other writers", ours[reported], naive[reported], "≥ 98.5 %"),
    ]
    for digit in range(10):
        is_it = reported & (labels == digit)
        rows.append(both(f"… by the other writers, {digit}", ours[is_it], naive[is_it], "≥ 97 %"))
    rows.append(both("… by writers never looked at", ours[never], naive[never], "≥ 98.5 %"))
    each = np.array([ours[writers == writer].mean() for writer in np.unique(writers)])
    spread = (
        f"{100 * each.mean():.2f} ± {100 * each.std(ddof=1):.2f} %, worst {100 * each.min():.2f} %"
    )
    rows.append(Row("… by writer, mean ± SD", spread, "", len(each)))
    return rows, table


def samples(data: np.lib.npyio.NpzFile) -> list[list[np.ndarray]]:
    points, stroke_at, sample_at = (data[key] for key in ("points", "stroke_ptr", "sample_ptr"))
    strokes = [points[a:b].astype(float) for a, b in itertools.pairwise(stroke_at)]
    return [strokes[a:b] for a, b in itertools.pairwise(sample_at)]


def half_drawn(path: Path, random: np.random.Generator) -> np.ndarray:
    """Digit images of the first 20 to 40 % of pen strokes, of digits whose beginning is no digit."""
    data = np.load(path)
    begun = []
    for strokes, label in zip(samples(data), data["label"], strict=True):
        if label in HALF_DRAWN:
            left = max(4, round(random.uniform(0.2, 0.4) * sum(map(len, strokes))))
            kept = []
            for stroke in strokes:
                kept.append(stroke[: max(left, 0)])
                left -= len(stroke)
            begun.append(drawing.from_strokes(kept))
    return np.array(begun)


def placed(strokes: list[np.ndarray], random: np.random.Generator) -> Sheet:
    """Strokes at a random size, from 20 to 90 % of the canvas, at a random place."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = random.uniform(0.2, 0.9) * CANVAS / max((high - low).max(), 1)
    corner = random.uniform(0, CANVAS - (high - low) * scale)
    # A canvas has whole pixels.
    return Sheet(
        [np.round((s - low) * scale + corner) for s in strokes], int(random.integers(6, 31))
    )


def resized(sheet: Sheet) -> np.ndarray:
    """The whole canvas at 28×28, as the usual demos read it."""
    canvas = Image.new("L", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(canvas)
    for stroke in sheet.strokes:
        dots = [tuple(point) for point in stroke]
        pen.line(dots, fill=255, width=sheet.pen, joint="curve")
        for x, y in (dots[0], dots[-1]):
            r = sheet.pen / 2
            pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
    return np.asarray(canvas.resize((28, 28), Image.Resampling.LANCZOS))


def canvas(path: Path, predict: Predict) -> tuple[list[Row], np.ndarray]:
    """Digits from a computer's canvas, which are images already."""
    data = np.load(path)
    table = predict(as_images(data["x"]))
    naive = predict(data["x"]).argmax(axis=1) == data["y"]
    return [both("Digits from a canvas", table.argmax(axis=1) == data["y"], naive)], table


def rejections(
    known: dict[str, np.ndarray], strangers: dict[str, np.ndarray], threshold: float
) -> list[Row]:
    """How often each kind is rejected, and how well digits are told from what is none."""
    rows = []
    for name, table in {**known, **strangers}.items():
        rejected = float((table.max(axis=1) < threshold).mean())
        rows.append(Row(f"Rejected: {name}", f"{100 * rejected:.1f} %", "", len(table)))
    for digits, of_digits in known.items():
        for name, table in strangers.items():
            truth = np.repeat([1, 0], [len(of_digits), len(table)])
            tops = np.concatenate([of_digits, table]).max(axis=1)
            aim = "≥ 0.975" if name == "other characters" else "≥ 0.97"
            area = f"{roc_auc_score(truth, tops):.4f}"
            rows.append(Row(f"AUROC, {digits} from {name}", area, "", len(truth), aim))
    return rows


def whole(path: Path, predict: Predict) -> Row:
    """Numbers of 2 to 6 digits read entirely right; naive is one digit for each gap in the ink."""
    random = np.random.default_rng(1)
    pens = whole_numbers.read_pens(path)[1::2]
    found = [
        one
        for length in whole_numbers.LENGTHS
        for one in whole_numbers.measured(
            whole_numbers.composed(pens, length, NUMBERS, random), predict
        )
    ]
    ours, naive = (
        np.array([one[way] == one["shown"] for one in found]) for way in ("read", "split")
    )
    return both("Numbers of 2 to 6 digits, whole", ours, naive, "≥ 95.5 %")


def fine_tuned(run: runs.Run, path: Path) -> list[Row]:
    """What twenty drawings of each person gain on their others, and cost on MNIST's test."""
    gains = np.array(fine_tuning.measured(run, path))
    gain, cost = (100 * (gains[:, k + 1] - gains[:, k]) for k in (1, 3))
    spread = f"{gain.mean():+.2f} ± {gain.std(ddof=1):.2f} points"
    after = f"{100 * gains[:, 2].mean():.2f} %"
    lost = f"{cost.mean():+.3f} points, worst {cost.min():+.2f}"
    return [
        Row("Pen strokes after 20 drawings are learned, by writer", after, "", len(gains)),
        Row("… gained", spread, "", len(gains)),
        Row("… MNIST test", lost, "", len(gains), "≥ −0.1 points"),
        Row("… seconds of training", f"{gains[:, 5].mean():.1f} s", "", len(gains), "≤ 10 s"),
    ]


def as_images(pictures: np.ndarray) -> np.ndarray:
    return np.array([drawing.from_image(picture) for picture in pictures])


def images(
    count: int,
    write: Callable[[np.random.Generator], list[np.ndarray]],
    random: np.random.Generator,
) -> np.ndarray:
    return np.array([drawing.from_strokes(write(random)) for _ in range(count)])


def both(what: str, ours: np.ndarray, naive: np.ndarray, target: str = "") -> Row:
    count = len(ours)
    return Row(what, percentage(ours.mean(), count), f"{100 * naive.mean():.2f} %", count, target)


def percentage(right: float, count: int) -> str:
    low, high = classification.wilson(round(right * count), count)
    return f"{100 * right:.2f} % ({100 * low:.2f}–{100 * high:.2f})"


if __name__ == "__main__":
    main()
