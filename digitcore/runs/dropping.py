"""Deletes runs, and lets those that stay say where only test spoke for them.

The test accuracy of every run that has ended is shown wherever the run is. Whoever then deletes runs that
validation did not rank lower, and keeps one with a higher test accuracy, has chosen on test: of several, the
best on test is the luckiest (Cawley and Talbot, 2010). The one that stays counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from digitcore.runs.errors import RunError
from digitcore.runs.folder import list_states
from digitcore.runs.metrics import Metrics
from digitcore.runs.run import Run
from digitcore.runs.state import State

_ENDED = ("finished", "stopped")


def delete(chosen: Sequence[Run]) -> None:
    """Removes the folders of these runs, and counts them in `beaten_on_test` of runs that stay.

    Raises:
        RunError: one of them is training, or what lies there is a link and no folder; those before it are gone.
        OSError: as for `Run.delete`.
    """
    dropped = []
    try:
        for run in chosen:
            metrics = _metrics(run, run.state)
            run.delete()
            if metrics:
                dropped.append(metrics)
    finally:
        if dropped:
            for run, state in list_states():
                _count(run, state, dropped)


def chosen_on_test(state: State) -> str:
    """In a sentence that only test spoke for this run; empty where nothing says so."""
    count = state.beaten_on_test
    if not count:
        return ""
    runs, them = ("1 run", "it") if count == 1 else (f"{count:,} runs", "them")
    return (
        f"Chosen among {count + 1:,} on test: {runs} with a lower test accuracy deleted, though validation "
        f"did not rank {them} lower."
    )


def _metrics(run: Run, state: State) -> Metrics | None:
    """What a run that has ended reached, if it can be compared with others; else None."""
    if state.status not in _ENDED:
        return None
    with suppress(RunError):
        metrics = run.metrics
        if metrics and metrics.data_checksum and not metrics.fine_tuning:
            return metrics
    return None


def _count(run: Run, state: State, dropped: Sequence[Metrics]) -> None:
    # The run that comes with the project has no number: nobody here chose it.
    kept = _metrics(run, state) if state.number else None
    if kept is None:
        return
    beaten = sum(
        one.data_checksum == kept.data_checksum
        and one.test_accuracy < kept.test_accuracy
        and one.validation_accuracy >= kept.validation_accuracy
        for one in dropped
    )
    if beaten:
        with suppress(RunError, OSError):  # deleted meanwhile, or no room: nothing else is lost
            run.update(beaten_on_test=state.beaten_on_test + beaten)
