"""The job "exam": measures a run's network on images that nothing was ever chosen by, once.

Test accuracies are looked at again and again, and the best network is chosen by them in the end.
QMNIST's 50,000 further test images (Yadav and Bottou, 2019) are MNIST's as well and fresh: a run is
examined on them once, and what was found is recorded in its folder with the time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import pydantic

from digitcore.analysis import classification
from digitcore.datasets import DataError, load_dataset, registry
from digitcore.jobs import environment
from digitcore.jobs.evaluate import Fraction, Loss, Time, read_result, reporting
from digitcore.jobs.reporter import Reporter
from digitcore.runs import Run, RunStateError, RunUnsuitableError
from digitcore.runs.predictor import Predictor


@dataclass(frozen=True)
class Exam:
    """What was found, once.

    Attributes:
        time: when, in seconds since 1970.
        dataset: whose `exam` split it was.
        source: where its files were, in words.
        network_checksum: SHA-256 (hex) of the network that was examined.
        images, correct: how many images there were, and how many were predicted correctly.
        accuracy, interval: fraction of them, and its 95 % Wilson interval.
        loss: mean cross-entropy in nats.
        test_accuracy, test_interval: the run's own on its test split at that time.
        difference: `accuracy` minus `test_accuracy`.
    """

    time: Time
    dataset: str
    source: str
    network_checksum: str
    images: int
    correct: int
    accuracy: Fraction
    interval: tuple[Fraction, Fraction]
    loss: Loss
    test_accuracy: Fraction
    test_interval: tuple[Fraction, Fraction]
    difference: Annotated[float, pydantic.Field(ge=-1, le=1)]


OF_EARLIER_NETWORK = (
    "This record is of an earlier network: the run has trained on since, and there is no second exam. "
    "Train the recipe anew to examine the result."
)
_EXAM = pydantic.TypeAdapter(Exam)


def carry_out(run: Run, reporter: Reporter) -> Mapping[str, Any]:
    """The values of an `Exam`; of a run that was examined before, those of then.

    Raises:
        StoppedError: somebody asked to stop; the run may be examined later.
        RunError: the run has no network, or its dataset has no exam.
        DataError: the exam's images cannot be had.
    """
    if known := read(run):
        return asdict(known)
    name = dataset_of(run)
    if not name:
        raise RunUnsuitableError(
            "Only a run that was trained on MNIST's digits can be examined. "
            f"Received: {run.recipe.dataset}"
        )
    if not (metrics := run.metrics):
        raise RunStateError(f"Only a run that was tested can be examined. {run.id} was not.")
    reporter.stage("data")
    dataset = load_dataset(name, progress=reporter.download)
    if dataset.exam is None:
        raise DataError(f"There is no exam here. {dataset.notice or ''}".strip())
    reporter.stage("testing")
    predictor = Predictor(run, threads=environment.cores())
    images, labels = dataset.exam.images, dataset.exam.labels
    table = reporting(predictor, reporter, len(images))(images)
    correct = int((table.argmax(axis=1) == labels).sum())
    accuracy = correct / len(labels)
    return asdict(
        Exam(
            time=time.time(),
            dataset=name,
            source=dataset.source,
            network_checksum=predictor.checksum,
            images=len(labels),
            correct=correct,
            accuracy=accuracy,
            interval=classification.wilson(correct, len(labels)),
            loss=classification.log_loss(table, labels),
            test_accuracy=metrics.test_accuracy,
            test_interval=metrics.test_interval,
            difference=accuracy - metrics.test_accuracy,
        )
    )


def read(run: Run) -> Exam | None:
    """What was found when the run was examined, or None if it was not yet.

    Raises:
        RunError: the file is damaged.
    """
    result: Exam | None = read_result(run, "exam.json", _EXAM)
    return result


def dataset_of(run: Run) -> str:
    """The dataset that has an exam for this run; empty if none has.

    Raises:
        RunError: the run's recipe cannot be read.
    """
    return registry.get(run.recipe.dataset).exam
