"""The reliability diagram and the risk–coverage curve: what they draw, and what hovering says."""

from __future__ import annotations

import numpy as np
import pytest

from digitcore.analysis import calibration, rejection
from digitcore.figures.calibration import (
    MAX_POINTS,
    reliability_diagram,
    risk_coverage_figure,
)


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    confidence = random.uniform(0.2, 1, 5000)
    return confidence, random.random(5000) < confidence**2


def test_bars_end_at_the_accuracy_and_the_gap_reaches_to_the_confidence(answers: tuple) -> None:
    found = calibration.reliability(*answers, bins=10)
    bars, gaps, ends = reliability_diagram(found).data
    some = found.counts > 0
    assert list(bars.x) == pytest.approx(list(range(25, 100, 10)))
    assert list(bars.y) == pytest.approx(100 * found.accuracy[some])
    base, top = np.array(gaps.base), np.array(gaps.base) + np.array(gaps.y)
    both = np.sort([found.accuracy[some], found.confidence[some]], axis=0)
    assert base == pytest.approx(100 * both[0])
    assert top == pytest.approx(100 * both[1])
    assert np.array(ends.y) + ends.error_y.array == pytest.approx(100 * found.high[some])
    assert np.array(ends.y) - ends.error_y.arrayminus == pytest.approx(100 * found.low[some])


def test_each_bar_has_its_count_and_hover_is_a_sentence() -> None:
    confidence = np.array([0.95] * 2 + [0.35])
    figure = reliability_diagram(
        calibration.reliability(confidence, np.array([True, False, True]), bins=10)
    )
    assert [note.text for note in figure.layout.annotations] == ["1", "2"]
    assert [note.x for note in figure.layout.annotations] == pytest.approx([35, 95])
    assert figure.data[0].text[1] == (
        "2 images, 90–100 % sure<br>says 95.0 % in the mean<br>right in 50.0 % (9.5–90.5)"
    )
    assert figure.data[0].text[0].startswith("1 image, 30–40 % sure")


def test_the_diagonal_runs_from_corner_to_corner(answers: tuple) -> None:
    figure = reliability_diagram(calibration.reliability(*answers))
    (line,) = figure.layout.shapes
    assert (line.x0, line.y0, line.x1, line.y1) == (0, 0, 100, 100)
    assert (figure.layout.xaxis.range, figure.layout.yaxis.range) == ((0, 100), (0, 100))


@pytest.mark.parametrize("count", [1, 7, 5000])
def test_the_curve_ends_where_nothing_is_rejected_and_the_dot_lies_on_it(
    answers: tuple, count: int
) -> None:
    curve = rejection.risk_coverage(answers[0][:count], answers[1][:count])
    chosen = curve.rejecting(0.3)
    figure = risk_coverage_figure(curve, chosen)
    line, dot = figure.data
    assert len(line.x) <= MAX_POINTS
    assert line.x[-1] == 100
    assert line.x[0] >= 50 or count == 1
    assert line.y[-1] == pytest.approx(100 * curve.risk[-1])
    (dashed,) = figure.layout.shapes
    assert dashed.y0 == dashed.y1 == line.y[-1]
    assert (dot.x[0], dot.y[0]) == pytest.approx((100 * chosen.coverage, 100 * chosen.error))
    assert np.interp(dot.x[0], line.x, line.y) == pytest.approx(dot.y[0], abs=0.2)
    assert max(line.y) < figure.layout.yaxis.range[1]


def test_figures_of_no_errors_and_of_errors_alone() -> None:
    for correct in (True, False):
        confidence, all_of_them = np.full(20, 0.9), np.full(20, correct)
        curve = rejection.risk_coverage(confidence, all_of_them)
        top = risk_coverage_figure(curve, curve.rejecting(0.1)).layout.yaxis.range[1]
        assert top > 100 * (not correct)
        found = calibration.reliability(confidence, all_of_them)
        assert reliability_diagram(found).data[0].y == (100.0 * correct,)
