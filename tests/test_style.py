"""What all figures have in common: the colours of runs, and smoothing."""

import numpy as np
import pytest

from digitcore.figures.style import BLUE, VERMILION, run_colour, smooth


def test_smoothing_is_unbiased_at_its_start_and_steps_over_what_is_not_finite() -> None:
    assert smooth(np.full(5, 3.0)) == pytest.approx([3.0] * 5)
    assert smooth(np.array([1.0, np.nan, 1.0])) == pytest.approx([1.0] * 3)
    assert smooth(np.array([1.0, np.inf, 1.0])) == pytest.approx([1.0] * 3)
    assert np.isnan(smooth(np.array([np.nan, 1.0]))).tolist() == [True, False]
    assert len(smooth(np.empty(0))) == 0


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.99])
def test_smoothing_equals_its_formula(decay: float) -> None:
    values = np.random.default_rng(1).normal(size=1000)
    mean, expected = 0.0, []
    for count, value in enumerate(values, 1):
        mean = decay * mean + (1 - decay) * value
        expected.append(mean / (1 - decay**count))
    assert smooth(values, decay) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_colours_of_runs_differ_and_are_not_those_with_a_meaning() -> None:
    styles = [run_colour(i) for i in range(20)]
    assert len(set(styles)) == 20
    assert not {BLUE, VERMILION} & {colour for colour, _ in styles}
