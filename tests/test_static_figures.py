"""Figures for files: what they show, and that they become PNG, PDF and SVG."""

import itertools
import threading

import numpy as np
import pytest
from matplotlib.figure import Figure

from digitcore.figures import static
from digitcore.runs.events import EventLog

BATCHES = [{"kind": "batch", "step": s, "loss": 1 / s, "accuracy": 1 - 1 / s} for s in range(1, 21)]
VALIDATION = {"validation_loss": 0.1, "validation_accuracy": 0.97}
EPOCHS = [{"kind": "epoch", "step": 20, "epoch": 1, **VALIDATION, "best": True}]
LOG = EventLog().followed([*BATCHES, *EPOCHS])
UNSAFE = r"$\frac{$ <b>100 %</b>"


def curves() -> Figure:
    return static.curves_file(LOG, UNSAFE)


def confusion() -> Figure:
    return static.confusion_file(
        np.eye(10, dtype=int) + np.eye(10, k=1, dtype=int), normalised=True
    )


def digits() -> Figure:
    images = np.zeros((9, 28, 28), np.uint8)
    return static.images_file(images, np.full(9, 4), np.array([4] * 8 + [9]), UNSAFE)


@pytest.mark.parametrize("make", [curves, confusion, digits])
@pytest.mark.parametrize(
    ("kind", "magic"), [("png", b"\x89PNG\r\n"), ("pdf", b"%PDF-"), ("svg", b"<?xml")]
)
def test_files(make, kind: str, magic: bytes) -> None:
    assert static.to_bytes(make(), kind).startswith(magic)


def test_the_same_figure_is_the_same_file() -> None:
    assert static.to_bytes(digits(), "pdf") == static.to_bytes(digits(), "pdf")


def test_no_other_kind() -> None:
    with pytest.raises(ValueError, match="Received: gif"):
        static.to_bytes(digits(), "gif")  # type: ignore[arg-type]


def test_captions_are_blue_if_correct_and_vermilion_if_wrong() -> None:
    captions = [axes.texts[0] for axes in digits().axes if axes.images]
    assert [c.get_text() for c in captions] == ["4 → 4"] * 8 + ["4 → 9"]
    assert {c.get_color() for c in captions[:8]} == {"#0072B2"}
    assert captions[8].get_color() == "#D55E00"


def test_long_names_stand_below_each_other_within_the_width_of_their_image() -> None:
    names = ["Ankle boot", "A name of twenty-two letters"]
    shown = np.zeros((8, 28, 28), np.uint8)
    of = np.zeros(8, int), np.ones(8, int)
    figure = static.images_file(shown, *of, "", names, [0.991] * 8)
    figure.draw_without_rendering()
    captions = [axes.texts[0] for axes in figure.axes]
    assert captions[0].get_text() == "Ankle boot\n→ A name of twenty-two letters\n99 %"
    boxes = [caption.get_window_extent() for caption in captions]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_steps_are_written_as_all_numbers_are() -> None:
    late = [{**event, "step": 1000 * event["step"]} for event in (*BATCHES, *EPOCHS)]
    loss, _ = static.curves_file(EventLog().followed(late), "").axes
    loss.figure.draw_without_rendering()
    assert "10,000" in [label.get_text() for label in loss.get_xticklabels()]


def test_curves_hold_both_quantities() -> None:
    loss, accuracy = curves().axes
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    assert loss.lines[0].get_ydata() == pytest.approx([1 / s for s in range(1, 21)])
    assert accuracy.lines[2].get_ydata() == pytest.approx([0.03])
    star = loss.lines[3]
    assert (list(star.get_xdata()), star.get_ydata()) == ([20], pytest.approx([0.1]))


def test_curves_and_digits_of_nothing() -> None:
    assert static.to_bytes(static.curves_file(EventLog()), "png")
    nothing = np.empty((0, 28, 28), np.uint8), np.empty(0, int), np.empty(0, int)
    assert static.to_bytes(static.images_file(*nothing), "png")


def test_digits_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="Received: 2, 1 and 2"):
        static.images_file(np.zeros((2, 28, 28), np.uint8), np.zeros(1), np.zeros(2))


def test_several_threads_at_once() -> None:
    made: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: made.append(static.to_bytes(curves(), "png")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1


def markers(figure: Figure, shape: str) -> list[tuple[float, float]]:
    lines = [
        line for axes in figure.axes for line in axes.get_lines() if line.get_marker() == shape
    ]
    return [(float(x), float(y)) for line in lines for x, y in zip(*line.get_data(), strict=True)]


def test_a_failed_training_has_no_star_and_an_arrow_where_its_loss_leaves_the_figure() -> None:
    poor = {"validation_loss": 5000.0, "validation_accuracy": 0.1}
    epochs = [{"kind": "epoch", "step": 20, "epoch": 1, **poor, "best": True}]
    figure = static.curves_file(EventLog().followed([*BATCHES, *epochs]))
    assert markers(figure, "*") == []
    assert markers(figure, "^") == [(20, 100)]
    assert [text.get_text() for text in figure.axes[0].texts] == ["5,000"]
    assert len(markers(curves(), "*")) == 2
    assert markers(curves(), "^") == []
