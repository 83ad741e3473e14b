"""What `metrics.json` of a run says: what its network reaches, and how its training went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic.dataclasses import dataclass

from digitcore import files
from digitcore.runs.errors import told
from digitcore.runs.state import MOST_TEXT_BYTES

# What earlier versions wrote under another name; a dot leads into an object.
EARLIER_NAMES = {
    "preparation_seconds": "compilation_seconds",
    "hand": "fine_tuning",
    "fine_tuning.taught": "fine_tuning.samples",
    "fine_tuning.right_before": "fine_tuning.correct_before",
    "fine_tuning.right_after": "fine_tuning.correct_after",
}

_Fraction = Annotated[float, pydantic.Field(ge=0, le=1)]
_Interval = tuple[_Fraction, _Fraction]
_Positive = Annotated[float, pydantic.Field(ge=0, le=1e12)]
_Count = Annotated[int, pydantic.Field(ge=0, le=10**12)]
# JSON as Python writes it has numbers that are none; and true is no number here.
_STRICT = pydantic.ConfigDict(strict=True, allow_inf_nan=False)


@dataclass(frozen=True, config=_STRICT)
class FineTuning:
    """What fine-tuning on a person's handwriting samples gained.

    `samples` were learned and `held_out` were not. Of the latter `correct_before` and
    `correct_after` were predicted correctly. `test_accuracy_before` is the parent's.
    """

    samples: _Count
    held_out: _Count
    correct_before: _Count
    correct_after: _Count
    test_accuracy_before: _Fraction


@dataclass(frozen=True, config=_STRICT, kw_only=True)
class Metrics:
    """What `metrics.json` holds; what runs of earlier versions lack is None.

    Accuracies are fractions, 0 to 1, with their 95 % interval (Wilson); losses are mean
    cross-entropies in nats; `train_…` is of a part of the training images.

    Attributes:
        best_epoch: the one whose network is kept, from 1; 0 if none had ended.
        epochs: epochs that were begun.
        parameters: of the network.
        fit_seconds: seconds of training, `compilation_seconds` of them before the second step.
        seconds_to_99: seconds until an epoch had 99 % validation accuracy; None if none had.
        prediction_ms: milliseconds for one image, on one core.
        data_checksum, network_checksum: SHA-256 (hex) of the dataset and of `model.tflite`.
        data_notice: what pages say where the dataset is not the one that was asked for.
        parent: the run that it began with.
    """

    test_accuracy: _Fraction
    test_interval: _Interval
    test_loss: _Positive
    validation_accuracy: _Fraction
    validation_interval: _Interval
    validation_loss: _Positive
    fit_seconds: _Positive
    images_per_second: _Positive
    parameters: _Count
    epochs: _Count
    best_epoch: _Count | None = None
    test_images: _Count | None = None
    validation_images: _Count | None = None
    train_accuracy: _Fraction | None = None
    train_interval: _Interval | None = None
    train_loss: _Positive | None = None
    train_images: _Count | None = None
    precision: str | None = None
    xla: bool | None = None
    compilation_seconds: _Positive | None = None
    seconds_to_99: _Positive | None = None
    prediction_ms: _Positive | None = None
    predictions_per_second: _Positive | None = None
    seed: int | None = None
    data_checksum: str | None = None
    data_source: str | None = None
    data_notice: str | None = None
    network_checksum: str | None = None
    machine: str | None = None
    versions: dict[str, str] | None = None
    parent: str | None = None
    fine_tuning: FineTuning | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return asdict(self)


_METRICS = pydantic.TypeAdapter(Metrics)


def from_dict(values: Mapping[str, Any]) -> Metrics:
    """Metrics of plain values, as JSON has them, earlier names included.

    Raises:
        ValueError: one is missing, of another type, or out of its range.
    """
    # Through JSON, which has lists where Python has tuples; and the caller's values stay.
    renamed = json.loads(json.dumps(dict(values)))
    for earlier, now in EARLIER_NAMES.items():
        _rename(renamed, earlier.split("."), now.split(".")[-1])
    try:
        return _METRICS.validate_json(json.dumps(renamed))
    except pydantic.ValidationError as error:
        raise ValueError(told(error)) from None


def read_metrics(path: Path) -> Metrics:
    """What a `metrics.json` holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, lacks what every reader counts on, or holds an odd value.
    """
    try:
        values = json.loads(files.read(path, MOST_TEXT_BYTES))
        if not isinstance(values, dict):
            raise ValueError("it must hold an object")
        return from_dict(values)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write_metrics(path: Path, metrics: Metrics) -> None:
    """Replaces the file.

    Raises:
        OSError: it cannot be written; the old file is still there.
    """
    files.write_atomic(path, json.dumps(metrics.as_dict(), indent=1).encode())


def _rename(values: dict[str, Any], place: list[str], now: str) -> None:
    *folders, earlier = place
    inner: Any = values
    for name in folders:
        inner = inner.get(name) if isinstance(inner, dict) else None
    if isinstance(inner, dict) and earlier in inner:
        inner.setdefault(now, inner[earlier])
        del inner[earlier]
