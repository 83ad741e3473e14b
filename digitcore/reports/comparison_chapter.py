"""What a report says of several runs: whether they differ, and in what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from digitcore.analysis import comparable, comparison, seeds, verdicts
from digitcore.analysis.verdicts import Contender
from digitcore.datasets import Dataset
from digitcore.figures import paper
from digitcore.reports import columns
from digitcore.reports.document import Block, Column, Picture, Section, Table
from digitcore.reports.subject import Subject
from digitcore.runs import Run

_DIFFERENCE = Column("difference (points)", ("difference",), verdicts.points, number=True)
_INTERVAL = Column(
    "95 % interval",
    ("difference_low", "difference_high"),
    verdicts.interval,
    number=True,
)
_P = Column("p", ("p",), verdicts.short_p, number=True)


def section(subjects: Sequence[Subject], dataset: Dataset | None) -> Section:
    """The first subject against the others.

    Args:
        subjects: groups of runs that differ only in their seed, as `comparable.by_seed` makes them.
        dataset: with the labels of the images; None where it is not on this machine.

    Raises:
        RunError: the runs cannot be compared.
    """
    everyone = [run for one in subjects for run in (one.run, *one.others)]
    offered = comparable.splits(everyone)
    blocks: list[Block] = []
    if dataset is None or subjects[0].metrics.data_checksum not in (None, dataset.checksum):
        blocks.append("The images are not on the machine that made this report: no verdict.")
    else:
        for split in offered:
            labels = (dataset.test if split == "test" else dataset.validation).labels
            blocks += _verdict(subjects, everyone, labels, split)
    blocks += _curves(subjects)
    members = {_name(one): (one.run, *one.others) for one in subjects}
    rows = comparable.differing_settings(members) if len(members) > 1 else []
    # Layers are too long to stand in a row with numbers.
    for name, caption, chosen in (
        ("differing-networks", "Networks of the runs.", [r for r in rows if r[""] == "layers"]),
        (
            "differing-hyperparameters",
            "Hyperparameters in which the runs differ.",
            [row for row in rows if row[""] != "layers"],
        ),
    ):
        if chosen:
            blocks.append(_settings(name, caption, chosen, members))
    return Section("Comparison", blocks, level=1)


def _settings(
    name: str, caption: str, rows: Sequence[Mapping[str, str]], members: Mapping[str, Any]
) -> Table:
    """A row for each member, a column for each of the rows of `comparable.differing_settings`."""
    fields = [row[""] for row in rows]
    return Table(
        name,
        caption,
        [columns.RUN, *(Column(one, (one.replace(" ", "_"),)) for one in fields)],
        [[member, *(row[member] for row in rows)] for member in members],
    )


def _name(subject: Subject) -> str:
    return verdicts.with_seeds(subject.name, 1 + len(subject.others))


def _verdict(
    subjects: Sequence[Subject], everyone: Sequence[Run], labels: np.ndarray, split: str
) -> list[Block]:
    """The sentence, a row for each, and of two single runs each class."""
    labels, *tables = comparable.in_common(
        [labels, *(comparable.predicted(run, split) for run in everyone)]
    )
    by_run = dict(zip((run.id for run in everyone), tables, strict=True))
    contenders = [
        Contender(one.name, [by_run[run.id] for run in (one.run, *one.others)]) for one in subjects
    ]
    told = verdicts.against_first(contenders, labels, split)
    rows: list[list[Any]] = []
    for contender, one in zip(contenders, [None, *told], strict=True):
        group = seeds.group(contender.accuracies(labels))
        row: list[Any] = [contender.name, group.mean, group.deviation, group.number]
        rows.append(row + ([one.difference, one.interval, one.p] if one else [None] * 3))
    blocks: list[Block] = []
    if told:
        blocks.append(f"On {split}: {verdicts.summary(told, contenders[0].label)}")
    several = any(len(one.predictions) > 1 for one in contenders)
    spread = [
        columns.percent("SD", "deviation"),
        Column("n", ("seeds",), number=True),
    ]
    blocks.append(
        Table(
            f"comparison-{split}",
            f"Each against the first on {len(labels):,} {split} images"
            + ", runs that differ only in their seed as one" * several
            + ". Two single runs: McNemar's exact test and a paired bootstrap"
            + "; otherwise over seeds (Welch)" * several
            + "; p corrected together (Holm).",
            [
                Column("run", ("run",)),
                columns.percent("accuracy"),
                *spread,
                _DIFFERENCE,
                _INTERVAL,
                _P,
            ],
            rows,
        )
    )
    if len(contenders) == 2 and not several and split == "test":
        blocks.append(_classes(subjects, contenders, labels))
    return blocks


def _classes(
    subjects: Sequence[Subject], contenders: Sequence[Contender], labels: np.ndarray
) -> Table:
    names = subjects[0].run.recipe.info.classes
    first, other = (one.predictions[0] for one in contenders)
    return Table(
        "comparison-classes",
        "Each class on test: accuracy on its images (recall); p is McNemar's, corrected for the number of "
        "classes (Holm).",
        [
            Column("class", ("class",)),
            columns.IMAGES,
            columns.percent(contenders[0].name, "first"),
            columns.percent(contenders[1].name, "other"),
            _DIFFERENCE,
            _P,
        ],
        [
            [names[one.label], one.images, *one.accuracy, one.difference, one.mcnemar_p]
            for one in comparison.per_class(first, other, labels, len(names))
        ],
    )


def _curves(subjects: Sequence[Subject]) -> list[Block]:
    trained = {}
    for one in subjects:
        logs = [run.log().epochs for run in (one.run, *one.others)]
        if logs := [log for log in logs if len(log["step"])]:
            trained[_name(one)] = (logs, one.run.state.number)
    if not trained:
        return []
    return [
        Picture(
            "comparison-curves",
            "Loss and accuracy on validation by epoch; over seeds their mean.",
            "Validation loss and accuracy of the compared runs by epoch",
            paper.curves_of_several(
                {name: logs for name, (logs, _) in trained.items()},
                [position for _, position in trained.values()],
            ),
        )
    ]
