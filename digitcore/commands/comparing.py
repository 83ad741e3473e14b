"""The command that compares runs by what they predicted for the same images."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import numpy as np

from digitcore import runs
from digitcore.analysis import comparable, seeds, verdicts
from digitcore.analysis.verdicts import Contender, Verdict
from digitcore.commands.measuring_runs import measured_images
from digitcore.commands.output import Result, table
from digitcore.runs import Run


def compare(options: argparse.Namespace) -> tuple[Result, str]:
    """Tells whether runs differ: each is compared with the first, on the same images.

    Two runs are compared by McNemar's exact test and a paired bootstrap. Of more, each is compared with
    the first, and the p values are corrected for their number (Holm). Runs that differ only in their seed are
    also compared as groups, by mean and spread over seeds. The split is validation, because who compares is
    about to choose, and a run that is chosen on test looks better than it is. Runs that set aside different
    fractions of the same training images are compared on what validated all of them.
    """
    chosen = [runs.find(name) for name in options.run]
    split: str = options.split
    comparable.check(chosen, split)
    tables = [comparable.predicted(run, split) for run in chosen]
    dataset = measured_images(chosen)
    images = dataset.test if split == "test" else dataset.validation
    labels, *tables = comparable.in_common([images.labels, *tables])
    predicted = dict(zip((run.id for run in chosen), tables, strict=True))

    def contender(group: list[Run]) -> Contender:
        return Contender(group[0].id, [predicted[run.id] for run in group])

    members = [contender([run]) for run in chosen]
    told = verdicts.against_first(members, labels, split)
    result: Result = {
        "runs": [run.id for run in chosen],
        "split": split,
        "images": len(labels),
        "accuracy": [float(np.mean(one == labels)) for one in predicted.values()],
        **_columns(told),
        "groups": [],
    }
    groups = comparable.by_seed(chosen)
    if len(groups) < len(chosen):
        grouped = [contender(group) for group in groups]
        differing = verdicts.against_first(grouped, labels, split)
        result["groups"] = [
            {
                "runs": [run.id for run in group],
                **asdict(seeds.group(one.accuracies(labels))),
                **(_plain(verdict) if verdict else {}),
            }
            for group, one, verdict in zip(groups, grouped, [None, *differing], strict=False)
        ]
        if differing:
            members, told = grouped, differing
    return result, "\n".join(_lines(members, told, split))


def _columns(told: list[Verdict]) -> Result:
    """For two runs one value of each kind, for more a list with one for each run but the first."""
    rows = [_plain(one) for one in told]
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    columns["mcnemar_p"] = columns.pop("p")
    return columns if len(told) > 1 else {key: values[0] for key, values in columns.items()}


def _plain(one: Verdict) -> Result:
    return {
        "difference": one.difference,
        "interval": one.interval,
        "p": one.p,
        "verdict": one.sentence,
    }


def _lines(members: list[Contender], told: list[Verdict], split: str) -> list[str]:
    first = members[0]
    rows = [["run", split, "difference", "95 % interval", "p"]]
    rows.append([first.label, verdicts.group_accuracy(told[0].first), "", "", ""])
    for member, one in zip(members[1:], told, strict=True):
        ends = verdicts.interval(one.interval) if one.interval else ""
        p = "" if one.p is None else verdicts.short_p(one.p)
        accuracy = verdicts.group_accuracy(one.group)
        rows.append([member.label, accuracy, verdicts.points(one.difference), ends, p])
    return [verdicts.summary(told, first.label), "", *table(rows)]
