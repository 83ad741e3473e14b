"""A table as CSV, which computers read, and as LaTeX, which a paper takes."""

from __future__ import annotations

import csv
import io
import re

from digitcore.reports.document import Table

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    # A font of LaTeX's own has none of these.
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "°": r"$^\circ$",
    "·": r"$\cdot$",
    "–": "--",
    "…": r"\ldots{}",
}

_LONG_TEXT = 60  # characters of a cell that are given lines
_PAGE_ROWS = 40


def to_csv(table: Table) -> bytes:
    """The values themselves, in UTF-8: fractions from 0 to 1, a pair in two columns, None as nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for column in table.columns for name in column.names])
    for row in table.rows:
        cells: list[object] = []
        for column, value in zip(table.columns, row, strict=True):
            pair = len(column.names) > 1
            cells += (value or [None] * len(column.names)) if pair else [value]
        writer.writerow(cells)
    return text.getvalue().encode()


def to_latex(table: Table) -> bytes:
    """A table environment with the rules of the package booktabs, in UTF-8; of more rows than a page has
    room for, one of the package longtable. Long text is broken into lines."""
    cells = table.cells()
    kinds = "".join(
        "r"
        if column.number
        else "l"
        if not any(len(row[place]) > _LONG_TEXT and " " in row[place] for row in cells)
        else r"p{0.6\linewidth}"
        for place, column in enumerate(table.columns)
    )
    head = _row([column.heading for column in table.columns])
    if len(cells) > _PAGE_ROWS:
        return _long(table, kinds, head, cells)
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}[htbp]",
        r"  \centering",
        rf"  \caption{{{escaped(table.caption)}}}",
        rf"  \label{{tab:{table.name}}}",
        rf"  \begin{{tabular}}{{{kinds}}}",
        r"    \toprule",
        f"    {head}",
        r"    \midrule",
        *(f"    {_row(row)}" for row in cells),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join([*lines, ""]).encode()


def _long(table: Table, kinds: str, head: str, cells: list[list[str]]) -> bytes:
    lines = [
        r"% \usepackage{booktabs,longtable}",
        rf"\begin{{longtable}}{{{kinds}}}",
        rf"  \caption{{{escaped(table.caption)}}}\label{{tab:{table.name}}}\\",
        r"  \toprule",
        f"  {head}",
        r"  \midrule",
        r"  \endfirsthead",
        r"  \toprule",
        f"  {head}",
        r"  \midrule",
        r"  \endhead",
        r"  \bottomrule",
        r"  \endfoot",
        *(f"  {_row(row)}" for row in cells),
        r"\end{longtable}",
    ]
    return "\n".join([*lines, ""]).encode()


def escaped(text: str) -> str:
    """Text as LaTeX shows it, whatever it holds."""
    return "".join(_ESCAPED.get(character, character) for character in text)


def _row(cells: list[str]) -> str:
    line = " & ".join(escaped(re.sub(r"\s+", " ", cell)) for cell in cells)
    # After `\\`, LaTeX takes a bracket for an argument, so the first cell of a row hides one.
    return (f"{{}}{line}" if line.startswith(("[", "*")) else line) + r" \\"
