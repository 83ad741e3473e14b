"""What was read in a picture as a table: a row for each line, columns where numbers line up."""

from __future__ import annotations

from typing import NamedTuple

from digitcore.drawing.reading import Reading
from digitcore.drawing.sequence import Number

_APART = 1.0  # free width between two numbers on a line, in units of their digits' height


class _Cell(NamedTuple):
    left: float
    right: float
    text: str


def table(reading: Reading) -> list[list[str]]:
    """The numbers of each line, from top to bottom; all rows have the same length.

    Digits far apart on a line are numbers of their own. Those that lie above one another are in
    the same column, with "" where a line has none. Where they do not line up, each line is one cell.
    """
    rows = [_cells(line) for line in reading.lines]
    columns: list[tuple[float, float]] = []
    for cell in sorted((cell for row in rows for cell in row), key=lambda cell: cell.left):
        if columns and cell.left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], cell.right))
        else:
            columns.append((cell.left, cell.right))
    filled: list[list[str]] = []
    for row in rows:
        at = [next(n for n, (_, end) in enumerate(columns) if c.left < end) for c in row]
        if len(set(at)) < len(at):
            return [[" ".join(cell.text for cell in cells)] for cells in rows]
        texts = dict(zip(at, (cell.text for cell in row), strict=True))
        filled.append([texts.get(column, "") for column in range(len(columns))])
    return filled


def _cells(line: Number) -> list[_Cell]:
    heights = sorted(digit.box[3] - digit.box[1] for digit in line.digits)
    height = heights[len(heights) // 2]
    cells: list[_Cell] = []
    for digit in line.digits:
        left, _, right, _ = digit.box
        if cells and left - cells[-1].right <= _APART * height:
            last = cells.pop()
            cells.append(_Cell(last.left, max(last.right, right), last.text + str(digit.value)))
        else:
            cells.append(_Cell(left, right, str(digit.value)))
    return cells
