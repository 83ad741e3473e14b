"""One run: a folder, and what a reader or its worker asks of it.

A reader may come at any moment and a writer may die at any moment, so files are
appended to or replaced, never rewritten in place. `claimable` says whether it trains, `jobs.queue`
what is trained when.
"""

from __future__ import annotations

import functools
import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from digitcore import files
from digitcore.recipes import Recipe, RecipeError
from digitcore.runs import events
from digitcore.runs.claimable import Claimable, changes_lock
from digitcore.runs.errors import RunBrokenError, RunError, RunNotFoundError, RunStateError
from digitcore.runs.events import EventLog
from digitcore.runs.metrics import Metrics, read_metrics
from digitcore.runs.probabilities import fault
from digitcore.runs.state import State, Status

_MOST_TABLE_BYTES = 100_000_000


class Run(Claimable):
    """One training of one recipe: a folder. Cheap to make; values are read when they are used."""

    _LOST = (
        "The training process was killed, ran out of memory, or the computer was switched off. "
        "Resume goes on from the last checkpoint."
    )

    def __init__(self, path: Path) -> None:
        self.id = path.name
        super().__init__(path, path, f"run {self.id}", self.id)

    def __repr__(self) -> str:
        return f"Run({self.id!r})"

    @functools.cached_property
    def _recipe_path(self) -> Path:
        return self.path / "recipe.toml"

    @functools.cached_property
    def _metrics_path(self) -> Path:
        return self.path / "metrics.json"

    @property
    def recipe(self) -> Recipe:
        """Raises RunBrokenError if `recipe.toml` is not a recipe, RunNotFoundError if it was deleted."""
        try:
            return files.remembered(self._recipe_path, Recipe.load)
        except OSError as error:
            reason = "is missing" if isinstance(error, FileNotFoundError) else error.strerror
            raise self._broken(f"recipe.toml {reason}") from None
        except RecipeError as error:
            raise self._broken(str(error)) from None

    @property
    def state(self) -> State:
        """The state now: failed if its process is gone, broken (with the reason) if a file is damaged.

        Of its files, `recipe.toml`, `state.json` and, once it has ended, `metrics.json` are judged
        here; what is larger is judged where it is read.
        """
        return self.shown()

    def shown(self, written: State | None = None) -> State:
        """`state`, given what its file says if that was read already."""
        state = self.judged(written)
        if state.status in ("finished", "stopped"):
            try:
                self.metrics  # noqa: B018  nothing vouches for its network without them
            except RunBrokenError as error:
                # Not in `judged`, which changes go by: Resume writes the metrics anew.
                return replace(state, status="broken", message=str(error))
        return state

    @property
    def status(self) -> Status:
        return self.state.status

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        # `Path.exists` raises where a folder may not be entered.
        return os.path.exists(self.path / "checkpoint" / "last.npz")

    @property
    def metrics(self) -> Metrics | None:
        """What `metrics.json` holds, or None while there is none (see `results.write`).

        Raises:
            RunError: the file is damaged, lacks what every reader counts on, or has an odd value.
        """
        try:
            return files.remembered(self._metrics_path, read_metrics)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunBrokenError(f"metrics.json of run {self.id} cannot be used: {error}") from None

    @property
    def name(self) -> str:
        """The title that a person gave, or else the recipe's name."""
        return self.called(self.state)

    def called(self, state: State) -> str:
        """`name`, given a state that was read already."""
        try:
            return state.title or self.recipe.name
        except RunError:
            return self.id

    def log(self, seconds: float = 0.0) -> EventLog:
        """The events that count, in columns; up to so many seconds old (see `events.follow`)."""
        return events.follow(self._events_path, seconds)

    def probabilities(self) -> dict[str, np.ndarray]:
        """Arrays `test` (N, classes) and `validation` (M, classes), float32, rows sum to 1.

        Raises:
            RunError: the run has none yet, or the file is damaged.
        """
        try:
            arrays = files.read_arrays(self.path / "probabilities.npz", _MOST_TABLE_BYTES)
            tables = {name: arrays[name] for name in ("test", "validation")}
        except FileNotFoundError:
            raise RunStateError(f"The run {self.id} has no predictions yet.") from None
        except Exception as error:  # zipfile, zlib and NumPy each have errors of their own
            raise RunBrokenError(
                f"probabilities.npz of run {self.id} cannot be read: {error}"
            ) from None
        for name, table in tables.items():
            if reason := fault(table, self.recipe.info.class_count):
                raise RunBrokenError(f"probabilities.npz of run {self.id}: {name} {reason}.")
        return tables

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the worker's log, empty when there is none."""
        try:
            with open(self.path / "worker.log", "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 20_000))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def rename(self, title: str) -> None:
        """Sets the title that people see; an empty one brings the recipe's name back."""
        self.update(title=" ".join(title.split())[:80])

    def stop(self) -> None:
        """Asks the worker to stop and keep the best epoch; a queued run is stopped at once.

        Raises:
            RunError: the run is not waiting or training.
        """
        if self.status == "stopping":
            return
        try:
            self.update(only_from=("queued",), status="stopped", message=stopped_early(self))
        except (RunBrokenError, RunStateError):
            if self.status != "running":
                raise RunStateError(
                    f"Only a run that trains can stop. {self.id} is {self.status}."
                ) from None
            self.update(only_from=("running", "stopping"), status="stopping")

    def delete(self) -> None:
        """Removes the folder.

        Raises:
            RunError: the run is training, or what lies there is a link and no folder.
        """
        if self.path.is_symlink():
            raise RunNotFoundError(f"{self.id} is a link and no run.")
        # Renamed first, so that a reader sees the whole run or none of it, and under the
        # lock, so that no worker claims it meanwhile.
        grave = self.path.with_name(f".deleted-{secrets.token_hex(4)}")
        with changes_lock(self.path.parent):
            if self.status in ("running", "stopping"):
                raise RunStateError(f"The run {self.id} is training; stop it first.")
            self.path.rename(grave)
        # It counts as deleted once renamed; a worker that starts sweeps what is left.
        shutil.rmtree(grave, ignore_errors=True)
        self.lock_path.unlink(missing_ok=True)

    def _check(self) -> None:
        self.recipe  # noqa: B018  a run without a readable recipe is broken


def stopped_early(run: Run) -> str:
    """The message of a run that was stopped before it trained anything."""
    return "" if run.has_checkpoint else "Stopped before it began."
