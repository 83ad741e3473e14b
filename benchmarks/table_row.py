"""A line of a benchmark's table: what was measured, how often, and what was aimed at."""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: the values that were measured, and what was aimed at."""

    what: str
    unit: str
    values: list[float]
    target: str = ""

    def line(self) -> str:
        if not self.values:
            return f"| {self.what} | not measured | | | {self.target} | 0 |"
        digits = 3 if self.unit == "×" else 0 if max(self.values) >= 100 else 1

        def text(value: float) -> str:
            return f"{value:,.{digits}f} {self.unit}"

        high = low = ""
        if len(self.values) > 1:
            low = f"{min(self.values):,.{digits}f}–{text(max(self.values))}"
        if len(self.values) >= 20:
            high = text(percentile(self.values, 0.95))
        middle = text(statistics.median(self.values))
        return f"| {self.what} | {middle} | {high} | {low} | {self.target} | {len(self.values)} |"


def percentile(values: list[float], fraction: float) -> float:
    return sorted(values)[max(0, round(fraction * len(values)) - 1)]
