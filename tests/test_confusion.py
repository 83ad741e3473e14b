"""The confusion matrix: what its cells show, and what a click on them reports."""

import numpy as np
import pytest

from digitcore.analysis import classification
from digitcore.figures.confusion import confusion_heatmap


@pytest.fixture
def matrix() -> np.ndarray:
    matrix = np.eye(10, dtype=int) * 95
    matrix[4, 9], matrix[4, 4] = 6, 94
    matrix[7, 2] = 1
    return matrix


def test_confusion_mutes_the_diagonal(matrix: np.ndarray) -> None:
    correct, wrong, _ = confusion_heatmap(matrix, normalised=False).data
    assert np.isnan(np.diagonal(np.array(wrong.z, float))).all()
    assert np.isnan(np.array(correct.z, float)[4, 9])
    assert wrong.z[4][9] ** 2 == pytest.approx(0.06)
    assert wrong.zmax == pytest.approx(wrong.z[4][9])
    assert wrong.colorscale[-1][1].startswith("rgba(213,94,0")


def test_a_click_reports_the_true_and_the_predicted_digit(matrix: np.ndarray) -> None:
    figure = confusion_heatmap(matrix, normalised=False)
    layer = figure.data[-1]
    assert len(layer.customdata) == 100
    for x, y, (true, predicted) in zip(layer.x, layer.y, layer.customdata, strict=True):
        assert (x, y) == (predicted, true)
    assert layer.marker.opacity == 0
    assert (layer.selected.marker.opacity, layer.unselected.marker.opacity) == (0, 0)
    assert figure.layout.clickmode == "event+select"
    assert figure.layout.dragmode is False


def test_cells_show_counts_or_percentages_of_the_true_class(matrix: np.ndarray) -> None:
    def texts(normalised: bool) -> dict:
        notes = confusion_heatmap(matrix, normalised=normalised).layout.annotations
        return {(note.y, note.x): note.text for note in notes}

    assert texts(normalised=False)[4, 9] == "6"
    assert texts(normalised=True)[4, 9] == "6.0"
    assert (0, 1) not in texts(normalised=False)


def test_hover_is_a_sentence(matrix: np.ndarray) -> None:
    layer = confusion_heatmap(matrix, normalised=False).data[-1]
    hover = {tuple(cell): text for cell, text in zip(layer.customdata, layer.text, strict=True)}
    assert hover[4, 9] == "4 predicted as 9: 6 images, 6.00 % of the 4s"
    assert hover[7, 2] == "7 predicted as 2: 1 image, 1.04 % of the 7s"
    assert hover[0, 0] == "0 correct: 95 images, 100.00 % of the 0s"


@pytest.mark.parametrize(
    ("chosen", "corners"),
    [
        ((4, 9), (8.5, 9.5, 3.5, 4.5)),
        ((4, None), (-0.5, 9.5, 3.5, 4.5)),
        ((None, 9), (8.5, 9.5, -0.5, 9.5)),
    ],
)
def test_the_chosen_cells_are_framed(matrix: np.ndarray, chosen: tuple, corners: tuple) -> None:
    (frame,) = confusion_heatmap(matrix, normalised=False, chosen=chosen).layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == corners


def test_confusion_without_errors_or_images() -> None:
    for empty in (np.eye(10, dtype=int), np.zeros((10, 10), int)):
        figure = confusion_heatmap(empty, normalised=True)
        assert len(figure.data[-1].customdata) == 100
    nothing = classification.confusion(np.empty(0, int), np.empty(0, int), 10)
    assert confusion_heatmap(nothing, normalised=True).layout.annotations == ()
