"""The command that finds images whose label may be wrong."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from digitcore import datasets, files
from digitcore.commands.output import DownloadBar, Result, table
from digitcore.commands.training_runs import watched
from digitcore.datasets import Dataset
from digitcore.jobs import cross_validation, out_of_sample
from digitcore.jobs.out_of_sample import SPLITS, Newest, Suspect
from digitcore.recipes import Recipe, RecipeError
from digitcore.runs import label_reviews

_COLUMNS = ("split", "index", "given", "suggested", "score")


def check_labels(options: argparse.Namespace) -> tuple[Result, str]:
    """Finds images whose label may be wrong, among test and training.

    A small recipe is trained several times, each time without some of the images, which that network
    then judges: a minute or two for MNIST. What was found is shown at once the next time. Review it
    on the page Explore, in the view Labels.
    """
    most, folds = _number("most", options.most), _number("folds", options.folds)
    dataset = _loaded(options.dataset, _recipe(options))
    found = None if options.again else out_of_sample.newest(options.dataset, dataset.checksum)
    result: Result = {"dataset": options.dataset, "data_checksum": dataset.checksum}
    if not found:
        run = cross_validation.under_way(options.dataset)
        told, text = watched(run or cross_validation.cross_validate(_recipe(options), folds), 0)
        result |= {key: told[key] for key in ("run", "status", "message")}
        found = out_of_sample.newest(options.dataset, dataset.checksum)
        if told["status"] != "finished" or not found:
            return result, text
    # The run may have learned fewer images.
    dataset = _loaded(options.dataset, found.run.recipe)
    out_of_sample.check_images(found.run, found.out_of_sample, dataset)
    chosen = {
        split: out_of_sample.suspects(
            found.out_of_sample, split, out_of_sample.labels_of(split, dataset), most
        )
        for split in SPLITS
        if options.split in (None, split)
    }
    imported = _exchange(options, dataset)
    rows = [_row(one) for listed in chosen.values() for one in listed]
    if options.csv:
        _write(options.csv, rows)
    result |= {
        "run": found.run.id,
        "status": "finished",
        "message": "",
        "folds": found.out_of_sample.count,
        "estimated_errors": {split: found.out_of_sample.errors(split) for split in SPLITS},
        "suspects": rows,
        "imported": imported,
        "reviews": len(label_reviews.of(options.dataset, dataset.checksum)),
    }
    return result, _told(found, chosen, dataset)


def _exchange(options: argparse.Namespace, dataset: Dataset) -> int:
    """Takes in reviews from a file and writes all of them to another; how many were taken in."""
    taken_in = []
    if options.reviews_from:
        given = {split: out_of_sample.labels_of(split, dataset) for split in SPLITS}
        data = files.read(options.reviews_from, label_reviews.MOST_BYTES)
        taken_in = label_reviews.from_csv(data, dataset.checksum, given, dataset.info.class_count)
        label_reviews.add(options.dataset, taken_in)
    if options.reviews_to:
        text = label_reviews.to_csv(label_reviews.of(options.dataset, dataset.checksum))
        options.reviews_to.write_text(text, encoding="utf-8")
    return len(taken_in)


def _recipe(options: argparse.Namespace) -> Recipe:
    """The recipe that the folds are trained with."""
    if options.recipe is None:
        return cross_validation.usual_recipe(options.dataset)
    return Recipe.load(options.recipe).for_dataset(options.dataset)


def _loaded(name: str, recipe: Recipe) -> Dataset:
    dataset = datasets.load_dataset(
        name,
        validation_split=recipe.validation_split,
        training_images=recipe.training_images,
        progress=DownloadBar(recipe.info.title),
    )
    if dataset.notice:
        print(dataset.notice, file=sys.stderr)
    return dataset


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise RecipeError(f"--{name} is a number from 1 to 100,000. Received: {text:.50}")
    return int(text)


def _row(suspect: Suspect) -> Result:
    values = (suspect.split, suspect.index, suspect.given, suspect.suggested, suspect.quality)
    return dict(zip(_COLUMNS, values, strict=True))


def _write(path: Path, rows: list[Result]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _told(
    newest: Newest, chosen: dict[out_of_sample.SplitName, list[Suspect]], dataset: Dataset
) -> str:
    names = dataset.info.classes
    lines = []
    for split, listed in chosen.items():
        images = len(newest.out_of_sample.quality(split))
        about = newest.out_of_sample.errors(split)
        lines.append(f"{split}: about {about:,} of {images:,} labels are wrong; the most suspect:")
        rows = [["", "index", "given", "suggested", "score"]] + [
            ["", f"{one.index}", names[one.given], names[one.suggested], f"{one.quality:.2g}"]
            for one in listed
        ]
        lines += [*table(rows), ""]
    again = f"Found by {newest.run.id}, {newest.out_of_sample.count} folds; --again trains anew."
    return "\n".join([*lines, again])
