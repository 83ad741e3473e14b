"""Loading TensorFlow, and whatever else is slow the first time in a process."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress

from digitcore import datasets
from digitcore.recipes import Recipe

# Keras has adapters and pictures for these; it works the same without them.
_NOT_FOR_TRAINING = ("matplotlib", "pandas", "sklearn")


def warm_up() -> None:
    """Loads TensorFlow and the digits, and takes one step, as the first is slow in a process."""
    import_tensorflow()
    import tensorflow as tf

    from digitcore import training

    tf.config.experimental.enable_op_determinism()
    with suppress(datasets.DataError):
        dataset = datasets.load_dataset(download=False)
        training.train(
            Recipe.load(Recipe.names()[0]), dataset, lambda event: None, stop=lambda: True
        )
    sys.stdout.write(f"Ready: process {os.getpid()}, TensorFlow {tf.__version__}\n")
    sys.stdout.flush()


def import_tensorflow() -> None:
    """Imports it without the packages that Keras imports if they are there: a third of the time.

    The garbage collector rests meanwhile and leaves the modules alone later, as they stay: a quarter.
    """
    # Else one process takes all of a GPU's memory, and there may be several workers.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    absent = [name for name in _NOT_FOR_TRAINING if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's "not installed"
    collects = gc.isenabled()
    gc.disable()
    try:
        import tensorflow  # noqa: F401
    finally:
        gc.freeze()
        if collects:
            gc.enable()
        for name in absent:
            del sys.modules[name]
