"""Made-up recipes and digits, the files these come in, and sheets of paper with digits."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from digitcore.analysis.leaderboard import Entry
from digitcore.recipes import Recipe

NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")

# Nothing but the output layer.
SMALLEST = Recipe(name="small", layers=[{"kind": "flatten"}])
# Trained in a second.
PLAIN = Recipe(
    name="plain",
    layers=[{"kind": "flatten"}, {"kind": "dense", "units": 16}],
    epochs=2,
    batch_size=50,
    learning_rate=0.005,
)
# Everything that has a state of its own or draws random numbers.
RICH = PLAIN.changed(
    layers=[
        {"kind": "conv", "filters": 4, "kernel": 5, "stride": 2, "activation": "linear"},
        {"kind": "batch_norm", "activation": "relu"},
        {"kind": "dropout", "rate": 0.3},
        {"kind": "flatten"},
        {"kind": "dense", "units": 16},
        {"kind": "dropout", "rate": 0.5},
    ],
    epochs=3,
    schedule="cosine",
    warmup_ratio=0.3,
    rotation=10,
    shift=2,
    scale=0.1,
    shear=5,
    elastic=0.5,
    epochs_without_augmentation=1,
    ema_decay=0.9,
    label_smoothing=0.1,
    weight_decay=0.01,
)

HEIGHT, WIDTH = 480, 640
# Strokes of digits in a box of 100×100.
WAYS = {
    2: [[(20, 25), (35, 5), (65, 5), (75, 25), (65, 50), (20, 95), (80, 95)]],
    4: [[(60, 5), (15, 65), (85, 65)], [(65, 35), (65, 98)]],
    5: [[(35, 10), (30, 45), (60, 45), (75, 65), (60, 92), (25, 92)], [(42, 2), (85, 2)]],
    7: [[(15, 8), (80, 8), (40, 95)]],
    0: [[(50, 5), (74, 25), (80, 50), (74, 75), (50, 95), (26, 75), (20, 50), (26, 25), (50, 5)]],
}


def made_up_digits(train: int = 200, test: int = 40, seed: int = 0) -> list[np.ndarray]:
    """Noise as images, and every digit in turn as labels: train, then test."""
    random = np.random.default_rng(seed)
    arrays = []
    for count in (train, test):
        arrays.append(random.integers(0, 256, (count, 28, 28), np.uint8))
        arrays.append((np.arange(count) % 10).astype(np.uint8))
    return arrays


def write_npz(path: Path, arrays: list[np.ndarray]) -> None:
    np.savez_compressed(
        path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True))
    )


def metrics(**others: Any) -> dict[str, Any]:
    """What a made-up `metrics.json` holds: no more than it must, and these others."""
    values: dict[str, Any] = {"parameters": 1, "epochs": 1}
    values |= dict.fromkeys(("fit_seconds", "images_per_second"), 0.5)
    for split in ("test", "validation"):
        values |= {f"{split}_accuracy": 0.5, f"{split}_loss": 0.5, f"{split}_interval": [0.4, 0.6]}
    return values | others


def write_metrics(folder: Path, **others: Any) -> None:
    """A made-up `metrics.json` that vouches for the network in the run's folder."""
    network = hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest()
    (folder / "metrics.json").write_text(json.dumps(metrics(network_checksum=network) | others))


def idx_bytes(array: np.ndarray) -> bytes:
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def write_idx(
    folder: Path, arrays: list[np.ndarray], *, dot: bool = False, gz: bool = False
) -> None:
    for stem, array in zip(NAMES, arrays, strict=True):
        name = f"{stem.replace('-idx', '.idx') if dot else stem}-ubyte{'.gz' if gz else ''}"
        content = idx_bytes(array)
        (folder / name).write_bytes(gzip.compress(content) if gz else content)


def sheet(
    number: list[int],
    *,
    pen: int = 7,
    size: int = 100,
    gap: int = 30,
    ink: int = 60,
    ground: int = 225,
) -> np.ndarray:
    """Grey levels (480, 640) of a number written in the middle of a sheet."""
    picture = Image.new("L", (WIDTH, HEIGHT), ground)
    pencil = ImageDraw.Draw(picture)
    left = (WIDTH - len(number) * size - (len(number) - 1) * gap) // 2
    for digit in number:
        for stroke in WAYS[digit]:
            points = [(left + x * size / 100, 200 + y * size / 100) for x, y in stroke]
            pencil.line(points, fill=ink, width=pen, joint="curve")
        left += size + gap
    return np.asarray(picture.convert("L")).copy()


def ruled(number: list[int]) -> np.ndarray:
    """A number on a sheet with five printed lines."""
    paper = sheet(number)
    for row in range(110, 400, 70):
        paper[row : row + 3] = np.minimum(paper[row : row + 3], 155)
    return paper


def blurred(photo: np.ndarray, noise: float = 2.0) -> np.ndarray:
    """As a camera gives it."""
    soft = ndimage.gaussian_filter(photo.astype(float), 1.0)
    soft += np.random.default_rng(0).normal(0, noise, soft.shape)
    return np.round(soft.clip(0, 255)).astype(np.uint8)


def leaderboard_entry(name: str, parameters: int, validation: float, **others: Any) -> Entry:
    """A run on the leaderboard; `test` and any field of `Entry` may be given."""
    values = {"run": name, "seeds": 1}
    for split in ("validation", "test"):
        values |= {f"{split}_spread": None, f"{split}_interval": (0.9, 1.0)}
    values["test_accuracy"] = others.pop("test", validation)
    values |= {"fit_seconds": 10.0, "seconds_to_99": None, "prediction_ms": 1.0, **others}
    return Entry(name=name, parameters=parameters, validation_accuracy=validation, **values)
