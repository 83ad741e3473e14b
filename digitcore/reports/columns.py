"""Columns that several tables have."""

from __future__ import annotations

from digitcore.analysis import written
from digitcore.reports.document import Column


def percent(heading: str, name: str = "") -> Column:
    """A fraction, 0 to 1, in percent with two decimals."""
    return Column(f"{heading} (%)", (name or heading,), lambda x: f"{100 * x:.2f}", number=True)


def interval(name: str) -> Column:
    """A 95 % interval of a fraction, in percent."""
    ends = (f"{name}_low", f"{name}_high")
    return Column("95 % interval", ends, written.interval, number=True)


def accuracy_of(split: str) -> tuple[Column, Column]:
    """An accuracy on that split, and its interval."""
    return percent(split, f"{split}_accuracy"), interval(f"{split}_accuracy")


RUN = Column("run", ("run",))
IMAGES = Column("images", ("images",), "{:,}".format, number=True)
ACCURACY = (percent("accuracy"), interval("accuracy"))
LOSS = Column("loss (nats)", ("loss",), "{:.4f}".format, number=True)
