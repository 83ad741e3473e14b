"""Documents that tell of runs, and the text of their formats; for tests."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import pypdf

from digitcore import datasets
from digitcore.datasets import Dataset
from digitcore.reports import report
from digitcore.reports.document import Document, Table
from digitcore.runs import Run


def here(run: Run) -> Dataset:
    return datasets.load_dataset(
        run.recipe.dataset,
        validation_split=run.recipe.validation_split,
        training_images=run.recipe.training_images,
        download=False,
    )


def told(*chosen: Run) -> Document:
    return report.document(chosen, here)


def tables(document: Document) -> dict[str, Table]:
    return {one.name: one for one in document.tables}


class Page(HTMLParser):
    """The text, tags and links of a page; `open` is empty where every tag is closed."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def pdf_text(content: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return " ".join("\n".join(page.extract_text() for page in pages).split())
