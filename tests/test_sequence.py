"""Numbers of several digits: segmented, recognised, and refused if they are no drawing."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from digitcore import drawing
from digitcore.drawing import DrawingError, Predict, sequence, synthetic
from digitcore.drawing.sequence import read

Strokes = list[np.ndarray]


def blurred(images: np.ndarray) -> np.ndarray:
    """The images at a quarter of their size, each of length 1."""
    small = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)
    return small / np.linalg.norm(small, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def predict() -> Predict:
    """Nearest synthetic samples in place of a network; not sure of what is no digit."""
    images, labels, is_outlier = synthetic.images(4000, 500, seed=3)
    known = blurred(images)
    shown = np.full((len(labels), 10), 0.1)
    shown[~is_outlier] = np.eye(10)[labels[~is_outlier]]

    def by_similarity(images: np.ndarray) -> np.ndarray:
        near = np.exp(60 * (blurred(images) @ known.T))
        table: np.ndarray = (near @ shown / near.sum(axis=1, keepdims=True)).astype(np.float32)
        return table

    return by_similarity


def always(digit: int, sure: float = 0.9) -> Predict:
    """Predicts the same for every image."""
    row = np.full(10, (1 - sure) / 9, np.float32)
    row[digit] = sure
    return lambda images: np.tile(row, (len(images), 1))


def line(*points: tuple[float, float], steps: int = 12) -> np.ndarray:
    """Straight lines from point to point, with the many points of a slow pen."""
    at = np.linspace(0, len(points) - 1, steps * (len(points) - 1) + 1)
    x, y = np.array(points, float).T
    known = np.arange(len(points))
    return np.column_stack([np.interp(at, known, x), np.interp(at, known, y)])


def oval(x: float, y: float = 50, width: float = 50, height: float = 100) -> np.ndarray:
    turn = np.linspace(-np.pi / 2, 3 * np.pi / 2, 60)
    return np.column_stack([x + width / 2 * np.cos(turn), y + height / 2 * np.sin(turn)])


def one(x: float) -> np.ndarray:
    return line((x, 0), (x, 100))


def seven(x: float) -> Strokes:
    return [line((x, 0), (x + 55, 0), (x + 15, 100)), line((x + 10, 50), (x + 52, 50))]


def placed(strokes: Strokes, x: float) -> Strokes:
    """The strokes 100 high, beginning at x."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    return [(stroke - low) * 100 / (high - low)[1] + [x, 0] for stroke in strokes]


# --- where the digits are ----------------------------------------------------


def test_digits_side_by_side_are_recognised_with_their_strokes_and_boxes(predict: Predict) -> None:
    number = read([*seven(0), oval(110), one(170)], predict)
    assert number.text == "701"
    assert [digit.strokes for digit in number.digits] == [(0, 1), (2,), (3,)]
    assert number.digits[0].box == pytest.approx((0, 0, 55, 100))
    assert number.digits[1].box == pytest.approx((85, 0, 135, 100), abs=1)
    assert number.digits[2].value == 1
    assert 0.5 < number.confidence <= np.prod([digit.confidence for digit in number.digits])


def test_most_synthetic_numbers_are_entirely_correct(predict: Predict) -> None:
    random = np.random.default_rng(1)
    correct = 0
    for _ in range(30):
        shown = random.integers(10, size=random.integers(2, 7))
        strokes: Strokes = []
        for digit in shown:
            end = max((stroke[:, 0].max() for stroke in strokes), default=0)
            strokes += placed(synthetic.write(int(digit), random), end + random.uniform(5, 30))
        correct += read(strokes, predict).text == "".join(map(str, shown))
    assert correct >= 22


def test_a_bar_that_is_drawn_late_goes_to_its_digit(predict: Predict) -> None:
    stem, bar = seven(0)
    number = read([stem, oval(110), one(170), bar], predict)
    assert number.text == "701"
    assert [digit.strokes for digit in number.digits] == [(0, 3), (1,), (2,)]


def test_digits_may_overlap_with_no_empty_column_between(predict: Predict) -> None:
    slanted = line((40, 0), (0, 100))
    number = read([slanted, *seven(30)], predict)
    assert number.text == "17"
    assert [digit.strokes for digit in number.digits] == [(0,), (1, 2)]


def test_digits_may_touch(predict: Predict) -> None:
    assert read([oval(25), oval(75), one(100)], predict).text == "001"


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_the_order_of_strokes_makes_no_difference(predict: Predict, order: list[int]) -> None:
    strokes = [*seven(0), oval(110), one(170)]
    assert read([strokes[i] for i in order], predict).text == "701"


@pytest.mark.parametrize(("scale", "x"), [(0.01, 0), (3, -500), (1e6, 0), (1e300, 0)])
def test_place_and_scale_make_no_difference(predict: Predict, scale: float, x: float) -> None:
    strokes = [scale * stroke + [x, 0] for stroke in (*seven(0), oval(110), one(170))]
    number = read(strokes, predict)
    assert number.text == "701"
    assert number.digits[0].box == pytest.approx((x, 0, x + 55 * scale, 100 * scale))


def test_a_stroke_through_two_digits_is_cut_between_them(predict: Predict) -> None:
    joined = np.concatenate([one(0), line((0, 100), (75, 0)), oval(75)])
    number = read([joined], predict)
    assert number.text == "10"
    assert [digit.strokes for digit in number.digits] == [(0,), (0,)]
    # The ligature belongs to neither.
    assert number.digits[0].box[2] < 15
    assert number.digits[1].box[0] > 45


def test_a_stroke_through_three_digits_between_others_is_cut_twice(predict: Predict) -> None:
    path = [one(60), line((60, 100), (120, 0)), one(120), line((120, 100), (195, 0)), oval(195)]
    number = read([*seven(-20), np.concatenate(path), one(250)], predict)
    assert number.text == "71101"
    assert [d.strokes for d in number.digits] == [(0, 1), (2,), (2,), (2,), (3,)]


def test_a_small_stroke_is_no_digit_even_if_the_network_is_sure_of_it() -> None:
    # Scaled to 20 pixels, half a stem looks like any other one.
    half = line((70, 60), (70, 95))
    assert [d.strokes for d in read([oval(25), half], always(1)).digits] == [(0, 1)]
    assert [d.strokes for d in read([oval(25), one(70)], always(1)).digits] == [(0,), (1,)]


# --- a single digit ----------------------------------------------------------


# Some strokes of the last three are cut, and joined again.
@pytest.mark.parametrize(("digit", "seed"), [*((d, 5) for d in range(10)), (0, 0), (5, 2), (8, 0)])
def test_a_single_digit_has_the_image_that_it_has_alone(
    digit: int, seed: int, predict: Predict
) -> None:
    strokes = synthetic.write(digit, np.random.default_rng(seed))
    (only,) = read(strokes, predict).digits
    image = drawing.from_strokes(strokes)
    np.testing.assert_array_equal(only.image, image)
    np.testing.assert_array_equal(only.probabilities, predict(image[None])[0])
    assert only.strokes == tuple(range(len(strokes)))


def test_a_dot_and_a_bar_alone_are_one_digit() -> None:
    for strokes in ([[[5.0, 5]]], [line((0, 0), (100, 0))], [np.zeros((3, 2)), np.zeros((1, 2))]):
        (only,) = read(strokes, always(1, 0.3)).digits
        assert only.confidence == pytest.approx(0.3)


def test_strokes_without_points_count_but_are_in_no_digit(predict: Predict) -> None:
    number = read([np.empty((0, 2)), oval(25), [], one(80)], predict)
    assert [digit.strokes for digit in number.digits] == [(1,), (3,)]


def test_strokes_may_come_from_a_generator(predict: Predict) -> None:
    assert read((stroke for stroke in [oval(25), one(80)]), predict).text == "01"


# --- confidence -------------------------------------------------------------


def test_confidence_is_that_of_the_digits_and_of_the_segmentation() -> None:
    far, near = [one(0), one(150)], [one(0), one(22)]
    sure = read(far, always(1, 0.9))
    assert sure.text == "11"
    assert sure.confidence == pytest.approx(0.81, abs=0.01)
    assert read(near, always(1, 0.9)).confidence < sure.confidence - 0.005


def test_a_number_is_no_surer_than_the_network() -> None:
    assert read([*seven(0), oval(110)], always(3, 0.1)).confidence < 0.02


# --- bounds ------------------------------------------------------------------


def recording(calls: list[np.ndarray]) -> Predict:
    """Adds the images of each call to `calls`."""

    def predict(images: np.ndarray) -> np.ndarray:
        calls.append(images)
        return always(1)(images)

    return predict


def test_all_candidates_are_predicted_in_one_call() -> None:
    calls: list[np.ndarray] = []
    digits = [stroke for x in range(0, 540, 90) for stroke in seven(x)]
    read(digits, recording(calls))
    (images,) = calls
    assert images.dtype == np.uint8
    assert images.shape[1:] == (28, 28)
    assert 6 <= len(images) < 60


def scrawl(random: np.random.Generator) -> Strokes:
    return [random.normal(size=(100, 2)) * 100 + [i * 10, 0] for i in range(1000)]


def one_wild_stroke(random: np.random.Generator) -> Strokes:
    return [random.normal(size=(300_000, 2))]


def dots(random: np.random.Generator) -> Strokes:
    return [random.uniform(0, 1000, (1, 2)) for _ in range(1000)]


def comb(random: np.random.Generator) -> Strokes:
    return [np.column_stack([np.arange(20_000.0), np.tile([0.0, 100], 10_000)])]


@pytest.mark.parametrize("wild", [scrawl, one_wild_stroke, dots, comb])
def test_input_that_nobody_draws_takes_bounded_time(
    wild: Callable[[np.random.Generator], Strokes],
) -> None:
    calls: list[np.ndarray] = []
    strokes = wild(np.random.default_rng(0))
    start = time.perf_counter()
    assert read(strokes, recording(calls)).text
    assert time.perf_counter() - start < 10
    assert len(calls) == 1
    assert len(calls[0]) <= 328


@pytest.mark.parametrize(
    ("strokes", "says"),
    [
        ([], "at least one point"),
        ([np.empty((0, 2))], "at least one point"),
        ([[[0, 0]]] * 1001, "up to 1,000 strokes"),
        ([[[0, 0], [np.nan, 1]]], "finite.*Received"),
        ([[1, 2, 3]], r"\(n, 2\).*Received"),
        ([[[1, 2], [3]]], "Received"),
        (["seven"], "Received"),
        ("seven", "Received"),
        (None, "Received: None"),
        (7, "Received: 7"),
    ],
)
def test_input_other_than_a_drawing_is_refused(strokes: object, says: str) -> None:
    with pytest.raises(DrawingError, match=says):
        read(strokes, always(1))  # type: ignore[arg-type]


def test_coordinates_may_be_as_large_as_floats() -> None:
    corner = np.array([[-1.7e308, 0], [1.7e308, 1e308], [0, -1e308]])
    assert np.isfinite(read([corner, -corner], always(1)).confidence)


def test_every_measure_counts_against_a_candidate() -> None:
    assert max(sequence.WEIGHTS[:-1]) < 0
