"""Run folders: what a training leaves, and what all who read it see.

RunError (ValueError)   there is no such run, it is broken, or it cannot do that now
"""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule
from digitcore.runs.folder import (
    create,
    data_folder,
    list_active,
    list_runs,
    list_states,
    load,
    models_dir,
    write_zip,
)
from digitcore.runs.metrics import read_metrics
from digitcore.runs.run import LOCKS, Run, changes_lock, stopped_early
from digitcore.runs.state import ACTIVE, RunError, State, Status

__all__ = [
    "ACTIVE",
    "LOCKS",
    "Run",
    "RunError",
    "State",
    "Status",
    "changes_lock",
    "create",
    "data_folder",
    "list_active",
    "list_runs",
    "list_states",
    "load",
    "models_dir",
    "read_metrics",
    "stopped_early",
    "write_zip",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return submodule(__name__, name)
