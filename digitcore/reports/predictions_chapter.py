"""What a report says of a run's predictions on the test split: confusions, errors, classes, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digitcore.analysis import calibration, classification, selection
from digitcore.analysis.classification import wilson
from digitcore.datasets import Dataset, Split
from digitcore.figures import paper, static
from digitcore.figures.style import MOST_NUMBERED
from digitcore.reports import columns
from digitcore.reports.document import Block, Column, Picture, Section, Table
from digitcore.reports.subject import Subject

ERRORS, CONFUSIONS = 24, 10


def sections(subject: Subject) -> list[Section]:
    """What needs the images: confusions, errors, classes and calibration on the test split."""
    tables = subject.tables
    if tables is None or subject.dataset is None:
        told = (
            "The images that this run was measured on are not on the machine that made this report, so "
            "confusions, errors and calibration are left out."
        )
        return [Section("Errors", [told])]
    test = subject.dataset.test
    return [
        Section("Errors", errors(subject, tables["test"], test)),
        Section("Calibration", _calibration(subject, tables, subject.dataset)),
    ]


def errors(subject: Subject, table: np.ndarray, test: Split) -> list[Block]:
    """The confusion matrix, each class, and the errors that the network is surest of."""
    names, prefix = subject.run.recipe.info.classes, subject.prefix
    labels, predicted = test.labels, table.argmax(axis=1)
    matrix = classification.confusion(labels, predicted, len(names))
    scores = classification.per_class(labels, predicted, len(names))
    wrong = int(len(labels) - np.trace(matrix))
    return [
        Picture(
            f"{prefix}confusion",
            f"Confusion matrix on {len(labels):,} test images: rows are true classes, columns predicted "
            "ones. Errors are the darker the larger their fraction of the true class.",
            f"Confusion matrix: {wrong:,} of {len(labels):,} images are predicted wrong",
            static.confusion_file(matrix, names=names),
        ),
        *([_confusions(matrix, names, prefix)] if len(names) > MOST_NUMBERED else []),
        Table(
            f"{prefix}classes",
            "Each class on test. Recall is the accuracy on its images, with its 95 % interval (Wilson).",
            [
                Column("class", ("class",)),
                columns.IMAGES,
                columns.percent("precision"),
                columns.percent("recall"),
                columns.interval("recall"),
                columns.percent("F1", "f1"),
            ],
            [
                [
                    names[one.label],
                    one.support,
                    one.precision,
                    one.recall,
                    wilson(int(matrix[one.label, one.label]), one.support) if one.support else None,
                    one.f1,
                ]
                for one in scores
            ],
        ),
        *_confident_errors(subject, table, test),
    ]


def _confusions(matrix: np.ndarray, names: Sequence[str], prefix: str) -> Table:
    """What a large matrix is searched for: its figures would be too small to read."""
    return Table(
        f"{prefix}confusions",
        f"The {CONFUSIONS} most frequent confusions.",
        [
            Column("true", ("true",)),
            Column("predicted", ("predicted",)),
            columns.IMAGES,
            columns.percent("of the true class", "fraction_of_true"),
        ],
        [
            [names[true], names[guess], count, fraction]
            for true, guess, count, fraction in classification.most_confused(matrix, CONFUSIONS)
        ],
    )


def _confident_errors(subject: Subject, table: np.ndarray, test: Split) -> list[Block]:
    """Those that the network is surest of, as images and as rows."""
    names, prefix = subject.run.recipe.info.classes, subject.prefix
    labels, predicted = test.labels, table.argmax(axis=1)
    images = selection.images(table, labels, names)
    wrong = selection.ordered(images.wrong, images, "most confident")
    if not len(wrong):
        return ["No test image is predicted wrong."]
    some = wrong[:ERRORS]
    shown = table[some].max(axis=1)
    return [
        Picture(
            f"{prefix}errors",
            f"The {len(some)} most confident errors on test, of {len(wrong):,}: true class → predicted class, "
            "and the confidence.",
            f"{len(some)} images that are predicted wrong",
            static.images_file(
                test.images[some], labels[some], predicted[some], "", names, shown.tolist()
            ),
        ),
        Table(
            f"{prefix}errors",
            "The same errors, by the number of the image in the test split (from 0).",
            [
                Column("image", ("image",), number=True),
                Column("true", ("true",)),
                Column("predicted", ("predicted",)),
                columns.percent("confidence"),
                columns.percent("of the true class", "probability_of_true"),
            ],
            [
                [
                    int(i),
                    names[labels[i]],
                    names[predicted[i]],
                    float(table[i].max()),
                    float(table[i, labels[i]]),
                ]
                for i in some
            ],
        ),
    ]


def _calibration(subject: Subject, tables: dict[str, np.ndarray], dataset: Dataset) -> list[Block]:
    labels = dataset.test.labels
    temperature = calibration.temperature(tables["validation"], dataset.validation.labels)
    ways = {
        "as predicted": tables["test"],
        f"at temperature {temperature:.2f}": calibration.at_temperature(
            tables["test"], temperature
        ),
    }
    rows, diagrams = [], {}
    for name, table in ways.items():
        answers = calibration.answers(table, labels)
        diagrams[name] = calibration.reliability(*answers)
        ends = calibration.error_interval(*answers)
        loss = classification.log_loss(table, labels)
        rows.append([name, float(answers[0].mean()), diagrams[name].error, ends, loss])
    return [
        f"A temperature of {temperature:.2f}, chosen on {len(tables['validation']):,} validation images, "
        "gives these the lowest log loss (Guo et al., 2017). Above 1 it makes a network less confident, "
        "below 1 more; which class is predicted stays the same.",
        Table(
            f"{subject.prefix}calibration",
            f"Calibration on {len(labels):,} test images. ECE is the expected calibration error over "
            f"{calibration.BINS} bins, with its 95 % interval (bootstrap).",
            [
                Column("probabilities", ("probabilities",)),
                columns.percent("mean confidence", "mean_confidence"),
                columns.percent("ECE", "ece"),
                columns.interval("ece"),
                columns.LOSS,
            ],
            rows,
        ),
        Picture(
            f"{subject.prefix}reliability",
            "Reliability on test: accuracy by confidence with 95 % intervals; hatched, the gap to the mean "
            "confidence; above, the number of images. A calibrated network is on the dashed line.",
            "Reliability diagrams before and after temperature scaling",
            paper.reliability_file(diagrams),
        ),
    ]
