"""Commands that measure runs and describe datasets."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
from tqdm import tqdm

from digitcore import datasets, runs
from digitcore.analysis import written
from digitcore.commands.output import DownloadBar, Result, accuracy, table
from digitcore.commands.predictors import quiet_predictor
from digitcore.datasets import registry
from digitcore.drawing.samples import HandwritingSamples
from digitcore.jobs import evaluate as measuring
from digitcore.jobs import exam, fine_tuning, queue
from digitcore.runs import Run, RunUnsuitableError


def evaluate(options: argparse.Namespace) -> tuple[Result, str]:
    """Measures a run's network anew on its validation and test images, or on drawings.

    Several runs are measured as an ensemble, by the mean of their probabilities.
    """
    chosen = [runs.find(name) for name in options.run]
    result: Result = {"run": chosen[0].id}
    if len({run.id for run in chosen}) < len(chosen):
        raise RunUnsuitableError(
            f"An ensemble has each run once. Received: {', '.join(run.id for run in chosen)}"
        )
    if len(chosen) > 1:
        result = {"runs": [run.id for run in chosen]}
    if options.handwriting:
        samples = HandwritingSamples.load(options.handwriting)
        return _evaluate_drawings(chosen, samples, result)
    asked = [(run.recipe.validation_split, run.recipe.training_images) for run in chosen]
    if len(set(asked)) > 1:
        told = [
            f"{run.id} (the last {100 * split:.3g} % of {images:,})"
            for run, (split, images) in zip(chosen, asked, strict=True)
        ]
        raise RunUnsuitableError(
            "An ensemble needs runs that were validated on the same images. "
            f"Received: {', '.join(told)}"
        )
    dataset = measured_images(chosen)
    found = measuring.measured(dataset, _ensemble(chosen))
    lines = [
        f"{name}: {accuracy(found, name)}, loss {found[f'{name}_loss']:.4f}, "
        f"{found[f'{name}_images']:,} images"
        for name in ("test", "validation")
    ]
    return {**result, **found}, "\n".join(lines)


def measured_images(chosen: list[Run]) -> datasets.Dataset:
    """The dataset that these runs were measured on; stderr tells of a download, and of a notice.

    Raises:
        DataError: it is not on this machine and cannot be had.
        RunError: a run was measured on other images.
    """
    dataset = measuring.dataset_of(chosen[0].recipe, DownloadBar(chosen[0].recipe.info.title))
    if dataset.notice:
        print(dataset.notice, file=sys.stderr)
    for run in chosen:
        measuring.check_data(run, dataset)
    return dataset


def _ensemble(chosen: list[Run]) -> Callable[[np.ndarray], np.ndarray]:
    """From images to the mean of these runs' probabilities."""
    predictors = [quiet_predictor(run) for run in chosen]
    return lambda images: np.mean([p.probabilities(images) for p in predictors], axis=0)


def _evaluate_drawings(
    chosen: list[Run], samples: HandwritingSamples, result: Result
) -> tuple[Result, str]:
    first, *others = [fine_tuning.drawing_input(run.recipe.info) for run in chosen]
    if any(other != first for other in others):
        raise RunUnsuitableError(
            "An ensemble needs runs of datasets whose input images are made alike. Received: "
            f"{', '.join(run.recipe.info.title for run in chosen)}"
        )
    images, labels = samples.images(first)
    predicted = _ensemble(chosen)(images).argmax(axis=1)
    correct = int((predicted == labels).sum())
    wrong = [
        {"drawing": int(i) + 1, "true": int(labels[i]), "predicted": int(predicted[i])}
        for i in np.flatnonzero(predicted != labels)
    ]
    lines = [f"drawing {w['drawing']}: {w['true']} predicted as {w['predicted']}" for w in wrong]
    text = "\n".join([f"{correct} of {len(samples)} drawings correct", *lines])
    return {**result, "drawings": len(samples), "correct": correct, "wrong": wrong}, text


def examine(options: argparse.Namespace) -> tuple[Result, str]:
    """Examines a run once on QMNIST's 50,000 further test images; later shows what was found."""
    run = runs.find(options.run)
    known = exam.read(run)
    status, message = ("finished", "") if known else short_job(run, "exam")
    result: Result = {"run": run.id, "job": "exam", "status": status, "message": message}
    if not (found := known or exam.read(run)):
        return result, f"exam of {run.id}: {status}"
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.time))
    lines = [
        f"{run.id}: {'examined on' if known else 'examined now,'} {day}",
        f"exam {written.accuracy(found.accuracy, found.interval)}, {found.images:,} images",
        f"test {written.accuracy(found.test_accuracy, found.test_interval)}, difference {100 * found.difference:+.2f} points",
    ]
    if earlier := measuring.is_of_earlier_network(run, found.network_checksum):
        lines.append(exam.OF_EARLIER_NETWORK)
    result |= {"first": known is None, "of_earlier_network": earlier}
    return {**result, **asdict(found)}, "\n".join(lines)


def short_job(run: Run, kind: str) -> tuple[str, str]:
    """Carries it out in a worker, progress on stderr; its last status and message."""
    job = queue.submit_job(run, kind)
    try:
        with tqdm(unit="image", file=sys.stderr, dynamic_ncols=True, disable=None) as bar:
            for event in queue.follow(job):
                if event["kind"] == "download":
                    bar.set_description_str(
                        f"downloading {event['done'] / max(1, event['total']):.0%}"
                    )
                elif event["kind"] == "progress":
                    bar.reset(total=event["total"])
                    bar.update(event["done"])
    except KeyboardInterrupt:
        job.stop()
        while job.active:
            time.sleep(0.1)
    state = job.judged()
    return state.status, state.message


def show_data(options: argparse.Namespace) -> tuple[Result, str]:
    """Tells where a dataset's images come from, how many there are, and their checksum."""
    title = registry.get(options.dataset).title
    dataset = datasets.load_dataset(options.dataset, progress=DownloadBar(title))
    result = datasets.describe(dataset)
    height, width = result["image_shape"]
    lines = [
        f"{result['title']} ({result['name']}): {height}×{width} pixels, {result['licence']}",
        *([result["notice"]] if result["notice"] else []),
        f"source    {result['source']}",
        f"checksum  {result['checksum']}",
        "",
    ]
    splits = result["splits"]
    counts = [split["per_class"] for split in splits.values()]
    rows = [
        ["class", *splits],
        ["all", *(f"{split['images']:,}" for split in splits.values())],
        *(
            [str(name), *map("{:,}".format, row)]
            for name, *row in zip(result["classes"], *counts, strict=True)
        ),
    ]
    return result, "\n".join(lines + table(rows))
