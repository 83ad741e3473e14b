"""The kinds of jobs: a table from a kind's name to the module that carries it out.

A new kind is one module here and one line in `KINDS`. The module has a function

    carry_out(run: Run, reporter: Reporter) -> Mapping[str, Any] | None

that tells its progress to the reporter, raises `StoppedError` soon after `reporter.stops()` is
true, raises another error with a sentence when it cannot be done, and returns the result: plain
values for a JSON file, or None if it writes its results itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from digitcore.jobs.reporter import Reporter
from digitcore.runs import Run


class Kind(NamedTuple):
    """A kind of job.

    Attributes:
        module: where its `carry_out` is; imported in the worker, and only there if it needs Keras.
        short: about an existing run, and done in a slot of its own beside the trainings; else a
            training, which has a run to itself.
    """

    module: str
    short: bool


KINDS = {
    "train": Kind("digitcore.jobs.train", short=False),
    "fine-tune": Kind("digitcore.jobs.train", short=False),
    "cross-validate": Kind("digitcore.jobs.cross_validation", short=False),
    "evaluate": Kind("digitcore.jobs.evaluate", short=True),
    "epochs": Kind("digitcore.jobs.epochs", short=True),
    "exam": Kind("digitcore.jobs.exam", short=True),
    "features": Kind("digitcore.jobs.features", short=True),
    "robustness": Kind("digitcore.jobs.robustness", short=True),
    "umap": Kind("digitcore.jobs.umap_points", short=True),
}
SHORT = tuple(name for name, kind in KINDS.items() if kind.short)


def carry_out(kind: str, run: Run, reporter: Reporter) -> Mapping[str, Any] | None:
    """Carries out a job of that kind in this process; what the module raises is passed on."""
    result: Mapping[str, Any] | None = import_module(KINDS[kind].module).carry_out(run, reporter)
    return result
