"""What figures hold: the data given, on axes that stay, and no more than a browser can bear."""

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from digitcore.analysis import classification
from digitcore.figures import interactive
from digitcore.figures.style import smooth
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


def test_curves_hold_the_events() -> None:
    figure = interactive.learning_curves(log(*BATCHES, *EPOCHS, steps=350), "loss")
    raw, training, validation, best = figure.data
    assert list(raw.x) == [event["step"] for event in BATCHES]
    assert list(raw.y) == [event["loss"] for event in BATCHES]
    assert list(training.y) == pytest.approx(smooth(np.array(raw.y)).tolist())
    assert list(validation.x) == [100, 200, 300]
    assert list(validation.customdata) == pytest.approx([0.03, 0.01, 0.015])
    assert (list(best.x), list(best.text)) == ([200], ["best: epoch 2"])
    assert list(figure.layout.xaxis.range) == [0, 350]


def test_accuracies_stand_at_their_errors() -> None:
    figure = interactive.learning_curves(log(*EPOCHS), "accuracy")
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
    axis = interactive.learning_curves(log(batch(1, loss=loss)), "loss").layout.yaxis
    assert 10 ** min(axis.range) <= loss * 1.0001
    assert any(10 ** min(axis.range) <= tick <= loss * 1.0001 for tick in axis.tickvals)


def test_a_perfect_batch_is_on_the_axis() -> None:
    figure = interactive.learning_curves(log(batch(1, accuracy=1.0)), "accuracy")
    assert math.log10(figure.data[0].y[0]) > figure.layout.yaxis.range[1]


def test_axes_stay_while_events_come() -> None:
    early = interactive.learning_curves(log(*BATCHES[:20], steps=500), "loss")
    late = interactive.learning_curves(log(*BATCHES[:150], *EPOCHS, steps=500), "loss")
    assert early.layout.xaxis.range == late.layout.xaxis.range
    assert early.layout.yaxis.range == late.layout.yaxis.range
    assert early.layout.height == late.layout.height == 280
    assert early.layout.uirevision == late.layout.uirevision
    assert [trace.name for trace in early.data] == [trace.name for trace in late.data]


def test_points_are_bounded_and_none_stands_out_unseen() -> None:
    losses = np.random.default_rng(0).uniform(0.5, 0.6, 5000)
    losses[[1234, 4321]] = 0.1, 2.5
    many = [batch(step, loss) for step, loss in enumerate(losses.tolist(), 1)]
    figure = interactive.learning_curves(log(*many), "loss")
    raw, training, *_ = figure.data
    assert interactive.MAX_POINTS / 2 < len(raw.x) <= interactive.MAX_POINTS
    assert list(raw.x) == list(training.x) == sorted(set(raw.x))
    assert raw.x[-1] == 5000
    places = np.array(raw.x, int) - 1
    assert list(raw.y) == losses[places].tolist()
    assert list(training.y) == smooth(losses)[places].tolist()
    assert {1234, 4321} <= set(places)


def test_what_is_drawn_stays_while_points_come() -> None:
    many = [batch(step, loss=1 + math.sin(step) / 2) for step in range(1, 3001)]
    early, late = (
        set(interactive.learning_curves(log(*many[:end], steps=3000), "loss").data[0].x)
        for end in (2000, 3000)
    )
    assert {x for x in late if x <= 1980} == {x for x in early if x <= 1980}


def test_curves_of_nothing_and_of_a_training_that_went_astray() -> None:
    assert list(interactive.learning_curves(log(), "loss").data[0].x) == []
    astray = [batch(1), batch(2, loss=math.nan), batch(3, loss=1e9)]
    figure = interactive.learning_curves(log(*astray), "loss")
    assert np.isfinite(figure.layout.yaxis.range).all()
    assert np.isnan(figure.data[0].y[1]), "the raw line has its gap"
    assert np.isfinite(figure.data[1].y).all()


def test_smoothing_is_unbiased_at_its_start_and_steps_over_gaps() -> None:
    assert smooth(np.full(5, 3.0)) == pytest.approx([3.0] * 5)
    assert smooth(np.array([1.0, np.nan, 1.0])) == pytest.approx([1.0] * 3)
    assert np.isnan(smooth(np.array([np.nan, 1.0]))).tolist() == [True, False]
    assert len(smooth(np.empty(0))) == 0


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.99])
def test_smoothing_is_the_moving_average_of_its_formula(decay: float) -> None:
    values = np.random.default_rng(1).normal(size=1000)
    mean, expected = 0.0, []
    for count, value in enumerate(values, 1):
        mean = decay * mean + (1 - decay) * value
        expected.append(mean / (1 - decay**count))
    assert smooth(values, decay) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_comparison_keeps_colours_and_reads_no_tags() -> None:
    runs = {"first": log(*EPOCHS).epochs, "<b>second</b>": log(*EPOCHS[:1]).epochs}
    styles = {name: interactive.run_colour(i) for i, name in enumerate(runs)}
    figure = interactive.compare_curves(runs, styles, "accuracy")
    assert [trace.line.color for trace in figure.data] == list(interactive.OKABE_ITO[:2])
    assert figure.data[1].name == "&lt;b&gt;second&lt;/b&gt;"
    assert list(figure.data[0].x) == [1, 2, 3]
    assert list(figure.layout.xaxis.tickvals) == [1, 2, 3]


def test_colours_of_runs_differ_and_are_not_those_with_a_meaning() -> None:
    styles = [interactive.run_colour(i) for i in range(20)]
    assert len(set(styles)) == 20
    assert not {interactive.BLUE, interactive.VERMILION} & {colour for colour, _ in styles}


@pytest.fixture
def matrix() -> np.ndarray:
    matrix = np.eye(10, dtype=int) * 95
    matrix[4, 9], matrix[4, 4] = 6, 94
    matrix[7, 2] = 1
    return matrix


def test_confusion_mutes_the_diagonal(matrix: np.ndarray) -> None:
    right, wrong, _ = interactive.confusion_heatmap(matrix, rows=False).data
    assert np.isnan(np.diagonal(np.array(wrong.z, float))).all()
    assert np.isnan(np.array(right.z, float)[4, 9])
    assert wrong.z[4][9] ** 2 == pytest.approx(0.06)
    assert wrong.zmax == pytest.approx(wrong.z[4][9])
    assert wrong.colorscale[-1][1].startswith("rgba(213,94,0")


def test_a_click_tells_true_digit_and_digit_read(matrix: np.ndarray) -> None:
    figure = interactive.confusion_heatmap(matrix, rows=False)
    layer = figure.data[-1]
    assert len(layer.customdata) == 100
    for x, y, (true, read) in zip(layer.x, layer.y, layer.customdata, strict=True):
        assert (x, y) == (read, true)
    assert layer.marker.opacity == 0
    assert (layer.selected.marker.opacity, layer.unselected.marker.opacity) == (0, 0)
    assert figure.layout.clickmode == "event+select"
    assert figure.layout.dragmode is False


def test_cells_tell_counts_or_shares(matrix: np.ndarray) -> None:
    def texts(rows: bool) -> dict:
        notes = interactive.confusion_heatmap(matrix, rows=rows).layout.annotations
        return {(note.y, note.x): note.text for note in notes}

    assert texts(rows=False)[4, 9] == "6"
    assert texts(rows=True)[4, 9] == "6.0"
    assert (0, 1) not in texts(rows=False)


def test_hover_is_a_sentence(matrix: np.ndarray) -> None:
    layer = interactive.confusion_heatmap(matrix, rows=False).data[-1]
    hover = {tuple(cell): text for cell, text in zip(layer.customdata, layer.text, strict=True)}
    assert hover[4, 9] == "4 read as 9: 6 digits, 6.00 % of the 4s"
    assert hover[7, 2] == "7 read as 2: 1 digit, 1.04 % of the 7s"
    assert hover[0, 0] == "0 read right: 95 digits, 100.00 % of the 0s"


@pytest.mark.parametrize(
    ("chosen", "corners"),
    [
        ((4, 9), (8.5, 9.5, 3.5, 4.5)),
        ((4, None), (-0.5, 9.5, 3.5, 4.5)),
        ((None, 9), (8.5, 9.5, -0.5, 9.5)),
    ],
)
def test_the_chosen_cells_are_framed(matrix: np.ndarray, chosen: tuple, corners: tuple) -> None:
    (frame,) = interactive.confusion_heatmap(matrix, rows=False, chosen=chosen).layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == corners


def test_confusion_without_errors_or_images() -> None:
    for empty in (np.eye(10, dtype=int), np.zeros((10, 10), int)):
        figure = interactive.confusion_heatmap(empty, rows=True)
        assert len(figure.data[-1].customdata) == 100
    nothing = classification.confusion(np.empty(0, int), np.empty(0, int))
    assert interactive.confusion_heatmap(nothing, rows=True).layout.annotations == ()
