"""Learning curves: the data given, on axes that stay, with no more points than a browser can bear."""

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from digitcore.figures.curves import MAX_POINTS, compare_curves, learning_curves
from digitcore.figures.style import OKABE_ITO, run_colour, smooth
from digitcore.runs.events import EventLog


def batch(step: int, loss: float = 0.5, accuracy: float = 0.9) -> dict:
    return {"kind": "batch", "step": step, "epoch": 1, "loss": loss, "accuracy": accuracy}


def epoch(number: int, accuracy: float, best: bool = False) -> dict:
    return {
        "kind": "epoch",
        "step": 100 * number,
        "epoch": number,
        "validation_loss": 1 - accuracy,
        "validation_accuracy": accuracy,
        "best": best,
    }


BATCHES = [batch(step, loss=2.0 / step) for step in range(1, 251)]
EPOCHS = [epoch(1, 0.97, True), epoch(2, 0.99, True), epoch(3, 0.985)]


def log(*events: dict, steps: int | None = None) -> EventLog:
    start = [] if steps is None else [{"kind": "start", "step": 0, "steps": steps}]
    return EventLog().followed([*start, *events])


def traces(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.name: trace for trace in figure.data if trace.name}


def test_steps_are_written_as_all_numbers_are() -> None:
    assert learning_curves(log(*BATCHES, steps=4000), "loss").layout.xaxis.tickformat == ",d"
    before_the_first = learning_curves(log(), "loss").layout.xaxis
    assert (before_the_first.dtick, tuple(before_the_first.range)) == (1, (0, 1))


def test_curves_hold_the_events() -> None:
    figure = learning_curves(log(*BATCHES, *EPOCHS, steps=350), "loss")
    raw, training, validation, best = figure.data
    assert list(raw.x) == [event["step"] for event in BATCHES]
    assert list(raw.y) == [event["loss"] for event in BATCHES]
    assert list(training.y) == pytest.approx(smooth(np.array(raw.y)).tolist())
    assert list(validation.x) == [100, 200, 300]
    assert list(validation.customdata) == pytest.approx([0.03, 0.01, 0.015])
    assert (list(best.x), list(best.text)) == ([200], ["best: epoch 2"])
    assert list(figure.layout.xaxis.range) == [0, 350]


def test_accuracies_are_drawn_at_their_errors() -> None:
    figure = learning_curves(log(*EPOCHS), "accuracy")
    validation = traces(figure)["validation"]
    assert list(validation.y) == pytest.approx([0.03, 0.01, 0.015])
    assert list(validation.customdata) == pytest.approx([97, 99, 98.5])
    bottom, top = figure.layout.yaxis.range
    assert bottom == 0.0
    assert top < math.log10(0.001)
    assert dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))[
        0.01
    ] == ("99 %")


@pytest.mark.parametrize("loss", [0.02, 3e-3, 2e-4, 3e-5, 1e-6])
def test_the_least_loss_is_on_the_axis_and_beside_a_number(loss: float) -> None:
    axis = learning_curves(log(batch(1, loss=loss)), "loss").layout.yaxis
    assert 10 ** min(axis.range) <= loss * 1.0001
    assert any(10 ** min(axis.range) <= tick <= loss * 1.0001 for tick in axis.tickvals)


def test_a_perfect_batch_is_on_the_axis() -> None:
    figure = learning_curves(log(batch(1, accuracy=1.0)), "accuracy")
    assert math.log10(figure.data[0].y[0]) > figure.layout.yaxis.range[1]


def test_axes_stay_while_events_arrive() -> None:
    early = learning_curves(log(*BATCHES[:20], steps=500), "loss")
    late = learning_curves(log(*BATCHES[:150], *EPOCHS, steps=500), "loss")
    assert early.layout.xaxis.range == late.layout.xaxis.range
    assert early.layout.yaxis.range == late.layout.yaxis.range
    assert early.layout.height == late.layout.height == 230
    assert early.layout.uirevision == late.layout.uirevision
    assert [trace.name for trace in early.data] == [trace.name for trace in late.data]


def test_points_are_bounded_and_extremes_stay_visible() -> None:
    losses = np.random.default_rng(0).uniform(0.5, 0.6, 5000)
    losses[[1234, 4321]] = 0.1, 2.5
    many = [batch(step, loss) for step, loss in enumerate(losses.tolist(), 1)]
    figure = learning_curves(log(*many), "loss")
    raw, training, *_ = figure.data
    assert MAX_POINTS / 2 < len(raw.x) <= MAX_POINTS
    assert list(raw.x) == list(training.x) == sorted(set(raw.x))
    assert raw.x[-1] == 5000
    indices = np.array(raw.x, int) - 1
    assert list(raw.y) == losses[indices].tolist()
    assert list(training.y) == smooth(losses)[indices].tolist()
    assert {1234, 4321} <= set(indices)


def test_earlier_points_stay_while_more_arrive() -> None:
    many = [batch(step, loss=1 + math.sin(step) / 2) for step in range(1, 3001)]
    early, late = (
        set(learning_curves(log(*many[:end], steps=3000), "loss").data[0].x) for end in (2000, 3000)
    )
    assert {x for x in late if x <= 1980} == {x for x in early if x <= 1980}


def test_curves_of_nothing_and_of_a_training_that_diverged() -> None:
    assert list(learning_curves(log(), "loss").data[0].x) == []
    diverged = [batch(1), batch(2, loss=math.nan), batch(3, loss=1e9)]
    figure = learning_curves(log(*diverged), "loss")
    assert np.isfinite(figure.layout.yaxis.range).all()
    assert np.isnan(figure.data[0].y[1]), "the raw line has its gap"
    assert np.isfinite(figure.data[1].y).all()


def test_comparison_keeps_colours_and_escapes_tags() -> None:
    runs = {"first": [log(*EPOCHS).epochs], '<b>the "2nd"</b>': [log(*EPOCHS[:1]).epochs]}
    styles = {name: run_colour(i) for i, name in enumerate(runs)}
    figure = compare_curves(runs, styles, "accuracy")
    assert [trace.line.color for trace in figure.data] == list(OKABE_ITO[:2])
    assert figure.data[1].name == '&lt;b&gt;the "2nd"&lt;/b&gt;'
    assert list(figure.data[0].x) == [1, 2, 3]
    assert list(figure.layout.xaxis.tickvals) == [1, 2, 3]


def test_seeds_are_one_line_with_a_band_of_their_spread() -> None:
    seeds = [
        log(*(epoch(n + 1, accuracy) for n, accuracy in enumerate(row))).epochs
        for row in ([0.90, 0.95, 0.96], [0.92, 0.97], [0.94, 0.98])
    ]
    figure = compare_curves({"seeds": seeds}, {"seeds": ("#E69F00", "circle")}, "accuracy")
    band, line = figure.data
    assert list(line.x) == [1, 2], "as far as all of them trained"
    assert list(line.customdata) == pytest.approx([92, 100 * (0.95 + 0.97 + 0.98) / 3])
    high = 1 - np.array(band.y[:2])
    assert high == pytest.approx([0.94, 2.9 / 3 + np.std([0.95, 0.97, 0.98], ddof=1)])
    assert (list(band.x), band.fillcolor) == ([1, 2, 2, 1], "rgba(230, 159, 0, 0.35)")
    assert not band.showlegend


def arrows(figure: go.Figure) -> list[tuple[list[float], list[float]]]:
    """Where arrows stand, and the values that they tell of."""
    found = [trace for trace in figure.data if trace.marker.symbol == "triangle-up"]
    return [(list(trace.x), list(trace.customdata)) for trace in found]


def test_a_line_that_leaves_the_figure_has_an_arrow_with_its_value() -> None:
    losses = [2.0, 500.0, 9000.0, 2.0, 700.0]
    far = [{**epoch(n, 0.5), "validation_loss": loss} for n, loss in enumerate(losses, start=1)]
    figure = learning_curves(log(*far), "loss")
    assert arrows(figure) == [([300, 500], [9000.0, 700.0])]
    top = 10 ** figure.layout.yaxis.range[1]
    assert [t.y[0] for t in figure.data if t.marker.symbol == "triangle-up"] == [top]
    assert arrows(learning_curves(log(*far), "accuracy")) == []
    assert arrows(learning_curves(log(*BATCHES, *EPOCHS), "loss")) == []
    runs = {"far": [log(*far).epochs], "near": [log(*EPOCHS).epochs]}
    compared = compare_curves(runs, {name: run_colour(0) for name in runs}, "loss")
    assert arrows(compared) == [([3, 5], [9000.0, 700.0])]


def test_an_epoch_that_is_hardly_better_than_guessing_is_no_star() -> None:
    def stars(accuracy: float, classes: int) -> int:
        figure = learning_curves(log(epoch(1, accuracy, True)), "accuracy", classes)
        return sum(trace.marker.symbol == "star" for trace in figure.data)

    assert (stars(0.113, 10), stars(0.3, 10)) == (0, 1)
    assert (stars(0.113, 47), stars(0.03, 47)) == (1, 0)
