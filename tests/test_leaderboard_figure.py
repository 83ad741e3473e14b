"""The leaderboard's figure: the points, the Pareto front, and what hovering says."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import leaderboard_entry as entry

from digitcore.analysis import leaderboard
from digitcore.figures.leaderboard import accuracy_over_cost
from digitcore.figures.style import run_colour


def test_the_figure_holds_entries_with_the_cost_and_the_pareto_front() -> None:
    recipe = entry("a <b>", 100, 0.98, run="")
    mine, beaten = entry("mine", 200, 0.99), entry("beaten", 300, 0.97)
    styles = {"mine": run_colour(0), "beaten": run_colour(1)}
    pareto_front, recipes, own = accuracy_over_cost(
        [recipe, mine, beaten], "parameters", styles
    ).data
    assert list(pareto_front.x) == [100, 200]
    assert list(recipes.text) == ["a &lt;b&gt;"]
    assert list(own.x) == [200, 300]
    assert list(own.y) == pytest.approx([0.01, 0.03])
    assert list(own.marker.color) == [run_colour(0)[0], run_colour(1)[0]]
    assert own.customdata[0][:2] == pytest.approx((99, 99))
    empty = accuracy_over_cost([mine], "seconds_to_99", styles)
    assert [len(trace.x) for trace in empty.data] == [0, 0, 0]


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        (entry("one training", 9, 0.9), "(90.00–100.00)"),
        (entry("five", 9, 0.9, seeds=5, test_spread=0.001, test_interval=None), "± 0.10 (n = 5)"),
    ],
)
def test_hover_names_an_entry_with_the_uncertainty_of_its_test_accuracy(one, shown: str) -> None:
    styles = {one.run: run_colour(0)}
    points = accuracy_over_cost([one], "parameters", styles).data[2]
    assert points.text[0] == one.name
    assert points.customdata[0][3] == shown
    assert "%{text}" in points.hovertemplate
    assert "%{customdata[3]}" in points.hovertemplate


def test_every_marker_lies_within_the_axes() -> None:
    for entries in (leaderboard.recipes(), leaderboard.recipes()[:1]):
        layout = accuracy_over_cost(entries, "parameters", {}).layout
        costs = np.log10([one.parameters for one in entries])
        errors = np.log10([1 - one.validation_accuracy for one in entries])
        low, high = layout.xaxis.range
        bottom, top = layout.yaxis.range
        assert low < costs.min() - 0.04 < costs.max() + 0.04 < high
        assert top < errors.min() <= errors.max() < bottom
