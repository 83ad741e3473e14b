"""Times pictures made to be slow to read, and another session's stroke meanwhile.

    python benchmarks/crafted_pictures.py

The page Photo reads each so: the whole, and where that is unsure the other ways up. `stroke`
is how long a drawn digit's prediction and explanation take in another thread, as in another session of
the same server: alone, and while the picture is read (median, slowest). Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from digitcore import DrawingError, Predictor, drawing, runs  # noqa: E402
from digitcore.analysis import attribution, classification  # noqa: E402
from digitcore.drawing import photo  # noqa: E402

SIDE = 1500
Y, X = np.mgrid[:SIDE, :SIDE]
# Where there is ink.
CRAFTED = {
    "every seventh row": Y % 7 == 0,
    "squared": (Y % 7 == 0) | (X % 7 == 0),
    "dots": (Y % 7 < 2) & (X % 7 < 2),
    "large dots": (Y % 10 < 3) & (X % 10 < 3),
    "slanted": (Y + 0.1 * X) % 9 < 2,
    "dashes": (Y % 9 < 2) & (X % 20 < 14),
    "rays": (Y - 750) / (X + 400) * 200 % 3 < 0.6,
    "specks": np.random.default_rng(0).random((SIDE, SIDE)) < 0.2,
    "few specks": np.random.default_rng(1).random((SIDE, SIDE)) < 0.02,
    "waves": (Y + 30 * np.sin(X / 200)) % 8 < 2,
    "chessboard": (Y // 12 + X // 12) % 2 == 1,
    "small chessboard": (Y // 3 + X // 3) % 2 == 1,
    "thick dots": (Y % 30 < 16) & (X % 30 < 16),
    "strokes": (Y % 40 < 30) & (X % 12 < 4),
}
STROKE = [
    np.array([(80.0 + 2 * t, 60.0) for t in range(80)]),
    np.array([(160.0, 60.0 + 2 * t) for t in range(90)]),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="reader", help="a run's id (reader, the shipped one)")
    run = runs.load(parser.parse_args().run)
    predict = Predictor(run).probabilities
    threshold = classification.rejection_threshold(run.probabilities()["validation"])

    def stroke() -> None:
        attribution.occlusion(STROKE, predict)

    stroke()
    print(f"stroke alone: {shown([timed(stroke) for _ in range(50)])}\n")
    print("| picture | reading | beside strokes | stroke meanwhile (median, slowest) |")
    print("|---|---|---|---|")
    with ThreadPoolExecutor(1) as pool:
        for name, ink in CRAFTED.items():
            image = np.where(ink, 0, 255).astype(np.uint8)
            alone = timed(partial(read, image, predict, threshold))
            reading = pool.submit(timed, partial(read, image, predict, threshold))
            meanwhile = []
            while not reading.done():
                meanwhile.append(timed(stroke))
            beside = reading.result()
            print(f"| {name} | {alone:.2f} s | {beside:.2f} s | {shown(meanwhile)} |", flush=True)


def read(image: np.ndarray, predict: drawing.Predict, threshold: float) -> None:
    with suppress(DrawingError):
        photo.read(image, predict, threshold=threshold, turned=True)


def timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def shown(times: list[float]) -> str:
    return f"{1000 * statistics.median(times):.0f} ms, {1000 * max(times):.0f} ms"


if __name__ == "__main__":
    main()
