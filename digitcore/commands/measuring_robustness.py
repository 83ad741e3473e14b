"""The command that measures runs on corrupted images."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from digitcore import runs
from digitcore.analysis import written
from digitcore.analysis.corruptions import TRANSFORMS
from digitcore.analysis.mnist_c import SUITE
from digitcore.analysis.robustness import Summary, summarise
from digitcore.commands.measuring_runs import short_job
from digitcore.commands.output import Result, table
from digitcore.jobs import robustness as measuring
from digitcore.jobs.robustness import Measured
from digitcore.runs import Run, RunUnsuitableError


def robustness(options: argparse.Namespace) -> tuple[Result, str]:
    """Measures runs on corrupted images: rotated, noisy, covered, and fifteen more as in MNIST-C.

    It takes about a minute a run on two cores, once: what was measured is kept in the run's folder. The summary
    is the mean accuracy over the fifteen. The split is validation, because who compares is about to choose.
    """
    chosen = [runs.find(name) for name in options.run]
    if len({run.id for run in chosen}) < len(chosen):
        raise RunUnsuitableError(
            f"Each run is given once. Received: {', '.join(run.id for run in chosen)}"
        )
    split: str = options.split
    result: Result = {"runs": [run.id for run in chosen], "split": split, "status": "finished"}
    measured: list[Measured] = []
    for run in chosen:
        known = measuring.read(run)
        if known is None:
            status, message = short_job(run, "robustness")
            known = measuring.read(run) if status == "finished" else None
            if known is None:
                result |= {"status": status, "message": f"{run.id}: {message}"}
                return result, f"robustness of {run.id}: {status}"
        measured.append(known.test if split == "test" else known.validation)
    summaries = [summarise(one.outcomes) for one in measured]
    return {**result, **_values(measured, summaries)}, "\n".join(
        _lines(chosen, split, measured, summaries)
    )


def _values(measured: Sequence[Measured], summaries: Sequence[Summary]) -> Result:
    """Everything as lists with a value for each run."""
    columns = [asdict(one) for one in summaries]
    values = {key: [column[key] for column in columns] for key in columns[0] if key != "each"}
    return {
        **values,
        "corruptions": {
            one.name.removeprefix("mnist_c_"): [summary.each[k] for summary in summaries]
            for k, one in enumerate(SUITE)
        },
        "transforms": {
            one.name: {
                "unit": one.unit.strip(),
                "severities": list(one.severities),
                "accuracy": [[value for _, value in each.curves[one.name]] for each in measured],
            }
            for one in TRANSFORMS
        },
    }


def _lines(
    chosen: Sequence[Run],
    split: str,
    measured: Sequence[Measured],
    summaries: Sequence[Summary],
) -> list[str]:
    ids = [run.id for run in chosen]
    rows = [
        ["accuracy", *ids],
        ["as they are", *(written.accuracy(one.clean, one.clean_interval) for one in summaries)],
        [
            "mean of the fifteen",
            *(written.accuracy(one.suite, one.suite_interval) for one in summaries),
        ],
        [
            "lost",
            *(
                f"{100 * one.lost:.2f} points ({written.interval(one.lost_interval)})"
                for one in summaries
            ),
        ],
        *(
            [f"  {one.title.lower()}", *(written.percent(s.each[k]) for s in summaries)]
            for k, one in enumerate(SUITE)
        ),
    ]
    counts = sorted({one.images for one in summaries})
    images = " or ".join(f"{count:,}" for count in counts)
    lines = [f"{images} {split} images, corrupted in the manner of MNIST-C", "", *table(rows)]
    for one in TRANSFORMS:
        head = [f"{one.title.lower()},{one.unit if one.unit[0] == ' ' else ' ' + one.unit}"]
        grid = [[*head, *(f"{severity:g}" for severity in one.severities)]]
        for name, each in zip(ids, measured, strict=True):
            grid.append([name, *(f"{100 * value:.1f}" for _, value in each.curves[one.name])])
        lines += ["", *table(grid)]
    return lines
