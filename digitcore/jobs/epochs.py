"""The job "epochs": what a run's network said of each validation and test image after each kept epoch.

The table lies beside the job and is read by memory map, so one image's history costs a page of memory. It
is the one short job that needs TensorFlow, as the kept weights are those of the Keras network.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pydantic

from digitcore import files
from digitcore.jobs import warm_up
from digitcore.jobs.evaluate import Time, check_data, dataset_of, is_current, read_result
from digitcore.jobs.features import spread
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.runs import Run, RunBrokenError, RunStateError, RunUnsuitableError, kept_epochs

if TYPE_CHECKING:
    import keras

_AT_ONCE = 500
# Of datasets with many classes, fewer epochs fit.
_MOST_BYTES = 64_000_000
_Count = Annotated[int, pydantic.Field(ge=1, le=10**7)]


@dataclass(frozen=True)
class Epochs:
    """What the table holds, and `time` when it was made; of which network and data, by checksums.

    Attributes:
        epochs: their numbers, ascending: those that are kept, or as many of them as fit, evenly spaced.
        validation_images, test_images: how many there are of each.
    """

    time: Time
    network_checksum: str | None
    data_checksum: str
    epochs: Annotated[list[_Count], pydantic.Field(min_length=1)]
    validation_images: _Count
    test_images: _Count


_EPOCHS = pydantic.TypeAdapter(Epochs)


def path_of(run: Run) -> Path:
    """The table, float16 (images, epochs, classes): those of validation, then those of test."""
    return Job(run, "epochs").path / "probabilities.npy"


def carry_out(run: Run, reporter: Reporter) -> Mapping[str, Any]:
    """Writes the table; returns the values of an `Epochs`.

    Raises:
        StoppedError: somebody asked to stop.
        RunError: the run was not tested, kept no epochs, or has other data than this machine.
        DataError: the data is not on this machine.
        OSError: the file cannot be written.
    """
    if not (metrics := run.metrics):
        raise RunStateError(f"Only a run that was tested has a history. {run.id} was not.")
    kept = kept_epochs.numbers(run)
    if not kept:
        raise RunUnsuitableError(
            f"The run {run.id} kept no epochs. Train its recipe again; {kept_epochs.VARIABLE} sets "
            "the room for them."
        )
    reporter.stage("data")
    dataset = dataset_of(run.recipe, reporter.download)
    check_data(run, dataset)
    warm_up.import_tensorflow()
    from digitcore.training import network

    reporter.stage("testing")
    images = np.concatenate([dataset.validation.images, dataset.test.images])
    classes = run.recipe.info.class_count
    chosen = [kept[i] for i in spread(len(kept), _most_epochs(len(images) * classes))]
    table = np.empty((len(images), len(chosen), classes), np.float16)
    model = network.build(run.recipe, precision="float32")
    for place, epoch in enumerate(chosen):
        _take(run, epoch, model)
        for first in range(0, len(images), _AT_ONCE):
            if reporter.stops():
                raise StoppedError
            some = slice(first, first + _AT_ONCE)
            table[some, place] = model.predict_on_batch(images[some])
            done = place * len(images) + min(len(images), first + _AT_ONCE)
            reporter.progress(done, len(chosen) * len(images))
    files.replace(path_of(run), lambda path: np.save(path, table))
    return asdict(
        Epochs(
            time.time(),
            metrics.network_checksum,
            dataset.checksum or "",
            chosen,
            len(dataset.validation),
            len(dataset.test),
        )
    )


def read(run: Run) -> Epochs | None:
    """What the table holds of the network and the data that the run has now; None if nothing.

    Raises:
        RunError: the file is damaged.
    """
    known: Epochs | None = read_result(run, "epochs.json", _EPOCHS)
    return known if known and is_current(run, known) else None


def history(run: Run, known: Epochs, split: str, index: int) -> np.ndarray:
    """One image's probabilities after each of the epochs, float32 (epochs, classes).

    Args:
        run, known: whose table it is, and what `read` says that it holds.
        split, index: which image, of "validation" or of "test".

    Raises:
        RunBrokenError: the table is damaged, or missing.
        IndexError: there is no such image.
    """
    count = known.validation_images if split == "validation" else known.test_images
    if not 0 <= index < count:
        raise IndexError(f"The images of {split} are 0 to {count - 1}. Received: {index}")
    place = index if split == "validation" else known.validation_images + index
    shape = (
        known.validation_images + known.test_images,
        len(known.epochs),
        run.recipe.info.class_count,
    )
    try:
        table = np.load(path_of(run), mmap_mode="r", allow_pickle=False)
        if table.shape != shape or table.dtype != np.float16:
            raise ValueError(f"it must be float16 {shape}")
        row = np.array(table[place], np.float32)
        if not ((row >= 0) & (row <= 1)).all():
            raise ValueError("it must hold probabilities")
    except (OSError, ValueError, EOFError) as error:
        raise RunBrokenError(f"The epochs of run {run.id} cannot be read: {error}") from None
    return row


def _most_epochs(values: int) -> int:
    """How many epochs of so many float16 values fit; both ends at least."""
    return max(2, _MOST_BYTES // (2 * values))


def _take(run: Run, epoch: int, model: keras.Model) -> None:
    try:
        model.set_weights(kept_epochs.read(run, epoch).weights)
    except ValueError as error:  # another number of arrays, or other shapes
        raise RunBrokenError(f"Epoch {epoch} of run {run.id} is of another network.") from error
