"""The report of a run, or of several: as a document, as files, and as one zip of these."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace

from digitcore.analysis import comparable
from digitcore.datasets import Dataset
from digitcore.reports import comparison_chapter, html_file, run_chapter, table_files
from digitcore.reports.document import Document, Section
from digitcore.reports.subject import Subject
from digitcore.runs import Run, RunUnsuitableError

# What is found under a dataset's name on this machine, or None.
DatasetOf = Callable[[Run], Dataset | None]


def document(runs: Sequence[Run], dataset_of: DatasetOf) -> Document:
    """What is said of these runs.

    Of several, a comparison comes first, and then a chapter for each; runs that differ only in their seed
    have one chapter, of the first of them.

    Args:
        runs: 1 to 20 that have ended.
        dataset_of: what a run was measured on, cut as its recipe says; None where it is not on this machine.

    Raises:
        RunError: a run has not ended or is damaged, one is given twice, or they are not of one dataset.
    """
    if not runs:
        raise RunUnsuitableError("A report takes one run or more. Received: none")
    if len(runs) > 1:
        comparable.check(runs, "test")
    groups = comparable.by_seed(runs) if len(runs) > 1 else [list(runs)]
    prefixes = [f"{group[0].id[-4:]}-" if len(groups) > 1 else "" for group in groups]
    if len(set(prefixes)) < len(groups):
        prefixes = [f"{number}-" for number in range(1, len(groups) + 1)]
    subjects = [
        Subject(group[0], dataset_of(group[0]), group[1:], prefix)
        for group, prefix in zip(groups, prefixes, strict=True)
    ]
    first = subjects[0]
    created = max(run.state.created for run in runs)
    day = time.strftime("%Y-%m-%d", time.gmtime(created))
    sections: list[Section] = []
    if len(runs) > 1:
        # The smallest fraction of validation images is common to all.
        least = min(subjects, key=lambda one: one.run.recipe.validation_split)
        sections.append(comparison_chapter.section(subjects, least.dataset))
    for subject in subjects:
        chapter = run_chapter.sections(subject)
        if len(runs) > 1:
            sections.append(replace(chapter[0], title=subject.name, level=1))
            chapter = chapter[1:]
        sections += chapter
    title = (
        first.name if len(subjects) == 1 else f"{len(runs)} runs on {first.run.recipe.info.title}"
    )
    told = f"{first.run.recipe.info.title} · {day}"
    if len(runs) == 1:
        told = f"Recipe {first.run.recipe.name} · {told} · run {first.run.id}"
    recipes = {one.recipe_file: one.run.recipe.to_toml() for one in subjects}
    return Document(title, f"{told} · Digit Studio", created, sections, recipes)


def files(document: Document) -> dict[str, bytes]:
    """Every file of a report, by its name in the report's folder."""
    from digitcore.reports import pdf_file

    made = {"report.html": html_file.to_html(document), "report.pdf": pdf_file.to_pdf(document)}
    for table in document.tables:
        made[f"tables/{table.name}.csv"] = table_files.to_csv(table)
        made[f"tables/{table.name}.tex"] = table_files.to_latex(table)
    return made | {name: text.encode() for name, text in document.attachments.items()}


def to_zip(document: Document, folder: str) -> bytes:
    """All of that as one zip file, in a folder of that name."""
    buffer = io.BytesIO()
    when = time.gmtime(max(document.created, 315_532_800))[
        :6
    ]  # a zip file knows no year before 1980
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files(document).items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", when)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
