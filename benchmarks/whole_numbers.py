"""How many numbers of several digits are read entirely right, and how long each takes.

    python benchmarks/whole_numbers.py --strokes pendigits.npz --run RUN
    python benchmarks/whole_numbers.py --strokes pendigits.npz --run RUN --fit   # finds the weights

Composes numbers of single digits that one person wrote: of random heights and baselines, at
gaps down to boxes that lie over each other, a late stroke here and there. The weights were
found on numbers of every other person; the table is of the rest.

The file holds `points` (P, 2), x right and y down; stroke k is
`points[stroke_ptr[k]:stroke_ptr[k + 1]]`; digit i is the strokes `sample_ptr[i]` to
`sample_ptr[i + 1] - 1`, shows `label[i]` and is by `writer[i]`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

ROOT = Path(__file__).parents[1]
# In the place of this folder, in which `numbers` would be this file, also for Python's own.
sys.path[0] = str(ROOT)

from digitcore import Predictor, drawing  # noqa: E402
from digitcore.analysis.classification import wilson  # noqa: E402
from digitcore.drawing import Predict, sequence  # noqa: E402

Strokes = list[np.ndarray]
LENGTHS = (2, 3, 4, 5, 6)


class Pen(NamedTuple):
    """Digits by one person."""

    digits: list[Strokes]
    labels: list[int]


class Written(NamedTuple):
    """A number: its strokes, and of each digit what it is and which strokes are its own."""

    strokes: Strokes
    text: str
    owners: list[tuple[int, ...]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strokes", type=Path, required=True, help="pen strokes (.npz)")
    parser.add_argument("--run", required=True, help="the run whose network predicts")
    parser.add_argument("--count", type=int, default=400, help="numbers of each length (400)")
    parser.add_argument("--json", type=Path, help="write the results to this file, too")
    parser.add_argument("--fit", action="store_true", help="only find the weights")
    options = parser.parse_args()
    predict = Predictor(options.run).probabilities
    pens = read_pens(options.strokes)
    if options.fit:
        print(fit(pens[::2], predict, options.count))
        return
    random = np.random.default_rng(1)
    sets = {str(n): composed(pens[1::2], n, options.count, random) for n in LENGTHS}
    results = {name: measured(rows, predict) for name, rows in sets.items()}
    results["2 to 6"] = [one for rows in results.values() for one in rows]
    results["1"] = measured(composed(pens[1::2], 1, options.count, random), predict)
    joined = [c for n in LENGTHS for c in composed(pens[1::2], n, options.count // 5, random, True)]
    results["2 to 6, two of them in one stroke"] = measured(joined, predict)
    report(results, len(pens[1::2]))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


# --- numbers -----------------------------------------------------------------


def read_pens(path: Path) -> list[Pen]:
    """The digits of each person, in the order of their numbers."""
    with np.load(path) as file:
        data = {name: file[name] for name in file.files}
    points = np.split(data["points"].astype(float), data["stroke_ptr"][1:-1])
    first = data["sample_ptr"]
    pens = []
    for writer in np.unique(data["writer"]):
        chosen = np.flatnonzero(data["writer"] == writer)
        digits = [points[first[i] : first[i + 1]] for i in chosen]
        pens.append(Pen(digits, data["label"][chosen].tolist()))
    return pens


def composed(
    pens: list[Pen], length: int, count: int, random: np.random.Generator, joined: bool = False
) -> list[Written]:
    return [compose(pens[i % len(pens)], length, random, joined) for i in range(count)]


def compose(pen: Pen, length: int, random: np.random.Generator, joined: bool) -> Written:
    """Digits side by side, about 100 pixels high; two of them in one stroke where `joined`."""
    strokes: Strokes = []
    text, owners, right = "", [], 0.0
    for i in random.integers(len(pen.digits), size=length):
        digit = placed(pen.digits[i], right, random)
        owners.append(tuple(range(len(strokes), len(strokes) + len(digit))))
        strokes += digit
        text += str(pen.labels[i])
        right = max(stroke[:, 0].max() for stroke in digit)
    if joined:
        return join(Written(strokes, text, owners), int(random.integers(length - 1)))
    # A bar that is drawn when all else is written.
    order = list(range(len(strokes)))
    for own in owners:
        if len(own) > 1 and random.random() < 0.3:
            order.remove(own[-1])
            order.append(own[-1])
    owners = [tuple(sorted(order.index(i) for i in own)) for own in owners]
    return Written([strokes[i] for i in order], text, owners)


def placed(digit: Strokes, right: float, random: np.random.Generator) -> Strokes:
    """The digit after what ends at `right`, with a height, a baseline and a gap of its own."""
    points = np.concatenate(digit)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 100 * random.uniform(0.85, 1.15) / max(high[1] - low[1], 0.2 * (high[0] - low[0]), 1)
    gap = np.clip(random.normal(15, 15), -15, 60)
    at = np.array([right + gap, random.normal(0, 5)]) - np.array([low[0], high[1]]) * scale
    return [stroke * scale + at for stroke in digit]


def join(number: Written, at: int) -> Written:
    """The same number, but the pen was not lifted between digit `at` and the next one."""
    left, right = number.owners[at][-1], number.owners[at + 1][0]
    line = np.concatenate([number.strokes[left], number.strokes[right]])
    strokes = [*number.strokes[:left], line, *number.strokes[right + 1 :]]
    owners = [tuple(i - (i >= right) for i in own) for own in number.owners]
    return Written(strokes, number.text, owners)


# --- measures ----------------------------------------------------------------


def measured(written: list[Written], predict: Predict) -> list[dict[str, Any]]:
    """What was read of each number, by each way, and the milliseconds that it took."""
    rows = []
    for number in written:
        begun = time.perf_counter()
        got = sequence.read(number.strokes, predict)
        milliseconds = 1000 * (time.perf_counter() - begun)
        rows.append(
            {
                "shown": number.text,
                "read": got.text,
                "confidence": round(got.confidence, 4),
                "told": told(number, predict),
                "split": text_of(columns(number.strokes), predict),
                "ms": round(milliseconds, 2),
            }
        )
    return rows


def told(number: Written, predict: Predict) -> str | None:
    """What is read where it is known which strokes are whose; None where two have one in common."""
    if len({i for own in number.owners for i in own}) < sum(map(len, number.owners)):
        return None
    return text_of([[number.strokes[i] for i in own] for own in number.owners], predict)


def text_of(digits: list[Strokes], predict: Predict) -> str:
    images = np.array([drawing.from_strokes(digit) for digit in digits])
    return "".join(map(str, predict(images).argmax(axis=1)))


def columns(strokes: Strokes) -> list[Strokes]:
    """The strokes split where there is an empty column between the pen's ways."""
    groups: list[Strokes] = []
    right = -np.inf
    for stroke in sorted(strokes, key=lambda stroke: float(stroke[:, 0].min())):
        if stroke[:, 0].min() > right:
            groups.append([])
        groups[-1].append(stroke)
        right = max(right, stroke[:, 0].max())
    return groups


def report(results: dict[str, list[dict[str, Any]]], writers: int) -> None:
    print(f"Numbers of {writers} people who had no part in choosing the weights.\n")
    print(
        "| digits | numbers | entirely right (95 % interval) | split at empty columns | "
        "told which strokes are whose | median | 95th percentile |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, rows in results.items():
        low, high = wilson(right(rows, "read"), len(rows))
        times = np.percentile([one["ms"] for one in rows], [50, 95])
        print(
            f"| {name} | {len(rows):,} | {100 * right(rows, 'read') / len(rows):.1f} % "
            f"({100 * low:.1f}–{100 * high:.1f}) | {percentage(rows, 'split')} | "
            f"{percentage(rows, 'told')} | {times[0]:.0f} ms | {times[1]:.0f} ms |"
        )
    sure = [one for one in results["2 to 6"] if one["confidence"] >= 0.9]
    mean = np.mean([one["confidence"] for one in results["2 to 6"]])
    print(f"\nMean confidence of the numbers of 2 to 6 digits: {100 * mean:.1f} %. ", end="")
    print(f"Of the {len(sure):,} with 90 % or more, {percentage(sure, 'read')} are correct.")


def right(rows: list[dict[str, Any]], way: str) -> int:
    return sum(one[way] == one["shown"] for one in rows)


def percentage(rows: list[dict[str, Any]], way: str) -> str:
    if not rows or any(one[way] is None for one in rows):
        return "–"
    return f"{100 * right(rows, way) / len(rows):.1f} %"


# --- weights -----------------------------------------------------------------


def fit(pens: list[Pen], predict: Predict, count: int) -> sequence.Measures:
    """The weights under which the true segmentations are likeliest, slightly held to 0."""
    random = np.random.default_rng(0)
    written = composed(pens, 1, count, random)
    for length in LENGTHS:
        written += composed(pens, length, count, random)
        written += composed(pens, length, count // 5, random, True)
    tried = [(sequence.candidates(number.strokes, predict), number.owners) for number in written]
    tables = [np.array([candidate.measures for candidate in rows]) for rows, _ in tried]

    def loss(weights: np.ndarray) -> float:
        total = 0.05 * float(weights @ weights)
        for (rows, owners), table in zip(tried, tables, strict=True):
            total -= true_probability(rows, owners, np.exp(np.clip(table @ weights, -50, 50)))
        return total

    best = minimize(loss, np.array(sequence.WEIGHTS, float), method="L-BFGS-B")
    print(f"{len(written):,} numbers, loss {best.fun / len(written):.4f} each", file=sys.stderr)
    return sequence.Measures(*np.round(best.x, 2).tolist())


def true_probability(
    rows: list[sequence.Candidate], owners: list[tuple[int, ...]], odds: np.ndarray
) -> float:
    """Log of the probability of the true digits; 0 where they are none of the ways."""
    end = max(candidate.last for candidate in rows)
    every = np.zeros(end + 1)
    true = np.zeros((len(owners) + 1, end + 1))  # by digits and segments that lie before
    every[0] = true[0, 0] = 1
    for candidate, odd in sorted(zip(rows, odds, strict=True), key=lambda pair: pair[0].last):
        every[candidate.last] += every[candidate.first] * odd
        for k, own in enumerate(owners):
            if candidate.digit.strokes == own:
                true[k + 1, candidate.last] += true[k, candidate.first] * odd
    return float(np.log(true[-1, end] / every[end])) if true[-1, end] else 0.0


if __name__ == "__main__":
    main()
