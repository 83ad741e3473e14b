"""Figures that only a report has: they show what they are given, also without colour."""

from __future__ import annotations

import numpy as np
import pytest

from digitcore.analysis import calibration
from digitcore.figures import paper
from digitcore.runs.events import Columns


def epochs(*accuracies: float) -> Columns:
    values = np.array(accuracies)
    return {"validation_accuracy": values, "validation_loss": 1 - values}


def test_a_bar_is_as_high_as_its_accuracy_and_its_gap_reaches_the_confidence() -> None:
    confidence = np.array([0.55] * 4 + [0.95] * 10)
    correct = np.array([True] * 3 + [False] + [True] * 10)
    one = calibration.reliability(confidence, correct, bins=10)
    (axes,) = paper.reliability_file({"<b>$x": one}).axes
    bars, gaps = (container.patches for container in axes.containers[:2])
    assert [bar.get_height() for bar in bars] == pytest.approx([75, 100])
    assert [(gap.get_y(), gap.get_y() + gap.get_height()) for gap in gaps] == [
        (pytest.approx(55), pytest.approx(75)),
        (pytest.approx(95), pytest.approx(100)),
    ]
    assert all(gap.get_hatch() for gap in gaps)
    assert [note.get_text() for note in axes.texts] == ["4", "10"]
    assert axes.get_title() == "<b>$x"


def test_curves_of_several_differ_in_more_than_colour_and_seeds_are_their_mean() -> None:
    runs = {"a $1$": [epochs(0.5, 0.9, 0.95), epochs(0.7, 0.8)], "_b": [epochs(0.6, 0.7, 0.8)]}
    figure = paper.curves_of_several(runs, [1, 2])
    _, accuracy = figure.axes
    first, other = accuracy.lines
    assert first.get_ydata() == pytest.approx([1 - 0.6, 1 - 0.85])
    assert list(other.get_xdata()) == [1, 2, 3]
    assert first.get_linestyle() != other.get_linestyle()
    assert first.get_color() != other.get_color()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a $1$", "_b"]
    assert not any(text.get_parse_math() for text in legend.get_texts())
