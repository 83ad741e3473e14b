"""A document as one HTML file, which opens from a disk and asks no network for anything."""

from __future__ import annotations

import base64

from digitcore.figures import static
from digitcore.reports import table_files
from digitcore.reports.document import Code, Document, Picture, Table


def to_html(document: Document) -> bytes:
    """The file, in UTF-8. Pictures are SVG within it; each table has itself as CSV and LaTeX to download."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("digitcore.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests |= {
        "table": lambda block: isinstance(block, Table),
        "picture": lambda block: isinstance(block, Picture),
        "code": lambda block: isinstance(block, Code),
    }
    environment.filters |= {
        "svg": lambda picture: _data("image/svg+xml", static.to_bytes(picture.figure, "svg")),
        "csv": lambda table: _data("text/csv", table_files.to_csv(table)),
        "latex": lambda table: _data("application/x-tex", table_files.to_latex(table)),
        "attached": lambda text: _data("text/plain", text.encode()),
    }
    page = environment.get_template("report.html.jinja").render(document=document)
    return page.encode()


def _data(kind: str, content: bytes) -> str:
    """A `data:` URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
