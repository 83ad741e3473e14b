"""The command line: train, runs, stop, resume, fine-tune, evaluate, exam, predict, data.

Results go to stdout, progress to stderr. Exit status: 0 done, 1 an error told in one
line, 2 wrong usage, 130 stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from digitcore import datasets, drawing, runs
from digitcore.datasets import registry
from digitcore.drawing.samples import HandwritingSamples
from digitcore.jobs import evaluate as measuring
from digitcore.jobs import exam, fine_tuning, queue
from digitcore.jobs.job import Job
from digitcore.jobs.kinds import SHORT
from digitcore.recipes import EARLIER_NAMES, Hyperparameter, Recipe, RecipeError, hyperparameters
from digitcore.runs import Run, RunError
from digitcore.runs.predictor import Predictor

STOPPED = 130
_EARLIER_COMMANDS = {"teach": "fine-tune"}
Result = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    if given and (now := _EARLIER_COMMANDS.get(given[0])):
        parser.error(f"{given[0]} is called {now} now")
    options = parser.parse_args(given)
    try:
        result, text = options.command(options)
        told = json.dumps(result, allow_nan=False) if options.json else text
        # A file's name may hold what no terminal can show.
        encoding = sys.stdout.encoding or "utf-8"
        print(told.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except KeyboardInterrupt:
        return STOPPED
    except BrokenPipeError:  # who reads has read enough, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        if options.json:
            print(json.dumps({"error": str(error)}))
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if result.get("status") in ("failed", "broken"):
        print(f"Error: {result['message']}", file=sys.stderr)
        return 1
    return STOPPED if result.get("status") == "stopped" and options.command_name != "stop" else 0


def train(options: argparse.Namespace) -> tuple[Result, str]:
    """Trains a recipe and waits for the end; Ctrl-C stops and keeps the best epoch."""
    recipe = Recipe.load(options.recipe)
    fields = {name: getattr(options, name) for name in Recipe.model_fields}
    changes = {name: value for name, value in fields.items() if value is not None}
    try:
        layers = json.loads(changes["layers"]) if "layers" in changes else recipe.layers
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"--layers takes a JSON list of layers: {error}") from None
    if "dataset" in changes:
        recipe = recipe.for_dataset(changes["dataset"])
    run = queue.submit(recipe.changed(**{**changes, "layers": layers}))
    return _watch(run, 0)


def resume(options: argparse.Namespace) -> tuple[Result, str]:
    """Goes on with a stopped or failed run from its last checkpoint.

    With --epochs, any run that has ended goes on as a new run, up to so many epochs in all.
    """
    run = runs.load(options.run)
    _, offset = run.events()
    if options.epochs is None:
        queue.resume(run)
    else:
        run = queue.extend(run, options.epochs)
    return _watch(run, offset)


def fine_tune(options: argparse.Namespace) -> tuple[Result, str]:
    """Fine-tunes a run on a person's drawings, as a new run; Draw exports such a file."""
    samples = HandwritingSamples.load(options.samples)
    run = fine_tuning.fine_tune(runs.load(options.run), samples)
    result, text = _watch(run, 0)
    if measured := result.get("fine_tuning"):
        text += (
            f"\nheld-out drawings: {measured['correct_before']} of {measured['held_out']} correct "
            f"before, {measured['correct_after']} after; "
            f"test {_percent(measured['test_accuracy_before'])} before"
        )
    return result, text


def stop(options: argparse.Namespace) -> tuple[Result, str]:
    """Stops a run that trains or waits, and its short jobs; the best epoch is kept."""
    run = runs.load(options.run)
    jobs = [job for job in (Job(run, kind) for kind in SHORT) if job.active]
    for job in jobs:
        job.stop()
    if run.active or not jobs:
        run.stop()
    while run.active or any(job.active for job in jobs):
        time.sleep(0.1)
    return _summary(run), f"{run.id}: {run.status}"


def list_all(options: argparse.Namespace) -> tuple[Result, str]:
    """Lists all runs, newest first."""
    rows = [_summary(run) for run in runs.list_runs()]
    lines = [
        f"{row['run']:42} {row['status']:9} {_percent(row.get('validation_accuracy')):>8} "
        f"{_percent(row.get('test_accuracy')):>8}  {row['message']}".rstrip()
        for row in rows
    ]
    head = f"{'run':42} {'status':9} {'valid.':>8} {'test':>8}"
    text = (
        "\n".join([head, *lines]) if rows else "No runs yet. Train one: python -m digitcore train"
    )
    return {"runs": rows}, text


def evaluate(options: argparse.Namespace) -> tuple[Result, str]:
    """Measures a run's network anew on its validation and test images, or on drawings.

    Several runs are measured as an ensemble, by the mean of their probabilities.
    """
    chosen = [runs.load(name) for name in options.run]
    result: Result = {"run": chosen[0].id}
    if len(chosen) > 1:
        result = {"runs": [run.id for run in chosen]}
    if options.handwriting:
        samples = HandwritingSamples.load(options.handwriting)
        return _evaluate_drawings(chosen, samples, result)
    asked = [(run.recipe.validation_split, run.recipe.training_images) for run in chosen]
    if len(set(asked)) > 1:
        raise RunError(
            "An ensemble needs runs that were validated on the same images. Received "
            f"validation_split, training_images: {', '.join(map(str, asked))}"
        )
    dataset = measuring.dataset_of(chosen[0].recipe, _DownloadBar(chosen[0].recipe.info.title))
    if dataset.notice:
        print(dataset.notice, file=sys.stderr)
    for run in chosen:
        measuring.check_data(run, dataset)
    found = measuring.measured(dataset, _ensemble(chosen))
    lines = [
        f"{name}: {_accuracy(found, name)}, loss {found[f'{name}_loss']:.4f}, "
        f"{found[f'{name}_images']:,} images"
        for name in ("test", "validation")
    ]
    return {**result, **found}, "\n".join(lines)


def _ensemble(chosen: list[Run]) -> Callable[[np.ndarray], np.ndarray]:
    """From images to the mean of these runs' probabilities."""
    predictors = [Predictor(run) for run in chosen]
    return lambda images: np.mean([p.probabilities(images) for p in predictors], axis=0)


def _evaluate_drawings(
    chosen: list[Run], samples: HandwritingSamples, result: Result
) -> tuple[Result, str]:
    images, labels = samples.images()
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
    run = runs.load(options.run)
    known = exam.read(run)
    status, message = ("finished", "") if known else _short_job(run, "exam")
    result: Result = {"run": run.id, "status": status, "message": message}
    if not (found := known or exam.read(run)):
        return result, f"{run.id}: {status}"
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.time))
    low, high = found.interval
    lines = [
        f"{run.id}: {'examined on' if known else 'examined now,'} {day}",
        f"exam {found.accuracy:.2%} ({low:.2%}–{high:.2%}), {found.images:,} images",
        f"test {found.test_accuracy:.2%}, difference {100 * found.difference:+.2f} points",
    ]
    return {**result, "first": known is None, **asdict(found)}, "\n".join(lines)


def _short_job(run: Run, kind: str) -> tuple[str, str]:
    """Carries it out in a worker, progress on stderr; its last status and message."""
    job = queue.submit_job(run, kind)
    try:
        with tqdm(unit="image", file=sys.stderr, dynamic_ncols=True, disable=None) as bar:
            for event in queue.follow(job):
                if event["kind"] == "download":
                    bar.set_description(f"downloading {event['done'] / max(1, event['total']):.0%}")
                elif event["kind"] == "progress":
                    bar.reset(total=event["total"])
                    bar.update(event["done"])
    except KeyboardInterrupt:
        job.stop()
        while job.active:
            time.sleep(0.1)
    state = job.state
    return (state.status, state.message) if state else ("failed", "The run was deleted.")


def predict(options: argparse.Namespace) -> tuple[Result, str]:
    """Predicts what each image file shows."""
    run = runs.load(options.run)
    info = run.recipe.info
    if info.drawing is None:
        raise RunError(
            f"Networks of {info.title} read no image files; `evaluate` measures them. "
            f"Received: {run.id}"
        )
    predictor = Predictor(run)
    rows = []
    faults = []
    for name in options.image:
        try:
            image = drawing.from_image(drawing.read_image(name))
        except (ValueError, OSError) as error:
            faults.append(f"{name}: {error}")
            continue
        table = predictor.probabilities(image[np.newaxis])[0]
        label = int(table.argmax())
        rows.append(
            {
                "image": name,
                "class": info.classes[label],
                "label": label,
                **({"digit": label} if info.is_of_digits else {}),
                "confidence": float(table.max()),
                "probabilities": [float(p) for p in table],
            }
        )
    text = "\n".join(f"{r['image']}: {r['class']} ({r['confidence']:.1%})" for r in rows)
    result: Result = {"run": options.run, "images": rows}
    if faults:
        result |= {"status": "failed", "message": "; ".join(faults)}
    return result, text


def show_data(options: argparse.Namespace) -> tuple[Result, str]:
    """Tells where a dataset's images come from, how many there are, and their checksum."""
    title = registry.get(options.dataset).title
    dataset = datasets.load_dataset(options.dataset, progress=_DownloadBar(title))
    result = datasets.describe(dataset)
    lines = [f"{key}: {value}" for key, value in result.items() if value is not None]
    return result, "\n".join(lines)


def _watch(run: Run, offset: int) -> tuple[Result, str]:
    print(f"Run {run.id}", file=sys.stderr)
    try:
        _progress(run, offset)
    except KeyboardInterrupt:
        print("Stopping; the best epoch is kept.", file=sys.stderr)
        with suppress(RunError):  # it may just have ended
            run.stop()
        while run.active:
            time.sleep(0.1)
    result = _summary(run)
    if result.get("data_notice"):
        print(result["data_notice"], file=sys.stderr)
    text = f"{run.id}: {result['status']}"
    if result.get("test_accuracy") is not None:
        text += (
            f"\ntest {_accuracy(result, 'test')}, "
            f"validation {_percent(result['validation_accuracy'])}, "
            f"{result['parameters']:,} parameters, {result['fit_seconds']:.0f} s"
        )
    return result, text


def _progress(run: Run, offset: int) -> None:
    # `disable=None` is tqdm's word for "only in a terminal"; the epoch lines come anyway.
    with tqdm(unit="step", file=sys.stderr, dynamic_ncols=True, disable=None) as bar:
        for event in queue.follow(run, offset):
            if event["kind"] == "stage":
                bar.set_description(event["stage"])
            elif event["kind"] == "download":
                bar.set_description(f"downloading {event['done'] / max(1, event['total']):.0%}")
            elif event["kind"] == "start":
                bar.reset(total=event["steps"])
                bar.update(event["step"])
            elif event["kind"] == "batch":
                bar.update(event["step"] - bar.n)
                bar.set_postfix_str(
                    f"loss {event['loss']:.3f}, accuracy {event['accuracy']:.2%}", refresh=False
                )
            elif event["kind"] == "epoch":
                bar.write(
                    f"epoch {event['epoch']}: loss {event['loss']:.4f}, validation loss "
                    f"{event['validation_loss']:.4f}, validation accuracy "
                    f"{event['validation_accuracy']:.2%}",
                    file=sys.stderr,
                )


def _summary(run: Run) -> Result:
    state = run.state
    result: Result = {"run": run.id, "status": state.status, "message": state.message}
    if state.status == "broken":
        return {**result, "recipe": None}
    try:
        recipe = run.recipe
    except RunError as error:  # deleted since
        return {**result, "status": "broken", "message": str(error), "recipe": None}
    result |= {"recipe": recipe.name, "title": state.title, "created": state.created}
    result["parent"] = state.parent
    result["dataset"] = recipe.dataset
    result["parameters"] = recipe.parameters
    # Nothing is known of a run that was never tested; the keys are there all the same.
    keys = ("fit_seconds", "images_per_second", "validation_accuracy", "test_accuracy")
    try:
        # What a resumed run had reached before is no result of what it does now.
        metrics = None if state.status in runs.ACTIVE else run.metrics
    except runs.RunError as error:  # must not keep the other runs from being listed
        metrics, result["message"] = None, str(error)
    return {**result, **(metrics.as_dict() if metrics else dict.fromkeys(keys))}


def _accuracy(scores: Result, split: str) -> str:
    low, high = scores[f"{split}_interval"]
    return f"{_percent(scores[f'{split}_accuracy'])} ({low:.2%}–{high:.2%})"


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{fraction:.2%}"


class _DownloadBar:
    """A progress bar that appears only when something is downloaded."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=total, unit="B", unit_scale=True, file=sys.stderr, desc=self._title
            )
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._bar.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m digitcore", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[..., Any]) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        one.add_argument("--json", action="store_true", help="print one JSON object")
        one.set_defaults(command=command, command_name=name)
        return one

    _add_recipe_flags(add("train", train))
    add("runs", list_all)
    for name, command in (
        ("stop", stop),
        ("resume", resume),
        ("evaluate", evaluate),
        ("exam", examine),
    ):
        one = add(name, command)
        several: dict[str, Any] = {"nargs": "+"} if name == "evaluate" else {}
        one.add_argument("run", metavar="RUN", help="a run's id", **several)
        if name == "resume":
            one.add_argument(
                "--epochs", type=int, help="go on as a new run, up to so many epochs in all"
            )
        if name == "evaluate":
            one.add_argument("--handwriting", type=Path, metavar="FILE", help="a file of drawings")
            one.add_argument(
                "--hand", action=_Renamed, now="--handwriting", nargs="?", help=argparse.SUPPRESS
            )
    tunes = add("fine-tune", fine_tune)
    tunes.add_argument("run", metavar="RUN", help="a run's id")
    tunes.add_argument("samples", metavar="FILE", type=Path, help="a file of drawings")
    asks = add("predict", predict)
    asks.add_argument("run", metavar="RUN", help="a run's id")
    asks.add_argument("image", metavar="IMAGE", nargs="+", help="an image file of one character")
    described = add("data", show_data)
    described.add_argument(
        "--dataset", default="mnist", metavar="NAME", help=f"one of {', '.join(registry.names())}"
    )
    return parser


def _add_recipe_flags(parser: argparse.ArgumentParser) -> None:
    known = ", ".join(Recipe.names())
    parser.add_argument(
        "--recipe", default="fast", metavar="NAME|FILE", help=f"{known}, or a TOML file"
    )
    numbers = {parameter.name: parameter for parameter in hyperparameters()}
    for name, field in Recipe.model_fields.items():
        parameter = numbers.get(name)
        text = (field.description or "").replace("%", "%%")
        if name == "dataset":
            text = f"{text} One of {', '.join(registry.names())}."
        if parameter:
            unit = f" {parameter.unit}" if parameter.unit else ""
            low = f"Above {parameter.low}, up" if parameter.above else f"From {parameter.low}"
            bounds = f" {low} to {parameter.high}{unit}." if parameter.high else ""
            text = f"{text}{bounds} Default: the recipe's, else {parameter.default}."
        parser.add_argument(
            _flag(name),
            dest=name,
            metavar=_metavar(parameter) if parameter else "TEXT",
            help=text,
        )
    for earlier, now in EARLIER_NAMES.items():
        parser.add_argument(
            _flag(earlier), action=_Renamed, now=_flag(now), nargs="?", help=argparse.SUPPRESS
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


class _Renamed(argparse.Action):
    """A flag by its earlier name is an error that names the new one."""

    def __init__(self, option_strings: list[str], dest: str, now: str, **options: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, **options)
        self._now = now

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        parser.error(f"{option} is called {self._now} now")


def _metavar(parameter: Hyperparameter) -> str:
    if parameter.choices:
        return "{" + ",".join(parameter.choices) + "}"
    return parameter.type.__name__.upper()


if __name__ == "__main__":
    sys.exit(main())
