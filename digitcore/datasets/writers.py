"""Who wrote each image of MNIST, where a file that says so is at hand.

QMNIST's authors traced MNIST's images back to their writers (Yadav and Bottou, 2019). Their label
files say it, and `mnist_writers.npz` holds the same in MNIST's order. Either is looked for where
datasets are: in the folder that DIGITCORE_DATA_DIR names, and in the project's cache.
"""

from __future__ import annotations

import functools
import itertools
import os
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitcore import files
from digitcore.datasets import formats, locate, registry
from digitcore.datasets.load import Dataset

NPZ = "mnist_writers.npz"
_MOST_BYTES = 20_000_000
_SPLITS = ("train", "test")
_WRITER = 2  # column of QMNIST's labels

Writers = NDArray[np.int64]


def writers(dataset: Dataset) -> dict[str, Writers]:
    """The writer of each image of the dataset's splits.

    Args:
        dataset: as `load_dataset` gives it.

    Returns:
        "train", "validation" and "test" to int64 (N,), the same number for the same person, as
        far as it is known; empty for other images than MNIST's, or where no file says it.
    """
    if dataset.checksum != registry.get("mnist").checksum:
        return {}
    known = _known(_there())
    cut, used = len(dataset.train), len(dataset.train) + len(dataset.validation)
    slices = {
        "train": ("train", slice(0, cut)),
        "validation": ("train", slice(cut, used)),
        "test": ("test", slice(None)),
    }
    return {split: known[of][part] for split, (of, part) in slices.items() if of in known}


def _there() -> tuple[Path, ...]:
    """The files that may say it, those of a folder of one's own first."""
    own = os.environ.get(locate.VARIABLE)
    roots = [*([Path(own).expanduser()] if own else []), locate.cache_folder()]
    folders = [root / name for root in roots for name in ("", "mnist", "qmnist")]
    names = (NPZ, *(f"{_idx(split)}{end}" for split in _SPLITS for end in ("", ".gz")))
    return tuple(path for folder in folders for name in names if (path := folder / name).exists())


@functools.lru_cache(maxsize=4)
def _known(paths: tuple[Path, ...]) -> dict[str, Writers]:
    """Writers of MNIST's training and test images, as far as a file says them."""
    info = registry.get("mnist")
    writers: dict[str, Writers] = {}
    for path, (split, count) in itertools.product(
        paths, zip(_SPLITS, (info.train_images, info.test_images), strict=True)
    ):
        # A damaged file is no reason to fail: all else that a page shows does without it.
        with suppress(OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile, zlib.error):
            ids = _read(path, split)[:count]
            if ids.shape == (count,) and np.issubdtype(ids.dtype, np.integer):
                writers.setdefault(split, ids.astype(np.int64))
    return writers


def _read(path: Path, split: str) -> NDArray[Any]:
    if path.name == NPZ:
        return files.read_arrays(path, _MOST_BYTES)[f"{split}_writer"]
    if not path.name.startswith(_idx(split)):
        raise KeyError(split)
    return formats.read_idx(path, 2, integers=True)[:, _WRITER]


def _idx(split: str) -> str:
    return f"qmnist-{split}-labels-idx2-int"
