"""A dataset that digitcore does not know: 46 Devanagari characters, 32×32 pixels.

Registered by `register()` alone. With a folder of tests that has `sitecustomize.py` on PYTHONPATH
another process registers it as well.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from digitcore.datasets import DatasetInfo, registry
from digitcore.drawing import DrawingInput

NAME = "devanagari"
CLASSES = tuple("०१२३४५६७८९") + tuple("कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह") + ("क्ष", "त्र", "ज्ञ")
INFO = DatasetInfo(
    name=NAME,
    title="Devanagari",
    classes=CLASSES,
    image_shape=(32, 32),
    train_images=1_840,
    test_images=460,
    licence="CC BY 4.0",
    about="Handwritten Devanagari characters.",
    # Its authors leave two pixels around the ink.
    drawing=DrawingInput(item="character", shape=(32, 32), box=28, centring="box", pen_width=2.5),
)


def register() -> None:
    registry.register(INFO)


def write(images: np.ndarray, labels: np.ndarray, folder: Path) -> None:
    """Puts 40 images of each class as training images and 10 as test images into `folder`.

    Args:
        images: uint8 (N, 32, 32).
        labels: uint8 (N,), at least 50 of each class.
        folder: of all datasets; its subfolder is made.
    """
    chosen = np.stack([np.flatnonzero(labels == label)[:50] for label in range(len(CLASSES))])
    train, test = chosen[:, :40].T.ravel(), chosen[:, 40:].T.ravel()
    place = folder / NAME
    place.mkdir(parents=True)
    np.savez(
        place / f"{NAME}.npz",
        x_train=images[train],
        y_train=labels[train],
        x_test=images[test],
        y_test=labels[test],
    )
