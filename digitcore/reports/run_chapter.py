"""What a report says of one run, section by section."""

from __future__ import annotations

import shlex
from typing import Any

from digitcore.analysis import written
from digitcore.figures import static
from digitcore.jobs import exam, request
from digitcore.jobs.evaluate import is_of_earlier_network
from digitcore.recipes import hyperparameters
from digitcore.reports import columns, predictions_chapter, robustness_chapter
from digitcore.reports.document import Block, Code, Column, Picture, Section, Table
from digitcore.reports.subject import Subject, plain
from digitcore.runs import chosen_on_test


def sections(subject: Subject) -> list[Section]:
    """All of it. Raises RunError where a file of the run is damaged."""
    return [
        Section("Result", result(subject)),
        Section("Network", network(subject)),
        Section("Learning curves", learning_curves(subject)),
        *predictions_chapter.sections(subject),
        *robustness_chapter.sections(subject),
        Section("Hyperparameters", settings(subject)),
        Section("Data and versions", circumstances(subject)),
        Section("How to reproduce it", how_to_reproduce(subject)),
    ]


def result(subject: Subject) -> list[Block]:
    """Accuracies with their intervals."""
    run, metrics = subject.run, subject.metrics
    info = run.recipe.info
    rows: list[list[Any]] = []
    for split in ("test", "validation", "train"):
        accuracy = getattr(metrics, f"{split}_accuracy")
        if accuracy is not None:
            ends, images = (getattr(metrics, f"{split}_{what}") for what in ("interval", "images"))
            name = "training (a part)" if split == "train" else split
            rows.append([name, images, accuracy, ends, getattr(metrics, f"{split}_loss")])
    known = exam.read(run)
    if known and not is_of_earlier_network(run, known.network_checksum):
        rows.append(["QMNIST exam", known.images, known.accuracy, known.interval, known.loss])
    reached = written.accuracy(metrics.test_accuracy, metrics.test_interval)
    chosen = (
        f"of the best of {metrics.epochs:,} epochs on validation"
        if metrics.epochs > 1
        else "after its one epoch"
    )
    told = (
        f"The network has {metrics.parameters:,} parameters. Trained on {info.title}, it predicts "
        f"{reached} of the test images correctly. The network {chosen} is kept; test images choose nothing."
    )
    if said := chosen_on_test(run.state):
        told = f"{told.removesuffix('; test images choose nothing.')}. {said}"
    blocks: list[Block] = [
        told,
        Table(
            f"{subject.prefix}accuracies",
            "Accuracy by split, with its 95 % interval (Wilson, 1927), and mean cross-entropy.",
            [Column("split", ("split",)), columns.IMAGES, *columns.ACCURACY, columns.LOSS],
            rows,
        ),
    ]
    if subject.others:
        blocks.append(_over_seeds(subject))
    if tuned := metrics.fine_tuning:
        blocks.append(
            f"It is fine-tuned on {tuned.samples} handwriting samples of one person. Of "
            f"{tuned.held_out} held-out drawings {tuned.correct_before} were predicted correctly before, "
            f"and {tuned.correct_after} after; test accuracy was "
            f"{written.accuracy_of(tuned.test_accuracy_before, metrics.test_images)} before."
        )
    return blocks


def _over_seeds(subject: Subject) -> Table:
    rows = []
    for run in (subject.run, *subject.others):
        metrics = Subject(run, None).metrics
        ends = (metrics.validation_interval, metrics.test_interval)
        rows.append(
            [
                run.id,
                run.recipe.seed,
                metrics.validation_accuracy,
                ends[0],
                metrics.test_accuracy,
                ends[1],
            ]
        )
    validation, test = columns.accuracy_of("validation"), columns.accuracy_of("test")
    return Table(
        f"{subject.prefix}seeds",
        "The runs that differ only in their seed. What follows is of the first.",
        [columns.RUN, Column("seed", ("seed",), number=True), *validation, *test],
        rows,
    )


def network(subject: Subject) -> list[Block]:
    """Its layers."""
    rows = [
        [str(number), row.layer, "×".join(map(str, row.shape)), row.parameters]
        for number, row in enumerate(subject.run.recipe.summary(), 1)
    ]
    rows.append(["", "all", None, subject.run.recipe.parameters])
    return [
        Table(
            f"{subject.prefix}layers",
            "Layers, the shape of their output, and their parameters.",
            [
                Column("", ("number",), number=True),
                Column("layer", ("layer",)),
                Column("output", ("output",)),
                Column("parameters", ("parameters",), "{:,}".format, number=True),
            ],
            rows,
        )
    ]


def learning_curves(subject: Subject) -> list[Block]:
    """Loss and accuracy by step."""
    log, classes = subject.run.log(), subject.run.recipe.info.class_count
    if not len(log.epochs["step"]):
        return ["No epoch has ended."]
    return [
        Picture(
            f"{subject.prefix}curves",
            "Loss and accuracy by step: training (pale, smoothed) and validation (dots, one an epoch), "
            "on logarithmic axes; the accuracy's is of the error. The star is the epoch that is kept.",
            "Learning curves: loss and accuracy of training and validation",
            static.curves_file(log, classes=classes),
        )
    ]


def settings(subject: Subject) -> list[Block]:
    """Every hyperparameter."""
    recipe = subject.run.recipe
    rows = []
    for one in hyperparameters():
        value = getattr(recipe, one.name)
        unit = f" {one.unit}".replace(" °", "°") if one.unit else ""
        changed = "" if value == one.default else written.value(one.default) + unit
        rows.append([one.name.replace("_", " "), written.value(value) + unit, changed])
    return [
        Table(
            f"{subject.prefix}hyperparameters",
            f"Hyperparameters of the recipe {plain(recipe.name)}; the default where another value was set.",
            [
                Column("hyperparameter", ("hyperparameter",)),
                Column("value", ("value",), number=True),
                Column("default", ("default",), number=True),
            ],
            rows,
        )
    ]


def circumstances(subject: Subject) -> list[Block]:
    """The data with its checksum, versions, machine and times."""
    run, metrics = subject.run, subject.metrics
    info = run.recipe.info
    known: dict[str, Any] = {
        "dataset": info.title,
        "its licence": info.licence,
        "its SHA-256": metrics.data_checksum,
        # The sentence itself may name a folder.
        "notice": metrics.data_notice and f"These are not {info.title}'s own images.",
        "run": run.id,
        "SHA-256 of the network": metrics.network_checksum,
        "epochs": f"{metrics.epochs:,}"
        + (f", the best is number {metrics.best_epoch}" if metrics.best_epoch else ""),
        "training": f"{metrics.fit_seconds:,.1f} s, {metrics.images_per_second:,.0f} images/s",
        "one prediction": metrics.prediction_ms and f"{metrics.prediction_ms:.2f} ms",
        "precision": metrics.precision and metrics.precision + ", with XLA" * bool(metrics.xla),
        "machine": metrics.machine,
        **(metrics.versions or {}),
    }
    rows = [[key, plain(str(value))] for key, value in known.items() if value]
    return [
        Table(
            f"{subject.prefix}circumstances",
            "On what data, machine and versions the run was trained.",
            [Column("item", ("item",)), Column("value", ("value",))],
            rows,
        )
    ]


def how_to_reproduce(subject: Subject) -> list[Block]:
    """The command, and the recipe as a file that it takes."""
    run, metrics = subject.run, subject.metrics
    command = f"python -m digitcore train --recipe {shlex.quote(subject.recipe_file)}"
    told = f"Save the recipe below as {subject.recipe_file}, or take that file, which comes with this report."
    origin = run.state.parent
    if metrics.fine_tuning:
        file = request.read(run).extra_samples or "samples.json"
        command = f"python -m digitcore fine-tune {origin or 'RUN'} {file}"
        told = f"The drawings are {file} in the run's folder; it starts from the run {origin or 'named so'}."
    elif origin:
        command = f"python -m digitcore resume {origin} --epochs {run.recipe.epochs}"
        told = f"It continues the run {origin}, from that one's last checkpoint."
    exact = (
        "The precision was chosen on that machine, so another one may give other weights."
        if run.recipe.precision == "auto"
        else "On the same machine and versions, the same seed gives the same weights."
    )
    return [f"{told} {exact}", Code(command), Code(run.recipe.to_toml().strip())]
