"""The trained Keras network in a run's folder."""

from __future__ import annotations

import keras

from digitcore.runs import Run, keras_file
from digitcore.training import network


def load(run: Run, file: str = "model.keras") -> keras.Model:
    """The run's trained network, as `network.build` makes it in float32.

    Only numbers are taken from the file, and the layers from the recipe. Arguments and errors as of
    `runs.keras_file.weights`.
    """
    weights = keras_file.weights(run, file)
    model = network.build(run.recipe, precision="float32")
    model.set_weights(weights)
    return model
