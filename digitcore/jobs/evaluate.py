"""The job "evaluate": measures a run's network anew on its validation and test images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import numpy as np
import pydantic

from digitcore import files
from digitcore.analysis import classification
from digitcore.datasets import Dataset, load_dataset
from digitcore.jobs import environment
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunBrokenError, RunStateError
from digitcore.runs.predictor import Predictor

_AT_ONCE = 500
_MOST_BYTES = 100_000

Predict = Callable[[np.ndarray], np.ndarray]
Network = TypeVar("Network", bound=Predictor)
Time = Annotated[float, pydantic.Field(ge=0, le=1e11)]  # seconds since 1970
Fraction = Annotated[float, pydantic.Field(ge=0, le=1)]
Loss = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Evaluation:
    """What the job found, and `time` when."""

    time: Time
    data_checksum: str
    network_checksum: str
    test_accuracy: Fraction
    test_interval: tuple[Fraction, Fraction]
    test_loss: Loss
    test_images: int
    validation_accuracy: Fraction
    validation_interval: tuple[Fraction, Fraction]
    validation_loss: Loss
    validation_images: int


_EVALUATION = pydantic.TypeAdapter(Evaluation)


def carry_out(run: Run, reporter: Reporter) -> Mapping[str, Any]:
    """The values of an `Evaluation`.

    Raises:
        StoppedError: somebody asked to stop.
        RunError: the run has no network, or other data than this machine has.
        DataError: the data is not on this machine.
    """
    dataset, predictor = opened(run, reporter, Predictor)
    total = len(dataset.test) + len(dataset.validation)
    predict = reporting(predictor, reporter, total)
    return {
        "time": time.time(),
        "network_checksum": predictor.checksum,
        **measured(dataset, predict),
    }


def read(run: Run) -> Evaluation | None:
    """What the job last found, or None.

    Raises:
        RunError: the file is damaged.
    """
    result: Evaluation | None = read_result(run, "evaluate.json", _EVALUATION)
    return result


def is_of_earlier_network(run: Run, network_checksum: str) -> bool:
    """Whether what was found is not of the network that the run has now, because it trained on since.

    Args:
        run: whose `metrics.json` vouches for its network; without any, nothing is known.
        network_checksum: of the network that was measured or examined.

    Raises:
        RunError: the run's metrics are damaged.
    """
    metrics = run.metrics
    return bool(metrics and metrics.network_checksum not in (None, network_checksum))


class Made(Protocol):
    """What a job made: of which network and of which data, by checksum."""

    @property
    def network_checksum(self) -> str | None: ...
    @property
    def data_checksum(self) -> str | None: ...


def is_current(run: Run, made: Made) -> bool:
    """Whether it was made of the network and the data that the run has now."""
    metrics = run.metrics
    return metrics is not None and (made.network_checksum, made.data_checksum) == (
        metrics.network_checksum,
        metrics.data_checksum,
    )


def read_result(run: Run, name: str, adapter: pydantic.TypeAdapter[Any]) -> Any:
    """The result in that file of the run's folder, as the adapter gives it; None if none.

    Raises:
        RunError: the file is damaged.
    """

    def parsed(path: Path) -> Any:
        return adapter.validate_json(files.read(path, _MOST_BYTES))

    try:
        return parsed(run.path / name)
    except FileNotFoundError:
        return None
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise RunBrokenError(f"{name} of run {run.id} cannot be used: {reason}")


def opened(run: Run, reporter: Reporter, network: type[Network]) -> tuple[Dataset, Network]:
    """What a job that measures a run begins with: the run's dataset, and its network on all cores.

    Args:
        run: which.
        reporter: told of the download and of the stages.
        network: `Predictor`, or what gives more than probabilities.

    Raises:
        RunError: the run has no network, or other data than this machine has.
        DataError: the data is not on this machine.
    """
    reporter.stage("data")
    dataset = dataset_of(run.recipe, reporter.download)
    check_data(run, dataset)
    reporter.stage("testing")
    return dataset, network(run, threads=environment.cores())


def dataset_of(recipe: Recipe, progress: Callable[[int, int], None]) -> Dataset:
    """The dataset of a recipe, cut as the recipe says.

    Raises:
        DataError: it cannot be had.
    """
    return load_dataset(
        recipe.dataset,
        validation_split=recipe.validation_split,
        training_images=recipe.training_images,
        progress=progress,
    )


def check_data(run: Run, dataset: Dataset) -> None:
    """Refuses other data than the run was measured on.

    Raises:
        RunError: it is other data.
    """
    if run.metrics and run.metrics.data_checksum not in (None, dataset.checksum):
        raise RunStateError(
            f"The run {run.id} was measured on other images than those on this machine. "
            f"Received: {dataset.source}"
        )


def measured(dataset: Dataset, predict: Predict) -> dict[str, Any]:
    """Accuracy with interval, loss and number of images on test and validation.

    Args:
        dataset: what to predict.
        predict: from images uint8 (N, height, width) to probabilities (N, classes).
    """
    splits = {"test": dataset.test, "validation": dataset.validation}
    tables = {name: predict(split.images) for name, split in splits.items()}
    labels = {name: split.labels for name, split in splits.items()}
    return {"data_checksum": dataset.checksum, **classification.scores(tables, labels)}


def reporting(predictor: Predictor, reporter: Reporter, total: int) -> Predict:
    """The predictor's probabilities, some hundred images at a time, so that it tells of progress and can be stopped.

    Args:
        predictor: whose probabilities.
        reporter: told how many of `total` images are done, and asked whether to stop.
        total: how many images there will be in all calls.
    """
    done = 0

    def predict(images: np.ndarray) -> np.ndarray:
        nonlocal done
        tables = []
        for first in range(0, len(images), _AT_ONCE):
            if reporter.stops():
                raise StoppedError
            tables.append(predictor.probabilities(images[first : first + _AT_ONCE]))
            done += len(tables[-1])
            reporter.progress(done, total)
        return np.concatenate(tables)

    return predict
