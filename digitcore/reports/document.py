"""A document as plain values: sections of text, tables, pictures and code. It knows no file format.

All text is plain: whoever writes a format escapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: what people read above it.
        names: what it is called in a file of data: one name, or one for each value of a pair.
        show: from a value to what people read.
        number: whether its cells are numbers, which are aligned to the right.
    """

    heading: str
    names: tuple[str, ...]
    show: Callable[[Any], str] = str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """Values in rows. A value of None is an empty cell.

    Attributes:
        name: of its files, without an ending: letters, digits and hyphens.
        caption: stands above it.
        columns: what the values of a row are.
        rows: as many values each as there are columns.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]

    def cells(self) -> list[list[str]]:
        """What people read in each row."""
        return [
            [
                "" if value is None else column.show(value)
                for column, value in zip(self.columns, row, strict=True)
            ]
            for row in self.rows
        ]


@dataclass(frozen=True)
class Picture:
    """A figure with its caption, which stands below it. `alt` says what it shows to who does not see it."""

    name: str
    caption: str
    alt: str
    figure: Figure

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height on paper: a little smaller than drawn, as a file of its own has larger letters."""
        width, height = self.figure.get_size_inches()
        return 0.75 * float(width), 0.75 * float(height)


@dataclass(frozen=True)
class Code:
    """Lines to copy, such as a command or a recipe."""

    text: str


Block = str | Table | Picture | Code


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it. A chapter, level 1, holds the sections of level 2 after it."""

    title: str
    blocks: Sequence[Block]
    level: int = 2


@dataclass(frozen=True)
class Document:
    """All of it.

    Attributes:
        title, subtitle: stand above it.
        created: seconds since 1970, so that the same runs give the same bytes.
        sections: in order.
        attachments: names and contents of other files that belong to it, such as a recipe.
    """

    title: str
    subtitle: str
    created: float
    sections: Sequence[Section]
    attachments: Mapping[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> list[Table]:
        return [one for each in self.sections for one in each.blocks if isinstance(one, Table)]

    def numbered(self) -> Iterator[tuple[Section, list[tuple[str, Block]]]]:
        """Each section with its blocks, tables and pictures numbered: `Table 1`, `Figure 1`, else ``."""
        counts = {"Table": 0, "Figure": 0}
        for section in self.sections:
            labelled: list[tuple[str, Block]] = []
            for block in section.blocks:
                kind = {Table: "Table", Picture: "Figure"}.get(type(block), "")
                if kind:
                    counts[kind] += 1
                labelled.append((f"{kind} {counts[kind]}" if kind else "", block))
            yield section, labelled
