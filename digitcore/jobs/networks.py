"""The trained Keras network in a run's folder."""

from __future__ import annotations

import zipfile

import keras

from digitcore.runs import Run, RunBrokenError, RunStateError
from digitcore.training import network

# The weights of the largest network that a recipe may ask for, and the names of its layers.
_MOST_BYTES = 250_000_000


def load(run: Run, file: str = "model.keras") -> keras.Model:
    """The run's trained network, as `network.build` makes it in float32.

    Args:
        run: its recipe has the layers.
        file: another network in its folder, such as the one that fine-tuning started from.

    Only numbers are taken from the file. The layers come from the recipe: what the file says of
    layers, classes or functions is never looked at, because a Keras file may name code to run.

    Raises:
        RunError: the run has no network yet, or the file is damaged, larger than 250 MB, or
            not of this recipe.
    """
    path = run.path / file
    model = network.build(run.recipe, precision="float32")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > _MOST_BYTES:
            raise ValueError(f"it would take {size:,} bytes, more than {_MOST_BYTES:,}")
        model.load_weights(path)
    except FileNotFoundError:
        raise RunStateError(f"There is no network yet: {path} is missing.") from None
    except Exception as error:  # zipfile, HDF5 and Keras each have errors of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RunBrokenError(
            f"The network {path} is damaged, or not of the run's recipe: {reason:.200}"
        ) from None
    return model
