"""The jobs "train" and "fine-tune": a recipe becomes a network and what is known of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from digitcore.datasets import load_dataset
from digitcore.jobs import fine_tuning, request, warm_up
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.runs import Run, kept_epochs, keras_file
from digitcore.runs.kept_epochs import KeptEpoch

if TYPE_CHECKING:
    import numpy as np

    from digitcore.training.learner import Validated
    from digitcore.training.loop import Keep


def carry_out(run: Run, reporter: Reporter) -> None:
    """Trains the run's recipe as its request asks, and writes the network and its metrics.

    Raises:
        StoppedError: somebody asked to stop; what was trained by then is written.
        RunError, DataError, SamplesError, OSError, DivergedError: the run cannot be trained.
        ValueError: DIGITCORE_EPOCHS_MB is no number in its bounds.
    """
    reporter.stage("TensorFlow")
    # Imported here, so that a worker that finds nothing to do ends at once.
    warm_up.import_tensorflow()
    import keras
    import tensorflow as tf

    from digitcore import training
    from digitcore.jobs import checkpoints, results, teacher

    tf.config.experimental.enable_op_determinism()
    # The files name the layers, which Keras numbers on from one network to the next.
    keras.utils.clear_session()
    reporter.stage("data")
    recipe, values = run.recipe, request.read(run)
    dataset = load_dataset(
        recipe.dataset,
        validation_split=recipe.validation_split,
        training_images=recipe.training_images,
        progress=reporter.download,
    )
    checkpoint = checkpoints.read(run)
    extra = fine_tuning.extra_images(run, values, dataset)
    weights = None
    if values.initial_weights:
        weights = keras_file.weights(run, values.initial_weights)
    reporter.stage("training")
    try:
        trained = training.train(
            recipe,
            dataset,
            reporter.tell,
            stop=reporter.stops,
            save=lambda checkpoint: checkpoints.write(run, checkpoint),
            resume_from=checkpoint,
            initial_weights=weights,
            extra=extra,
            teacher=teacher.load() if recipe.distillation else None,
            # What fine-tuning keeps lies between these weights and those that it began with.
            keep=None if weights else keeper(run),
        )
    except training.StoppedError:
        raise StoppedError from None
    if weights and values.weight_interpolation < 1:
        kept = trained.model.get_weights()
        trained.model.set_weights(
            fine_tuning.interpolated(weights, kept, values.weight_interpolation)
        )
    reporter.stage("testing")
    results.write(run, trained, dataset)
    if trained.stopped:
        raise StoppedError


def keeper(run: Run) -> Keep:
    """What writes the epochs of a training into its run's folder, within their bound."""
    most = kept_epochs.most_bytes()

    def keep(epoch: int, weights: list[np.ndarray], validated: Validated) -> None:
        kept = KeptEpoch(weights, validated.confusion, validated.watched, validated.probabilities)
        # On a full disk the checkpoint says so; an epoch less harms nothing.
        with suppress(OSError):
            kept_epochs.write(run, epoch, kept, most)

    return keep
