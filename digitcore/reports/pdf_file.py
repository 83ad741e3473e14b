"""A document as PDF, with text to select, tables that break over pages, and an outline."""

from __future__ import annotations

import datetime
import io
import logging
from pathlib import Path

import fpdf
import matplotlib
from fpdf.fonts import FontFace

from digitcore.figures import static
from digitcore.reports.document import Block, Code, Document, Picture, Section, Table

_FONT, _MONO, _OTHERS = "stix", "mono", "dejavu"
# Matplotlib brings them: a serif as papers have it, and one for what that lacks.
_FILES = {
    (_FONT, ""): "STIXGeneral",
    (_FONT, "B"): "STIXGeneralBol",
    (_MONO, ""): "DejaVuSansMono",
    (_OTHERS, ""): "DejaVuSans",
    (_OTHERS, "B"): "DejaVuSans-Bold",
}
_MARGIN, _BODY, _SMALL, _CODE = 22.0, 10.5, 9.5, 7.5
_LINE = 0.47  # millimetres a line takes for each point of its font: 1.33 of its size
_PAD = 3.0  # to the right of a cell
_RULES = (0.35, 0.18)  # above and below a table, and below its headings: booktabs' own
_GREY = 90


class _Pages(fpdf.FPDF):
    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(_FONT, size=8.5)
        self.set_text_color(_GREY)
        self.cell(0, 4, f"{self.page_no()}", align="C")
        self.set_text_color(0)


def to_pdf(document: Document) -> bytes:
    """The file. Equal documents give equal bytes."""
    # They warn of letters that no font has, where a box is drawn.
    for name in ("fpdf", "fontTools"):
        logging.getLogger(name).setLevel(logging.ERROR)
    pages = _Pages(format="A4")
    pages.set_margins(_MARGIN, 20)
    pages.set_auto_page_break(True, 20)
    pages.c_margin = 0  # so that text and rules begin at the same edge
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for (family, style), file in _FILES.items():
        pages.add_font(family, style, fonts / f"{file}.ttf")
    pages.set_fallback_fonts([_OTHERS], exact_match=False)
    pages.set_title(document.title)
    pages.set_creator("Digit Studio")
    pages.set_lang("en")
    pages.set_creation_date(datetime.datetime.fromtimestamp(document.created, datetime.UTC))
    pages.add_page()
    _text(pages, document.title, 20, bold=True)
    pages.ln(1)
    pages.set_text_color(_GREY)
    _text(pages, document.subtitle, _BODY)
    pages.set_text_color(0)
    for section, blocks in document.numbered():
        first = _height(pages, blocks[0][1]) if blocks else 0.0
        _heading(pages, section, document.sections[0].level == 1, first)
        for label, block in blocks:
            _block(pages, label, block)
    return bytes(pages.output())


def _heading(pages: _Pages, section: Section, chapters: bool, first: float) -> None:
    """The section's heading, on one page with its first block, which is that high."""
    chapter = section.level == 1
    if (chapter and pages.page_no() > 1) or pages.will_page_break(16 + first):
        pages.add_page()
    else:
        pages.ln(6)
    title = section.title
    pages.start_section(title, level=1 if chapters and not chapter else 0, strict=False)
    _text(pages, title, 16 if chapter else 13, bold=True)
    pages.ln(1.5)


def _height(pages: _Pages, block: Block) -> float:
    """Millimetres that must be left on a page for a block to begin there."""
    if isinstance(block, Picture):
        return _size(pages, block)[1] + 14
    if isinstance(block, Table):
        row = _SMALL * _LINE + 0.6
        whole = (len(block.rows) + 4) * row
        # A short table is not cut; a long one has two rows at least below its headings.
        return whole if whole < 90 else 6 * row
    return 3 * _BODY * _LINE


def _block(pages: _Pages, label: str, block: Block) -> None:
    if isinstance(block, Table):
        _table(pages, label, block)
    elif isinstance(block, Picture):
        _picture(pages, label, block)
    elif isinstance(block, Code):
        pages.ln(1)
        pages.set_font(_MONO, size=_CODE)
        pages.set_fill_color(244)
        height = _CODE * _LINE
        pages.multi_cell(0, height, block.text, fill=True, align="L", new_x="LMARGIN", padding=2)
        pages.ln(2)
    else:
        _text(pages, block, _BODY)
        pages.ln(1.5)


def _text(pages: _Pages, text: str, size: float, *, bold: bool = False) -> None:
    pages.set_font(_FONT, "B" if bold else "", size)
    pages.multi_cell(0, size * _LINE, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _caption(pages: _Pages, label: str, caption: str) -> None:
    pages.set_font(_FONT, "B", _SMALL)
    pages.write(_SMALL * _LINE, f"{label}. ")
    pages.set_font(_FONT, "", _SMALL)
    pages.write(_SMALL * _LINE, caption)
    pages.ln(_SMALL * _LINE)


def _picture(pages: _Pages, label: str, picture: Picture) -> None:
    width, height = _size(pages, picture)
    pages.ln(2)
    if pages.will_page_break(_height(pages, picture)):
        pages.add_page()
    pages.image(
        io.BytesIO(static.to_bytes(picture.figure, "png")),
        x=pages.l_margin + (pages.epw - width) / 2,
        w=width,
        h=height,
        alt_text=picture.alt,
    )
    pages.ln(2)
    _caption(pages, label, picture.caption)
    pages.ln(3)


def _size(pages: _Pages, picture: Picture) -> tuple[float, float]:
    """Width and height in millimetres."""
    width = min(pages.epw, 25.4 * picture.inches[0])
    return width, width * picture.inches[1] / picture.inches[0]


def _table(pages: _Pages, label: str, table: Table) -> None:
    cells = table.cells()
    pages.ln(2)
    if pages.will_page_break(_height(pages, table)):
        pages.add_page()
    _caption(pages, label, table.caption)
    pages.ln(1)
    pages.set_font(_FONT, "", _SMALL)
    widths = _widths(pages, [[column.heading for column in table.columns], *cells])
    _rule(pages, sum(widths))
    pages.ln(0.5)
    pages.set_line_width(_RULES[1])
    with pages.table(
        width=min(sum(widths), pages.epw),  # a sum may be a rounding error wider
        col_widths=tuple(widths),
        align="LEFT",
        text_align=tuple("RIGHT" if column.number else "LEFT" for column in table.columns),
        borders_layout="SINGLE_TOP_LINE",
        headings_style=FontFace(emphasis="BOLD"),
        line_height=_SMALL * _LINE,
        padding=(0.3, _PAD, 0.3, 0),
    ) as drawn:
        drawn.row([column.heading for column in table.columns])
        for row in cells:
            drawn.row(row)
    pages.ln(0.5)
    _rule(pages, sum(widths))
    pages.ln(4)


def _rule(pages: _Pages, width: float) -> None:
    pages.set_line_width(_RULES[0])
    pages.line(pages.l_margin, pages.get_y(), pages.l_margin + width, pages.get_y())


def _widths(pages: _Pages, rows: list[list[str]]) -> list[float]:
    """Millimetres of each column: as wide as its longest cell. Where all of that does not fit the page, a
    column is narrowed by as much of what it can do without, which is all but its longest word, as the others."""
    pages.set_font(_FONT, "B", _SMALL)
    columns = list(zip(*rows, strict=True))
    most = [max(map(pages.get_string_width, column)) for column in columns]
    widths = [
        max(pages.get_string_width(word) for cell in column for word in (cell.split() or [""]))
        for column in columns
    ]
    pages.set_font(_FONT, "", _SMALL)
    gap = _PAD + 1
    room = pages.epw - gap * len(widths)
    if spare := sum(most) - sum(widths):
        given = min(1.0, max(0.0, (room - sum(widths)) / spare))
        widths = [low + given * (high - low) for low, high in zip(widths, most, strict=True)]
    # The widest give first, as words can be broken where numbers cannot.
    while sum(widths) > room:
        widest = max(widths)
        cut = max((one for one in widths if one < widest), default=0.0)
        many = widths.count(widest)
        new = max(cut, widest - (sum(widths) - room) / many)
        widths = [new if one == widest else one for one in widths]
    return [one + gap for one in widths]
