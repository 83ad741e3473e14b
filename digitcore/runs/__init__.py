"""Run folders: what a training leaves, and what all who read it see.

`errors` draws the tree of what may be wrong with one.
"""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule
from digitcore.runs.claimable import LOCKS, Claimable, changes_lock
from digitcore.runs.dropping import chosen_on_test, delete
from digitcore.runs.errors import (
    RunBrokenError,
    RunError,
    RunNotFoundError,
    RunStateError,
    RunUnsuitableError,
)
from digitcore.runs.folder import (
    create,
    data_folder,
    find,
    list_active,
    list_runs,
    list_states,
    load,
    models_dir,
)
from digitcore.runs.metrics import FineTuning, Metrics, read_metrics, write_metrics
from digitcore.runs.pack import write_zip
from digitcore.runs.run import Run, stopped_early
from digitcore.runs.state import ACTIVE, UNREADABLE, State, Status

__all__ = [
    "ACTIVE",
    "LOCKS",
    "UNREADABLE",
    "Claimable",
    "FineTuning",
    "Metrics",
    "Run",
    "RunBrokenError",
    "RunError",
    "RunNotFoundError",
    "RunStateError",
    "RunUnsuitableError",
    "State",
    "Status",
    "changes_lock",
    "chosen_on_test",
    "create",
    "data_folder",
    "delete",
    "find",
    "list_active",
    "list_runs",
    "list_states",
    "load",
    "models_dir",
    "read_metrics",
    "stopped_early",
    "write_metrics",
    "write_zip",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return submodule(__name__, name)
