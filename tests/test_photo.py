"""Digits are found in photos of paper, whatever the light, the lines and the sheet."""

from __future__ import annotations

import io
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from made_up import HEIGHT, WAYS, WIDTH, blurred, sheet
from PIL import Image, ImageDraw, ImageFont

from benchmarks import camera
from digitcore import drawing
from digitcore.drawing import DrawingError
from digitcore.drawing.photo import read
from digitcore.drawing.reading import Reading
from digitcore.drawing.ruled_lines import without_lines
from digitcore.runs.predictor import Predictor

ROOT = Path(__file__).parents[1]
THRESHOLD = 0.75


@cache
def network() -> Predictor:
    return Predictor(ROOT / "models" / "reader" / "model.tflite")


class PhotoDigits(NamedTuple):
    """What was read, as arrays."""

    boxes: np.ndarray
    images: np.ndarray
    reading: Reading


def find_digits(image: np.ndarray) -> PhotoDigits:
    reading = read(image, network().probabilities, threshold=THRESHOLD)
    boxes = np.array([digit.box for digit in reading.digits]).reshape(-1, 4)
    images = np.array([digit.image for digit in reading.digits])
    return PhotoDigits(boxes, images, reading)


def numbers(reading: Reading) -> list[str]:
    return [line.text for line in reading.lines]


def reasons(reading: Reading) -> set[str]:
    return {one.reason for one in reading.left_out}


def same_digits(actual: PhotoDigits, expected: PhotoDigits) -> None:
    assert len(actual.images) == len(expected.images)
    away = np.abs(actual.images.astype(int) - expected.images).mean(axis=(1, 2))
    assert away.max() < 14, away


@pytest.fixture
def clean() -> PhotoDigits:
    return find_digits(blurred(sheet([2, 4, 0, 7])))


def test_a_number_is_found_from_left_to_right(clean: PhotoDigits) -> None:
    assert clean.images.shape == (4, 28, 28)
    assert clean.images.dtype == np.uint8
    assert (np.diff(clean.boxes[:, 0]) > 0).all()
    for box, digit in zip(clean.boxes, (2, 4, 0, 7), strict=True):
        left, top, right, bottom = box
        assert abs(top - 200) < 15
        assert abs(bottom - 300) < 15
        expected = drawing.from_strokes([np.array(stroke) for stroke in WAYS[digit]])
        (found,) = clean.images[(clean.boxes == box).all(axis=1)]
        assert np.abs(found.astype(int) - expected).mean() < 25
        assert right - left < 110


def test_boxes_are_in_pixels_of_the_photo_as_given() -> None:
    small = blurred(sheet([2, 4]))
    large = small.repeat(4, axis=0).repeat(4, axis=1)  # is averaged down
    np.testing.assert_allclose(find_digits(large).boxes / 4, find_digits(small).boxes, atol=3)


def test_a_single_digit_is_made_as_a_photo_of_it_is() -> None:
    photo = blurred(sheet([4], size=200, pen=16))
    (digit,) = find_digits(photo).images
    assert np.abs(digit.astype(int) - drawing.from_image(photo)).mean() < 8


def test_chalk_on_a_blackboard_reads_as_ink_on_paper(clean: PhotoDigits) -> None:
    same_digits(find_digits(blurred(sheet([2, 4, 0, 7], ink=190, ground=45))), clean)


def test_colour_and_transparency_make_no_difference(clean: PhotoDigits) -> None:
    photo = blurred(sheet([2, 4, 0, 7]))
    rgb = np.stack([photo] * 3, axis=-1)
    same_digits(find_digits(rgb), clean)
    same_digits(find_digits(np.dstack([rgb, np.full_like(photo, 255)])), clean)


def test_uneven_light_and_a_shadow_make_no_difference(clean: PhotoDigits) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light = 1 - 0.4 * x / WIDTH
    light *= 1 - 0.45 / (1 + np.exp(-(x - 230 - 70 * np.sin(y / 50)) / 6))
    same_digits(find_digits(blurred(sheet([2, 4, 0, 7]) * light)), clean)


@pytest.mark.parametrize("squares", [False, True])
@pytest.mark.parametrize("slope", [0.0, 0.06])
def test_printed_lines_are_taken_away_and_strokes_across_them_stay(
    clean: PhotoDigits, squares: bool, slope: float
) -> None:
    photo = sheet([2, 4, 0, 7]).astype(float)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    photo[(y + slope * x - 30) % 48 < 3] -= 70
    if squares:
        photo[(x - slope * y - 11) % 48 < 3] -= 70
    same_digits(find_digits(blurred(photo)), clean)


def test_a_stroke_is_no_printed_line() -> None:
    ink = np.zeros((300, 400), bool)
    ink[20:280, 100:112] = True  # a tall one
    ink[140:146, 150:340] = True  # a long one, far thicker than lines of its length
    np.testing.assert_array_equal(without_lines(ink).ink, ink)


def test_a_desk_beside_the_sheet_and_specks_are_no_digits(clean: PhotoDigits) -> None:
    photo = sheet([2, 4, 0, 7])
    photo[:, :25] = photo[430:, :] = 70
    photo[380:384, 300:304] = photo[60:63, 500:503] = 80
    same_digits(find_digits(blurred(photo)), clean)


def test_a_bar_belongs_to_its_five() -> None:
    assert len(find_digits(blurred(sheet([5, 5, 2]))).images) == 3
    photo = sheet([5])
    photo[:] = np.where(np.arange(HEIGHT)[:, None] < 206, 225, photo)
    photo[185:192, 345:400] = 60  # has flown away, up and to the right
    (box,) = find_digits(blurred(photo)).boxes
    assert abs(box[1] - 185) < 5
    assert abs(box[2] - 400) < 5


def test_what_lies_across_the_edge_of_the_photo_is_no_digit(clean: PhotoDigits) -> None:
    photo = sheet([2, 4, 0, 7])
    photo[210:290, :12] = photo[210:216, :40] = 60  # a finger, at the height of the number
    found = find_digits(blurred(photo))
    same_digits(found, clean)
    (left_out,) = found.reading.left_out
    assert left_out.box[2] < 50
    photo = np.roll(sheet([0]), 240, axis=0)  # half above the photo, half below
    assert find_digits(blurred(photo)).reading.unsure


def test_a_line_that_is_no_digit_is_left_out_and_makes_the_reading_unsure() -> None:
    assert not find_digits(blurred(sheet([2, 4, 7]))).reading.unsure
    photo = Image.fromarray(sheet([2, 4, 7]))
    pen = ImageDraw.Draw(photo)
    for at in (0, 35, 70):
        pen.line([(300 + at, 340), (300 + at, 440)], fill=60, width=9)
        pen.line([(280, 355 + at), (390, 355 + at)], fill=60, width=9)
    found = find_digits(blurred(np.asarray(photo)))
    assert numbers(found.reading) == ["247"]
    assert reasons(found.reading) == {"no digit that the network knows"}
    assert found.reading.unsure


def test_digits_that_touch_are_cut_where_the_ink_is_thin() -> None:
    photo = blurred(sheet([4, 0], gap=-35))  # the bar of the four ends in the nought
    assert len(find_digits(photo).images) == 2


def test_a_wide_nought_is_one_digit() -> None:
    photo = blurred(sheet([0], size=200))
    wide = np.asarray(Image.fromarray(photo).resize((WIDTH * 2, HEIGHT)))
    assert len(find_digits(wide).images) == 1


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (400, 300, 3), (200, 200, 4)])
def test_a_plain_photo_has_no_ink(shape: tuple[int, ...], level: int) -> None:
    with pytest.raises(DrawingError, match="no ink"):
        find_digits(np.full(shape, level, np.uint8))


def test_noise_alone_is_no_ink() -> None:
    with pytest.raises(DrawingError, match="no ink"):
        find_digits(blurred(np.full((HEIGHT, WIDTH), 200.0), noise=4))


def test_a_page_of_text_is_no_number() -> None:
    picture = Image.new("L", (900, 900), 240)
    pencil = ImageDraw.Draw(picture)
    font = ImageFont.load_default(24)
    for row in range(24):
        pencil.text((20, 20 + 36 * row), "the quick brown fox jumps " * 3, fill=20, font=font)
    with pytest.raises(DrawingError, match=r"up to 200 digits.*Received.*page of text"):
        find_digits(np.asarray(picture))


@pytest.mark.parametrize("image", [np.zeros((28, 28)), np.zeros((28, 28, 2), np.uint8)])
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(DrawingError, match="Received"):
        find_digits(image)


def test_a_huge_or_wild_photo_takes_bounded_time() -> None:
    random = np.random.default_rng(0)
    begun = time.perf_counter()
    wild = random.integers(0, 256, (1500, 1500), dtype=np.uint8)
    with pytest.raises(DrawingError):
        find_digits(wild)
    with pytest.raises(DrawingError, match="no ink"):
        find_digits(np.broadcast_to(np.uint8(200), (7000, 7000)))
    assert time.perf_counter() - begun < 30


@pytest.mark.parametrize("kind", camera.KINDS)
def test_a_composed_photo_is_read_from_its_file(kind: str) -> None:
    images = np.stack([drawing.from_strokes([np.array(s) for s in WAYS[d]]) for d in WAYS])
    labels = np.array(list(WAYS))
    photo = camera.photo(kind, images, labels, np.random.default_rng([7, len(kind)]))
    found = find_digits(drawing.read_image(photo.data))
    assert len(found.images) == len(photo.digits)
    for digit, label in zip(found.images, photo.digits, strict=True):
        away = np.abs(images.astype(int) - digit).mean(axis=(1, 2))
        assert labels[away.argmin()] == label
    with Image.open(io.BytesIO(photo.data)) as picture:
        assert picture.format == "JPEG"
