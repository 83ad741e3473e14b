"""The command that writes a report of runs."""

from __future__ import annotations

import argparse
import errno
import functools
import sys
from pathlib import Path

from digitcore import files, runs
from digitcore.commands.measuring_runs import measured_images
from digitcore.commands.output import Result
from digitcore.datasets import DataError, Dataset
from digitcore.reports import html_file, report
from digitcore.runs import Run, RunStateError


def write(options: argparse.Namespace) -> tuple[Result, str]:
    """The report of the runs in a folder, or as one file."""
    chosen = [runs.find(name) for name in options.run]
    output = options.output or Path(f"report-{chosen[0].id}")
    document = report.document(chosen, functools.partial(_dataset, {}))
    if output.suffix == ".html":
        made = {output: html_file.to_html(document)}
    elif output.suffix == ".pdf":
        from digitcore.reports import pdf_file

        made = {output: pdf_file.to_pdf(document)}
    elif output.suffix == ".zip":
        made = {output: report.to_zip(document, output.stem)}
    else:
        made = {output / name: content for name, content in report.files(document).items()}
    for path, content in made.items():
        _write(path, content)
    first, *others = map(str, made)
    more = f" and {len(others)} more files in {output}" if others else ""
    told = [str(path.relative_to(output)) if others else str(path) for path in made]
    result: Result = {"runs": [run.id for run in chosen], "output": str(output), "files": told}
    return result, f"{first}{more}"


def _dataset(known: dict[tuple[float, int], Dataset | None], run: Run) -> Dataset | None:
    """What the run was measured on, or None, of which stderr tells; each cut is read once."""
    cut = (run.recipe.validation_split, run.recipe.training_images)
    if cut not in known:
        try:
            known[cut] = measured_images([run])
        except (DataError, RunStateError) as error:
            print(f"{error} What needs the images is left out.", file=sys.stderr)
            known[cut] = None
    return known[cut]


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, content)
    except OSError as error:
        # It names the temporary file, or none.
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, str(path)) from None
