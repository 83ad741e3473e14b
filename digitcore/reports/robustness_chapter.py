"""What a report says of a run's accuracy on corrupted images, where it was measured."""

from __future__ import annotations

from digitcore.analysis.classification import wilson
from digitcore.analysis.corruptions import TRANSFORMS
from digitcore.analysis.mnist_c import SUITE
from digitcore.analysis.robustness import summarise
from digitcore.figures import paper
from digitcore.jobs import robustness
from digitcore.reports import columns
from digitcore.reports.document import Column, Picture, Section, Table
from digitcore.reports.subject import Subject


def sections(subject: Subject) -> list[Section]:
    """One, or none where the run was not measured on such images. Raises RunError where its file is damaged."""
    known = robustness.read(subject.run)
    if known is None:
        return []
    test = known.test
    summary = summarise(test.outcomes)
    rows = [
        ["none", summary.clean, summary.clean_interval],
        *(
            [each.title, accuracy, wilson(round(accuracy * test.images), test.images)]
            for each, accuracy in zip(SUITE, summary.each, strict=True)
        ),
        ["mean of the fifteen", summary.suite, summary.suite_interval],
        ["lost to them", summary.lost, summary.lost_interval],
    ]
    titles = {each.name: f"{each.title}, {each.unit.strip()}".rstrip(", ") for each in TRANSFORMS}
    curves = {titles[name]: points for name, points in test.curves.items() if name in titles}
    return [
        Section(
            "Robustness",
            [
                Picture(
                    f"{subject.prefix}transforms",
                    f"Accuracy on {test.images:,} test images, by how strongly they are transformed.",
                    "Accuracy by severity of each transform",
                    paper.severity_curves(curves),
                ),
                Table(
                    f"{subject.prefix}corruptions",
                    f"Accuracy on {test.images:,} test images corrupted in the manner of MNIST-C (Mu and "
                    "Gilmer, 2019), with 95 % intervals (Wilson; of mean and loss by the bootstrap over images).",
                    [Column("corruption", ("corruption",)), *columns.ACCURACY],
                    rows,
                ),
            ],
        )
    ]
