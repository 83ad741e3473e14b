"""Kinds of picture that people really make: each is read whole, and what is not is said."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import WAYS, blurred, sheet
from PIL import Image, ImageDraw
from scipy import ndimage
from test_photo import find_digits, network, numbers, reasons

from digitcore import drawing
from digitcore.datasets import Dataset
from digitcore.drawing import DrawingError, photo
from digitcore.drawing import sheet as sheets

# Digits of straight strokes, as `WAYS` has none.
STRAIGHT = {
    1: [[(48, 5), (52, 98)]],
    9: [
        [(75, 15), (55, 5), (25, 15), (20, 35), (40, 50), (65, 45), (75, 15)],
        [(74, 10), (78, 98)],
    ],
}


def drawn(
    digit: int, side: int, pen: int, size: int, at: tuple[int, int], height: int | None = None
) -> np.ndarray:
    """A digit drawn on a screen: black lines on white, `size` pixels high from `at`."""
    picture = Image.new("L", (side, height or side), 255)
    pencil = ImageDraw.Draw(picture)
    for stroke in (WAYS | STRAIGHT)[digit]:
        points = [(at[0] + x * size / 100, at[1] + y * size / 100) for x, y in stroke]
        pencil.line(points, fill=0, width=pen, joint="curve")
    return np.asarray(picture)


def on_paper(drawing: np.ndarray) -> np.ndarray:
    """Grey levels of a digit that was drawn on a screen as of ink on paper."""
    return drawing * 0.65 + 60.0


def column(*lines: list[int], **options: int) -> np.ndarray:
    return np.vstack([sheet(line, **options)[150:350] for line in lines])


def test_every_line_of_a_sheet_is_read_from_top_to_bottom() -> None:
    reading = find_digits(blurred(column([2, 4, 7], [5, 2], [7, 4, 2, 5]))).reading
    assert numbers(reading) == ["247", "52", "7425"]
    assert not reading.unsure
    assert sheets.table(reading) == [["247"], ["52"], ["7425"]]


def test_numbers_below_one_another_are_columns() -> None:
    one, other = (
        np.hstack([sheet(n, size=70) for n in row]) for row in ([[2, 4], [7]], [[5], [2]])
    )
    reading = find_digits(blurred(np.vstack([one[150:350], other[150:350]]))).reading
    assert sheets.table(reading) == [["24", "7"], ["5", "2"]]


@pytest.mark.parametrize("digit", [1, 4, 7, 9])
def test_a_thin_straight_stroke_is_no_printed_line(digit: int) -> None:
    photo = blurred(on_paper(drawn(digit, 518, 4, 400, (59, 59))))
    reading = find_digits(photo).reading
    assert numbers(reading) == [str(digit)]
    assert not reading.unsure


@pytest.mark.parametrize("digit", [2, 5, 7])
def test_a_digit_that_fills_its_picture_is_read(digit: int) -> None:
    whole = sheet([digit], pen=14, size=200)
    rows, columns = (np.flatnonzero((whole < 100).any(axis=axis)) for axis in (1, 0))
    tight = whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert numbers(find_digits(blurred(tight)).reading) == [str(digit)]
    assert numbers(find_digits(tight).reading) == [str(digit)]


def test_no_digit_of_a_number_at_the_edge_or_of_a_thin_pen_is_missing() -> None:
    number = sheet([7, 2, 4, 5])
    first = np.flatnonzero((number < 100).any(axis=0))[0]
    assert numbers(find_digits(number[180:320, first:]).reading) == ["7245"]
    thin = sheet([2, 4, 5], pen=14)
    thin[205:298, 60:62] = 60
    assert numbers(find_digits(thin).reading) == ["1245"]
    assert numbers(find_digits(blurred(thin)).reading) == ["1245"]


@pytest.mark.parametrize("digit", [4, 5, 7, 9])
def test_a_digit_that_runs_off_the_edge_is_read(digit: int) -> None:
    picture = drawn(digit, 500, 24, 460, (20, 100))
    assert (picture[-1] == 0).any()
    reading = find_digits(picture).reading
    assert numbers(reading) == [str(digit)]
    assert not reading.unsure


@pytest.mark.parametrize(("digit", "side"), [(4, 100), (9, 100), (2, 400)])
def test_a_blurred_digit_on_grainy_paper_is_read(digit: int, side: int) -> None:
    at = (round(0.2 * side), round(0.2 * side))
    digit_alone = drawn(digit, side, max(3, side // 28), round(0.6 * side), at)
    soft = ndimage.gaussian_filter(70 + digit_alone * (105 / 255), max(2.5, side / 50))
    grain = np.random.default_rng(0).normal(0, 1, soft.shape)
    grain = ndimage.gaussian_filter(grain, 1.5 * side / 200)
    photo = (soft + 8 * grain / grain.std()).clip(0, 255).astype(np.uint8)
    assert numbers(find_digits(photo).reading) == [str(digit)]


@pytest.mark.parametrize("pen", [6, 8])
def test_an_uneven_pen_is_read(pen: int) -> None:
    y, x = np.mgrid[:500, :500]
    pressed = 0.2 + 0.8 * (0.5 + 0.5 * np.sin(y / 30 + x / 50 + 1.5))
    ink = (255.0 - drawn(5, 500, pen, 300, (100, 100))) * pressed
    reading = find_digits(blurred(225 - 0.65 * ink)).reading
    assert numbers(reading) == ["5"]
    assert not reading.unsure


def test_very_pale_ink_is_read_where_the_paper_is_plain() -> None:
    pale = 255 - (drawing.from_strokes([np.array(s) for s in WAYS[4]]) * 0.06).astype(np.uint8)
    assert numbers(find_digits(pale).reading) == ["4"]


def test_a_four_in_two_pieces_is_one_digit() -> None:
    photo = sheet([2, 7, 5]).astype(float)
    picture = Image.fromarray(sheet([2]).astype(np.uint8))
    pencil = ImageDraw.Draw(picture)
    pencil.rectangle((0, 0, 640, 480), fill=225)
    pencil.line([(300, 200), (262, 260), (318, 260)], fill=60, width=7)
    pencil.line([(330, 225), (328, 300)], fill=60, width=7)
    both = np.hstack([np.asarray(picture)[:, 180:420], photo[:, 120:520]])
    assert numbers(find_digits(blurred(both)).reading) == ["4275"]


def test_a_small_digit_in_a_large_picture_is_read() -> None:
    paper = on_paper(drawn(4, 1600, 4, 40, (880, 420), height=1200))
    beside_a_desk = paper.copy()
    beside_a_desk[:, :130] = 110
    dim = paper * np.linspace(1, 0.5, 1600)
    grainy = on_paper(drawn(4, 2400, 6, 75, (1320, 630), height=1800))
    for picture in (beside_a_desk, dim, grainy):
        reading = find_digits(blurred(picture)).reading
        assert numbers(reading) == ["4"]
        assert not reading.unsure


def test_what_is_pale_small_or_no_digit_is_left_out_with_its_reason() -> None:
    photo = sheet([2, 4, 7])
    photo[405:425, 300:312] = 60
    assert reasons(find_digits(photo).reading) == {"too small"}
    photo = sheet([2, 4, 7])
    photo[400:404, 40:600] = 60
    assert reasons(find_digits(photo).reading) == {"a line, or the edge of something"}


def test_ink_beside_a_number_that_was_not_read_makes_it_unsure() -> None:
    assert not find_digits(sheet([2, 4, 7])).reading.unsure
    photo = sheet([2, 4, 7])
    photo[100:400, 500:512] = 60  # too tall for a digit
    reading = find_digits(photo).reading
    assert numbers(reading) == ["247"]
    assert reasons(reading) == {"a line, or the edge of something"}
    assert reading.unsure


def test_the_two_segments_of_a_displayed_one_are_not_surely_two_lines() -> None:
    display = np.full((300, 300), 30, np.uint8)
    display[90:138, 146:154] = display[150:198, 146:154] = 220
    assert find_digits(blurred(display)).reading.unsure
    far = np.full((300, 300), 30, np.uint8)
    far[90:138, 146:154] = far[170:218, 146:154] = 220
    reading = find_digits(blurred(far)).reading
    assert numbers(reading) == ["1", "1"]
    assert not reading.unsure


def test_a_picture_without_ink_says_what_was_found_instead() -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (40, 40), dtype=np.uint8)
    with pytest.raises(DrawingError, match=r"paper that varies by \d+"):
        find_digits(noise)


def test_a_turn_is_guessed_only_where_it_reads() -> None:
    upright = blurred(sheet([2, 4, 7, 5]))
    for turns in (1, 2, 3):
        picture = np.rot90(upright, turns)
        found = photo.read(picture, network().probabilities, threshold=0.75, turned=True)
        assert (turns + found.turns) % 4 == 0
        assert photo.read(picture, network().probabilities, threshold=0.75).turns == 0
    assert photo.read(upright, network().probabilities, threshold=0.75, turned=True).turns == 0


def test_an_image_as_large_as_the_networks_is_that_image(mnist: Dataset) -> None:
    for image in mnist.test.images[:50]:
        (found,) = find_digits(image).images
        np.testing.assert_array_equal(found, drawing.from_image(image))


def test_a_letter_is_read_alone_whatever_lies_beside_it() -> None:
    reading = photo.read(blurred(sheet([2, 4])), network().probabilities, many=False)
    assert len(reading.digits) == 1


def lines_drawn(*strokes: list[tuple[int, int]], pen: int) -> np.ndarray:
    """Grey levels (480, 640) of strokes on a sheet."""
    picture = Image.new("L", (640, 480), 225)
    for stroke in strokes:
        ImageDraw.Draw(picture).line(stroke, fill=60, width=pen, joint="curve")
    return blurred(np.asarray(picture))


@pytest.mark.parametrize(
    ("strokes", "pen"),
    [
        ([[(318, 162), (251, 219), (317, 223)], [(442, 155), (324, 215), (299, 280)]], 12),
        ([[(312, 156), (248, 232), (316, 229)], [(455, 139), (329, 207), (286, 274)]], 9),
    ],
)
def test_a_wide_four_is_not_cut_in_two(strokes: list[list[tuple[int, int]]], pen: int) -> None:
    assert numbers(find_digits(lines_drawn(*strokes, pen=pen)).reading) == ["4"]


@pytest.mark.parametrize("thickness", [6, 7])
def test_a_printed_line_along_a_stroke_is_taken_away_and_the_stroke_stays(thickness: int) -> None:
    photo = sheet([4], size=200, pen=16)
    line = photo[330 : 330 + thickness]
    line[line > 100] = 150
    reading = find_digits(blurred(photo)).reading
    assert numbers(reading) == ["4"]
    assert not reading.unsure


@pytest.mark.parametrize("end", [540, 545])
def test_a_number_goes_on_to_the_edge_of_its_picture(end: int) -> None:
    photo = blurred(sheet([2, 4, 2, 7])[:, :end])
    assert numbers(find_digits(photo).reading) == ["2427"]


def test_a_digit_that_is_cut_off_makes_its_number_unsure() -> None:
    reading = find_digits(blurred(sheet([2, 4, 2, 7])[:, :525])).reading
    assert reading.unsure or numbers(reading) == ["2427"]


def test_pale_strips_at_the_edge_of_a_sheet_are_no_ones() -> None:
    photo = sheet([2, 4])
    photo[60:160, 560:566] -= 60
    photo[60:160, 560:566][np.arange(100) % 20 < 3] = 100
    reading = find_digits(blurred(photo)).reading
    assert numbers(reading) == ["24"]
    assert reasons(reading) == {"too pale"}


def test_a_digit_that_a_thicker_pen_would_change_is_not_sure() -> None:
    loop = [(380, 140), (290, 140), (275, 235), (330, 225), (365, 265), (350, 310), (310, 325)]
    five = [*loop, (270, 300), (268, 251)]  # nearly closes
    found = find_digits(lines_drawn(five, pen=16))
    (digit,) = found.reading.digits
    assert digit.confidence > 0.9
    assert found.reading.unsure
    assert not find_digits(lines_drawn([*loop, (270, 300)], pen=16)).reading.unsure
