"""What `state.json` of a run says: its status, its place in the queue, who made it and when."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import pydantic

from digitcore import files
from digitcore.runs.errors import told

Status = Literal[
    "queued", "running", "stopping", "finished", "stopped", "failed", "broken", "deleted"
]
ACTIVE = ("queued", "running", "stopping")
# What a reader says of a run that has no readable state.
UNREADABLE = ("broken", "deleted")

# Far more than a run of this project writes; a file that is larger is not one of ours.
MOST_TEXT_BYTES = 1_000_000


_Time = Annotated[float, pydantic.Field(ge=0, le=1e11, allow_inf_nan=False)]
_Mark = Annotated[str, pydantic.Field(pattern=r"^([0-9a-f]{16})?$")]
_Count = Annotated[int, pydantic.Field(ge=0, le=10**12)]


@dataclass(frozen=True)
class State:
    """What `state.json` holds. Times are seconds since 1970; no decision depends on them.

    Attributes:
        status: what the run does now.
        created, started: when it was queued, and when a worker took it.
        message: why it failed or stopped, in a sentence; empty if there is nothing to say.
        title: the name that a person gave it; empty for the recipe's.
        number: counts the runs of a models folder from 1; it decides the run's colour.
        turn: its place in the queue: the lowest goes first.
        parent: the id of the run that it continued or was fine-tuned from.
        pid: the process that trains it, or trained it last.
        data_folder: what DIGITCORE_DATA_DIR was where the run was started.
        beaten_on_test: runs that were deleted with a lower test accuracy, though validation did not rank them
            lower (see `dropping`).
        begun_by: the mark of the browser that began it; empty where a shell did.
    """

    status: Status
    created: _Time
    message: str = ""
    title: str = ""
    number: _Count = 0
    turn: _Count = 0
    parent: str | None = None
    pid: _Count | None = None
    started: _Time | None = None
    data_folder: str | None = None
    begun_by: _Mark = ""
    beaten_on_test: _Count = 0


_STATE = pydantic.TypeAdapter(State)


def to_json(state: State) -> bytes:
    """What `read_state` reads back."""
    return json.dumps(asdict(state), indent=1).encode()


def read_state(path: Path) -> State:
    """The state in that file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no state, or longer than a megabyte.
    """
    try:
        state = _STATE.validate_json(files.read(path, MOST_TEXT_BYTES))
    except pydantic.ValidationError as error:
        raise ValueError(told(error)) from None
    if state.status in UNREADABLE:
        raise ValueError(f"{state.status} is what a reader says, not a state")
    return state
