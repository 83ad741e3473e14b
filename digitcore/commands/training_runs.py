"""Commands that train, continue, fine-tune, stop and list runs."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Collection
from contextlib import suppress

from tqdm import tqdm

from digitcore import runs
from digitcore.analysis import outcome, written
from digitcore.commands.flags import LAYERS, flag
from digitcore.commands.output import PROGRAM, Result, accuracy
from digitcore.datasets import locate
from digitcore.drawing.samples import HandwritingSamples
from digitcore.jobs import estimates, fine_tuning, queue
from digitcore.jobs.job import Job
from digitcore.jobs.kinds import SHORT
from digitcore.recipes import Recipe, RecipeError
from digitcore.recipes.faults import received
from digitcore.runs import Run, RunError, RunStateError


def train(options: argparse.Namespace) -> tuple[Result, str]:
    """Trains a recipe and waits for the end; Ctrl-C stops and keeps the best epoch."""
    recipe = Recipe.load(options.recipe)
    fields = {name: getattr(options, name) for name in Recipe.model_fields}
    changes = {name: value for name, value in fields.items() if value is not None}
    try:
        layers = json.loads(changes["layers"]) if "layers" in changes else recipe.layers
    except (ValueError, RecursionError) as error:
        raise RecipeError(
            f"--layers takes {LAYERS}. Received: {received(changes['layers'])} ({error})"
        ) from None
    if "dataset" in changes:
        recipe = recipe.for_dataset(changes["dataset"])
    try:
        recipe = recipe.changed(**{**changes, "layers": layers})
    except RecipeError as error:
        raise _as_flags(error, changes) from None
    locate.folder(recipe.info)  # or it is said before there is a run
    run = queue.submit(recipe)
    return watched(run, 0)


def resume(options: argparse.Namespace) -> tuple[Result, str]:
    """Goes on with a stopped or failed run from its last checkpoint.

    With --epochs, any run that has ended goes on as a new run, up to that many epochs in all.
    """
    run = runs.find(options.run)
    _, offset = run.events()
    if options.epochs is None:
        try:
            queue.resume(run)
        except RunStateError as error:
            more = " Train it further with --epochs." if run.status == "finished" else ""
            raise RunStateError(f"{error}{more}") from None
    else:
        try:
            epochs = run.recipe.changed(epochs=options.epochs).epochs
        except RecipeError as error:
            raise _as_flags(error, ["epochs"]) from None
        run = queue.extend(run, epochs)
    return watched(run, offset)


def fine_tune(options: argparse.Namespace) -> tuple[Result, str]:
    """Fine-tunes a run on a person's drawings, as a new run.

    One drawing is enough; the thirty that My handwriting asks for, three of each digit, do more.
    """
    samples = HandwritingSamples.load(options.samples)
    run = fine_tuning.fine_tune(runs.find(options.run), samples)
    result, text = watched(run, 0)
    if measured := result.get("fine_tuning"):
        text += (
            f"\nheld-out drawings: {measured['correct_before']} of {measured['held_out']} correct "
            f"before, {measured['correct_after']} after; "
            f"test {written.accuracy_of(measured['test_accuracy_before'], result['test_images'])} before"
        )
    return result, text


def watch(options: argparse.Namespace) -> tuple[Result, str]:
    """Shows how a run trains until it ends; Ctrl-C ends only the watching.

    Of a run that has ended it shows the result, with exit status 130 if that run was stopped.
    """
    run = runs.find(options.run)
    with suppress(KeyboardInterrupt):
        _progress(run, 0)
    return _outcome(run)


def stop(options: argparse.Namespace) -> tuple[Result, str]:
    """Stops a run that trains or waits, and its short jobs; the best epoch is kept."""
    run = runs.find(options.run)
    jobs = [job for job in (Job(run, kind) for kind in SHORT) if job.active]
    for job in jobs:
        job.stop()
    if run.active or not jobs:
        run.stop()
    while run.active or any(job.active for job in jobs):
        time.sleep(0.1)
    return _summary(run), f"{run.id}: {run.status}"


def list_all(options: argparse.Namespace) -> tuple[Result, str]:
    """Lists all runs, newest first; of one run also its recipe, as a file that `train` takes."""
    if options.run:
        return _one(runs.find(options.run))
    rows = [_summary(run) for run in runs.list_runs()]
    rows = [row for row in rows if row["status"] != "deleted"]  # while they were read
    lines = [
        f"{row['run']:42} {row['status']:9} {accuracy(row, 'validation'):>21} "
        f"{accuracy(row, 'test'):>21}  {row['message'] or row.get('outcome') or row.get('chosen_on_test', '')}".rstrip()
        for row in rows
    ]
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        lines = [line if len(line) <= columns else f"{line[: columns - 1]}…" for line in lines]
    head = f"{'run':42} {'status':9} {'validation':>21} {'test':>21}  what there is to know"
    text = "\n".join([head, *lines]) if rows else f"No runs yet. Train one: {PROGRAM} train"
    return {"runs": rows}, text


def _one(run: Run) -> tuple[Result, str]:
    result, text = _outcome(run)
    try:
        recipe = run.recipe
    except RunError:  # the result says it
        return {"runs": [result]}, text
    row = {**result, "settings": recipe.model_dump(mode="json")}
    return {"runs": [row]}, f"{text}\n\n{recipe.to_toml()}".rstrip()


def _as_flags(error: RecipeError, given: Collection[str]) -> RecipeError:
    """The same, with the fields that were given as flags called by these."""
    told = [f.calling(flag(f.field)) if f.field in given else f.text for f in error.faults]
    return RecipeError("; ".join(told), error.faults)


def watched(run: Run, offset: int) -> tuple[Result, str]:
    """Waits for the end of a run, progress on stderr; Ctrl-C stops it."""
    print(f"Run {run.id}", file=sys.stderr)
    try:
        _progress(run, offset)
    except KeyboardInterrupt:
        kept = "" if run.status == "queued" else "; the best epoch is kept"
        print(f"Stopping{kept}.", file=sys.stderr)
        with suppress(RunError):  # it may just have ended
            run.stop()
        while run.active:
            time.sleep(0.1)
    return _outcome(run)


def _outcome(run: Run) -> tuple[Result, str]:
    result = _summary(run)
    if result.get("data_notice"):
        print(result["data_notice"], file=sys.stderr)
    text = f"{run.id}: {result['status']}"
    if result.get("test_accuracy") is not None:
        text += (
            f"\ntest {accuracy(result, 'test')}, "
            f"validation {accuracy(result, 'validation')}, "
            f"{result['parameters']:,} parameters, {result['fit_seconds']:.0f} s"
        )
    for key in ("outcome", "chosen_on_test"):
        if result.get(key):
            text += f"\n{result[key]}"
    if result["status"] == "stopped" and run.has_checkpoint:
        text += f"\nTo go on: {PROGRAM} resume {run.id}"
    return result, text


def _progress(run: Run, offset: int) -> None:
    if run.status == "queued" and len(before := estimates.ahead(run)) >= queue.slots():
        first = "1 run comes" if len(before) == 1 else f"{len(before)} runs come"
        print(f"It waits: {first} first.", file=sys.stderr)
    # `disable=None` is tqdm's word for "only in a terminal"; the epoch lines come anyway.
    with tqdm(unit="step", file=sys.stderr, dynamic_ncols=True, disable=None) as bar:
        for event in queue.follow(run, offset):
            if event["kind"] == "stage":
                bar.set_description_str(event["stage"])
            elif event["kind"] == "download":
                bar.set_description_str(f"downloading {event['done'] / max(1, event['total']):.0%}")
            elif event["kind"] == "start":
                bar.reset(total=event["steps"])
                bar.update(event["step"])
            elif event["kind"] == "batch":
                bar.update(event["step"] - bar.n)
                bar.set_postfix_str(
                    f"loss {event['loss']:.3f}, accuracy {written.percent(event['accuracy'])}",
                    refresh=False,
                )
            elif event["kind"] == "epoch":
                bar.write(
                    f"epoch {event['epoch']}: loss {event['loss']:.4f}, validation loss "
                    f"{event['validation_loss']:.4f}, validation accuracy "
                    f"{written.accuracy_of(event['validation_accuracy'], event.get('validation_images'))}",
                    file=sys.stderr,
                )


def _summary(run: Run) -> Result:
    state = run.state
    result: Result = {"run": run.id, "status": state.status, "message": state.message}
    try:
        recipe = run.recipe
    except RunError as error:
        return {**result, "status": run.status, "message": str(error), "recipe": None}
    result |= {"recipe": recipe.name, "title": state.title, "created": state.created or None}
    result["parent"] = state.parent
    result["dataset"] = recipe.dataset
    result["parameters"] = recipe.parameters
    # Nothing is known of a run that was never tested; the keys are there all the same.
    keys = ("fit_seconds", "images_per_second", "validation_accuracy", "test_accuracy")
    try:
        # What a resumed run had reached before is no result of what it does now.
        unknown = state.status in (*runs.ACTIVE, *runs.UNREADABLE)
        metrics = None if unknown else run.metrics
    except runs.RunError as error:  # must not keep the other runs from being listed
        metrics, result["message"] = None, str(error)
    result["outcome"] = outcome.explained(metrics, recipe) if metrics else ""
    result["chosen_on_test"] = runs.chosen_on_test(state) if metrics else ""
    return {**result, **(metrics.as_dict() if metrics else dict.fromkeys(keys))}
