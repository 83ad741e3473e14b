"""Numbers of several digits: parted into digits, read, and refused where they are no drawing."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from digitcore import drawing
from digitcore.drawing import DrawingError, sequence, synthetic
from digitcore.drawing.sequence import Ask, Digit, Number, read
from ui.number_tiles import number_html
from ui.sketches import sheet_of

Strokes = list[np.ndarray]
HINT = "Write a number"


def blurred(images: np.ndarray) -> np.ndarray:
    """The images at a quarter of their size, each of length 1."""
    small = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)
    return small / np.linalg.norm(small, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def ask() -> Ask:
    """A reader without a network: the likest of some writings, and unsure of what is no digit."""
    images, labels, is_outlier = synthetic.images(1500, 500, seed=3)
    known = blurred(images)
    shown = np.full((len(labels), 10), 0.1)
    shown[~is_outlier] = np.eye(10)[labels[~is_outlier]]

    def answer(asked: np.ndarray) -> np.ndarray:
        near = np.exp(60 * (blurred(asked) @ known.T))
        table: np.ndarray = (near @ shown / near.sum(axis=1, keepdims=True)).astype(np.float32)
        return table

    return answer


def always(digit: int, sure: float = 0.9) -> Ask:
    """Says the same of whatever it is asked."""
    row = np.full(10, (1 - sure) / 9, np.float32)
    row[digit] = sure
    return lambda images: np.tile(row, (len(images), 1))


def line(*points: tuple[float, float], steps: int = 12) -> np.ndarray:
    """Straight lines from point to point, as a pen that goes slowly tells of them."""
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


def test_digits_side_by_side_are_read_with_their_strokes_and_boxes(ask: Ask) -> None:
    number = read([*seven(0), oval(110), one(170)], ask)
    assert number.text == "701"
    assert [digit.strokes for digit in number.digits] == [(0, 1), (2,), (3,)]
    assert number.digits[0].box == pytest.approx((0, 0, 55, 100))
    assert number.digits[1].box == pytest.approx((85, 0, 135, 100), abs=1)
    assert number.digits[2].value == 1
    assert 0.5 < number.confidence <= np.prod([digit.confidence for digit in number.digits])


def test_most_numbers_of_our_own_writing_are_read_entirely_right(ask: Ask) -> None:
    random = np.random.default_rng(1)
    right = 0
    for _ in range(30):
        shown = random.integers(10, size=random.integers(2, 7))
        strokes: Strokes = []
        for digit in shown:
            end = max((stroke[:, 0].max() for stroke in strokes), default=0)
            strokes += placed(synthetic.write(int(digit), random), end + random.uniform(5, 30))
        right += read(strokes, ask).text == "".join(map(str, shown))
    assert right >= 22


def test_a_bar_that_is_drawn_late_goes_to_its_digit(ask: Ask) -> None:
    stem, bar = seven(0)
    number = read([stem, oval(110), one(170), bar], ask)
    assert number.text == "701"
    assert [digit.strokes for digit in number.digits] == [(0, 3), (1,), (2,)]


def test_digits_may_lie_over_each_other_where_no_column_is_empty(ask: Ask) -> None:
    slanted = line((40, 0), (0, 100))
    number = read([slanted, *seven(30)], ask)
    assert number.text == "17"
    assert [digit.strokes for digit in number.digits] == [(0,), (1, 2)]


def test_digits_may_touch(ask: Ask) -> None:
    assert read([oval(25), oval(75), one(100)], ask).text == "001"


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_the_order_of_strokes_makes_no_difference(ask: Ask, order: list[int]) -> None:
    strokes = [*seven(0), oval(110), one(170)]
    assert read([strokes[i] for i in order], ask).text == "701"


@pytest.mark.parametrize(("scale", "x"), [(0.01, 0), (3, -500), (1e6, 0), (1e300, 0)])
def test_place_and_scale_make_no_difference(ask: Ask, scale: float, x: float) -> None:
    strokes = [scale * stroke + [x, 0] for stroke in (*seven(0), oval(110), one(170))]
    number = read(strokes, ask)
    assert number.text == "701"
    assert number.digits[0].box == pytest.approx((x, 0, x + 55 * scale, 100 * scale))


def test_a_stroke_through_two_digits_is_cut_between_them(ask: Ask) -> None:
    joined = np.concatenate([one(0), line((0, 100), (75, 0)), oval(75)])
    number = read([joined], ask)
    assert number.text == "10"
    assert [digit.strokes for digit in number.digits] == [(0,), (0,)]
    # The way from one to the other is part of neither.
    assert number.digits[0].box[2] < 15
    assert number.digits[1].box[0] > 45


def test_a_stroke_through_three_digits_between_others_is_cut_twice(ask: Ask) -> None:
    way = [one(60), line((60, 100), (120, 0)), one(120), line((120, 100), (195, 0)), oval(195)]
    number = read([*seven(-20), np.concatenate(way), one(250)], ask)
    assert number.text == "71101"
    assert [d.strokes for d in number.digits] == [(0, 1), (2,), (2,), (2,), (3,)]


def test_a_small_stroke_is_no_digit_even_if_the_network_takes_it_for_one() -> None:
    # Scaled to 20 pixels, half a stem looks like any other one.
    half = line((70, 60), (70, 95))
    assert [d.strokes for d in read([oval(25), half], always(1)).digits] == [(0, 1)]
    assert [d.strokes for d in read([oval(25), one(70)], always(1)).digits] == [(0,), (1,)]


# --- a single digit ----------------------------------------------------------


# Of the last three some strokes are cut, and then found to be of one digit.
@pytest.mark.parametrize(("digit", "seed"), [*((d, 5) for d in range(10)), (0, 0), (5, 2), (8, 0)])
def test_a_single_digit_is_read_as_on_a_canvas_of_its_own(digit: int, seed: int, ask: Ask) -> None:
    strokes = synthetic.write(digit, np.random.default_rng(seed))
    (only,) = read(strokes, ask).digits
    image = drawing.from_strokes(strokes)
    np.testing.assert_array_equal(only.image, image)
    np.testing.assert_array_equal(only.probabilities, ask(image[None])[0])
    assert only.strokes == tuple(range(len(strokes)))


def test_a_dot_and_a_bar_alone_are_one_digit_with_what_the_network_says() -> None:
    for strokes in ([[[5.0, 5]]], [line((0, 0), (100, 0))], [np.zeros((3, 2)), np.zeros((1, 2))]):
        (only,) = read(strokes, always(1, 0.3)).digits
        assert only.confidence == pytest.approx(0.3)


def test_strokes_without_points_count_but_are_in_no_digit(ask: Ask) -> None:
    number = read([np.empty((0, 2)), oval(25), [], one(80)], ask)
    assert [digit.strokes for digit in number.digits] == [(1,), (3,)]


def test_strokes_may_come_from_a_generator(ask: Ask) -> None:
    assert read((stroke for stroke in [oval(25), one(80)]), ask).text == "01"


# --- how sure ----------------------------------------------------------------


def test_confidence_is_that_of_the_digits_and_of_the_way_to_part_them() -> None:
    far, near = [one(0), one(150)], [one(0), one(22)]
    sure = read(far, always(1, 0.9))
    assert sure.text == "11"
    assert sure.confidence == pytest.approx(0.81, abs=0.01)
    assert read(near, always(1, 0.9)).confidence < sure.confidence - 0.005


def test_where_the_network_is_unsure_so_is_the_number() -> None:
    assert read([*seven(0), oval(110)], always(3, 0.1)).confidence < 0.02


# --- bounds ------------------------------------------------------------------


def counting(asked: list[np.ndarray]) -> Ask:
    def answer(images: np.ndarray) -> np.ndarray:
        asked.append(images)
        return always(1)(images)

    return answer


def test_all_is_asked_in_one_call() -> None:
    asked: list[np.ndarray] = []
    digits = [stroke for x in range(0, 540, 90) for stroke in seven(x)]
    read(digits, counting(asked))
    (images,) = asked
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
def test_what_no_hand_draws_is_read_in_bounded_time(
    wild: Callable[[np.random.Generator], Strokes],
) -> None:
    asked: list[np.ndarray] = []
    strokes = wild(np.random.default_rng(0))
    start = time.perf_counter()
    assert read(strokes, counting(asked)).text
    assert time.perf_counter() - start < 10
    assert len(asked) == 1
    assert len(asked[0]) <= 328


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
def test_what_is_no_drawing_is_refused(strokes: object, says: str) -> None:
    with pytest.raises(DrawingError, match=says):
        read(strokes, always(1))  # type: ignore[arg-type]


def test_coordinates_may_be_as_large_as_numbers_get() -> None:
    corner = np.array([[-1.7e308, 0], [1.7e308, 1e308], [0, -1e308]])
    assert np.isfinite(read([corner, -corner], always(1)).confidence)


# --- on the page -------------------------------------------------------------


def number_of(*digits: tuple[int, float]) -> Number:
    image = drawing.from_strokes([one(0)])
    box = (0.0, 0.0, 1.0, 1.0)
    return Number(
        tuple(Digit((0,), box, image, always(d, p)(image[None])[0]) for d, p in digits), 0.42
    )


def test_a_number_is_shown_with_its_confidence_and_a_tile_for_each_digit() -> None:
    shown = number_html(number_of((7, 0.98), (0, 0.55)), HINT)
    assert ">70<" in shown
    assert "42 %" in shown
    assert shown.count("<img") == 2
    assert HINT not in shown
    assert shown.count('class="unsure"') == 0


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        (((7, 0.98), (0, 0.55)), "Not sure that place 2 is a digit"),
        (((7, 0.5), (0, 0.98), (1, 0.4)), "Not sure that places 1 and 3 are digits"),
        (((7, 0.5), (0, 0.55)), "Not sure it is a number"),
        (((7, 0.5),), "Not sure it is a digit"),
    ],
)
def test_what_is_doubted_is_said_of_the_whole_and_marked_where_it_stands(
    digits: tuple[tuple[int, float], ...], said: str
) -> None:
    shown = number_html(number_of(*digits), HINT, doubt=0.6)
    assert said in shown
    marks = [tile.count('class="unsure"') for tile in shown.split("<figure>")[1:]]
    assert marks == [int(share < 0.6) for _, share in digits]
    assert "Not sure" not in number_html(number_of(*digits), HINT, doubt=0.3)


def test_without_a_number_a_message_stands_in_its_place() -> None:
    shown = number_html(None, "<b>no & ink</b>")
    assert "&lt;b&gt;no &amp; ink&lt;/b&gt;" in shown
    assert "<img" not in shown
    assert 'class="number-tiles"' in shown


def two_canvases() -> None:
    """The square and the wide one on one page, of a run without a network."""
    from pathlib import Path

    from digitcore.runs import Run
    from ui.canvas import drawing_canvas
    from ui.draw_number import draw_number

    drawing_canvas()
    draw_number(Run(Path("no such run")))


def said(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def sketch(*strokes: list[tuple[int, int]]) -> dict[str, object]:
    """Strokes as the canvas sends them, each placed by its middle."""
    paths = []
    for points in strokes:
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        left, top = ((low + high) / 2).tolist()
        path = [["L" if i else "M", *point] for i, point in enumerate(points)]
        place = {"left": left, "top": top, "originX": "center", "originY": "center"}
        paths.append({"type": "Path", "path": path, **place})
    return {"objects": paths}


def test_an_empty_canvas_says_what_to_do() -> None:
    app = AppTest.from_function(two_canvases, default_timeout=30).run()
    assert not app.exception
    assert HINT in said(app)
    assert [button.label for button in app.button] == ["Undo", "Clear"] * 2
    assert all(button.disabled for button in app.button)


def test_two_canvases_have_each_their_own_drawing_undo_and_clear() -> None:
    app = AppTest.from_function(two_canvases, default_timeout=30)
    app.query_params["sketch"] = "two"
    sheet_of("two-canvas").update(sketch([(5, 5), (5, 90)]))
    sheet_of("two-number").update(sketch([(9, 5), (9, 90)], [(50, 5), (50, 90)]))
    app.run()
    app.button(key="number-undo").click().run()
    assert len(app.session_state["number_start"]["objects"]) == 1
    assert len(app.session_state["canvas_start"]["objects"]) == 1
    app.button(key="canvas-clear").click().run()
    assert len(app.session_state["number_start"]["objects"]) == 1
    assert app.session_state["canvas_start"]["objects"] == []


def test_where_there_is_no_network_the_page_says_so() -> None:
    app = AppTest.from_function(two_canvases, default_timeout=30)
    app.query_params["sketch"] = "one"
    sheet_of("one-number").update(sketch([(9, 5), (9, 90)]))
    app.run()
    assert not app.exception
    assert "There is no network to ask yet" in said(app)


def test_weights_speak_against_what_they_measure() -> None:
    against = sequence.WEIGHTS[:-1]
    assert max(against) < 0
