"""What a training starts from besides its recipe: the values in a run's `request.json`.

A plain training has no such file. Fine-tuning has: its weights start from another run's network,
and it trains on a person's handwriting samples beside the dataset. So has a cross-validation: it
trains the recipe once for each fold.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic

from digitcore import files
from digitcore.runs import Run, RunBrokenError, RunError

FILE = "request.json"
# Names of files in the run's folder.
INITIAL_WEIGHTS, INITIAL_METRICS, EXTRA_SAMPLES = "initial.keras", "initial.json", "samples.json"
_MOST_BYTES = 10_000

# A name in the run's own folder, never a path.
_Name = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


@dataclass(frozen=True)
class Request:
    """What to train, besides what the recipe says.

    Attributes:
        kind: "train", "fine-tune" or "cross-validate".
        initial_weights: a Keras file in the run's folder to take the first weights from;
            None starts from random ones.
        initial_metrics: the `metrics.json` of that network, to compare with.
        extra_samples: a file of handwriting samples to train on beside the dataset.
        weight_interpolation: how far to go from the initial weights to the trained ones, 0 to 1.
        folds: how often the recipe is trained, each time without another part of the images.
    """

    kind: Literal["train", "fine-tune", "cross-validate"] = "train"
    initial_weights: _Name | None = None
    initial_metrics: _Name | None = None
    extra_samples: _Name | None = None
    weight_interpolation: Annotated[float, pydantic.Field(ge=0, le=1)] = 1.0
    folds: Annotated[int, pydantic.Field(ge=1, le=20)] = 1

    @property
    def files(self) -> list[str]:
        """Names of the files that it needs in the run's folder, its own if it has one."""
        named = [self.initial_weights, self.initial_metrics, self.extra_samples]
        return [name for name in named if name]


_REQUEST = pydantic.TypeAdapter(Request)
# Fine-tuned runs of earlier versions have these files and no `request.json`.
_EARLIER = Request("fine-tune", "start.keras", "start.json", "hand.json", 0.7)


def write(folder: Path, request: Request) -> None:
    """Writes the file into a run's folder.

    Raises:
        OSError: it cannot be written.
    """
    files.write_atomic(folder / FILE, json.dumps(asdict(request), indent=1).encode())


def read(run: Run) -> Request:
    """What the run was asked to train.

    Raises:
        RunError: the file is damaged.
    """
    try:
        return files.remembered(run.path / FILE, _parsed)
    except FileNotFoundError:
        earlier = _EARLIER.extra_samples or ""
        return _EARLIER if (run.path / earlier).exists() else Request()
    except (OSError, ValueError) as error:
        reason: Any = error
        if isinstance(error, pydantic.ValidationError):
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            reason = f"{where}: {first['msg']}"
        raise RunBrokenError(f"{FILE} of run {run.id} cannot be used: {reason}") from None


def epochs(run: Run) -> int:
    """Epochs that the run trains in all, those of each fold.

    Raises:
        RunError: its recipe or its request is damaged.
    """
    return run.recipe.epochs * read(run).folds


def _parsed(path: Path) -> Request:
    return _REQUEST.validate_json(files.read(path, _MOST_BYTES))


def is_personal(run: Run) -> bool:
    """Whether the run may have been trained on a person's handwriting."""
    try:
        return read(run).extra_samples is not None
    except RunError:
        return True
