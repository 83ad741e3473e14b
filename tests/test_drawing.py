"""Strokes, images and canvas drawings become digit images as MNIST's are."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitcore import drawing
from digitcore.datasets import Dataset
from digitcore.drawing import DrawingError, canvas, from_image, from_strokes

TURN = np.linspace(0, 2 * np.pi, 60)
ZERO = np.column_stack([100 + 40 * np.cos(TURN), 150 + 70 * np.sin(TURN)])
SEVEN = [np.array([[60.0, 50], [200, 50], [120, 260]]), np.array([[100.0, 150], [190, 160]])]


def extent(image: np.ndarray, level: int = 64) -> tuple[int, int]:
    """Width and height of the ink."""
    rows, columns = np.nonzero(image > level)
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def mass_centre(image: np.ndarray) -> tuple[float, float]:
    total = image.sum()
    axis = np.arange(28)
    return (image.sum(0) * axis).sum() / total, (image.sum(1) * axis).sum() / total


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean of the absolute differences in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())


# --- strokes -----------------------------------------------------------------


@pytest.mark.parametrize("strokes", [[ZERO], SEVEN, [ZERO @ np.diag([1.0, 0.2])], [ZERO[::6]]])
def test_the_longer_side_is_20_pixels(strokes: list[np.ndarray]) -> None:
    image = from_strokes(strokes)
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert max(extent(image)) == pytest.approx(20, abs=1)
    assert image.max() == 255


def test_aspect_ratio_is_kept() -> None:
    width, height = extent(from_strokes([ZERO]))
    pen = drawing.PEN_WIDTH
    assert width - pen == pytest.approx((height - pen) * 40 / 70, abs=1)


def test_mass_is_centred_where_mnist_has_it() -> None:
    assert mass_centre(from_strokes([ZERO])) == pytest.approx((14, 14), abs=0.1)
    lopsided = [np.array([[0.0, 0], [100, 0], [100, 10], [0, 10], [0, 90]])]
    assert mass_centre(from_strokes(lopsided))[0] == pytest.approx(14, abs=0.1)


def test_no_ink_leaves_the_image_for_the_sake_of_its_mass() -> None:
    rows = np.linspace(0, 20, 11)
    heavy_bar = np.column_stack([np.tile([0.0, 100, 100, 0], 11)[:22], rows.repeat(2)])
    image = from_strokes([heavy_bar, np.array([[50.0, 0], [50, 100]])], pen_width=1)
    assert extent(image)[1] == pytest.approx(20, abs=1)


def test_coordinates_may_be_as_large_as_numbers_get() -> None:
    corner = np.array([[-1.0, 1], [1, -1], [1, 1]])
    np.testing.assert_array_equal(from_strokes([corner * 1.7e308]), from_strokes([corner]))


@pytest.mark.parametrize(
    ("scale", "x", "y"), [(0.01, 0, 0), (1, 5000, -300), (1e6, 0, 1e6), (1e305, 0, 0)]
)
def test_place_and_scale_make_no_difference(scale: float, x: float, y: float) -> None:
    moved = [scale * stroke + [x, y] for stroke in SEVEN]
    assert difference(from_strokes(moved), from_strokes(SEVEN)) < 0.05


def test_order_and_direction_of_strokes_make_no_difference() -> None:
    backwards = [stroke[::-1] for stroke in SEVEN[::-1]]
    np.testing.assert_array_equal(from_strokes(SEVEN[::-1]), from_strokes(SEVEN))
    assert difference(from_strokes(backwards), from_strokes(SEVEN)) < 0.05


def test_a_dot_is_a_dot_as_wide_as_the_pen() -> None:
    image = from_strokes([np.array([[7.0, 9.0]])])
    assert image.sum() / 255 == pytest.approx(np.pi * drawing.PEN_WIDTH**2 / 4, rel=0.15)
    assert mass_centre(image) == pytest.approx((14, 14), abs=0.1)


def test_a_wider_pen_leaves_more_ink_in_the_same_box() -> None:
    thin, wide = from_strokes([ZERO], pen_width=1.5), from_strokes([ZERO], pen_width=4)
    assert wide.sum() > 2 * thin.sum()
    assert max(extent(wide)) == pytest.approx(max(extent(thin)), abs=1)


def test_strokes_without_points_are_skipped() -> None:
    np.testing.assert_array_equal(from_strokes([ZERO, np.empty((0, 2)), []]), from_strokes([ZERO]))


@pytest.mark.parametrize(
    ("strokes", "says"),
    [
        ([], "at least one point"),
        ([np.empty((0, 2))], "at least one point"),
        ([[[0, 0], [np.nan, 1]]], "finite.*Received"),
        ([[[0, 0], [np.inf, 1]]], "finite.*Received"),
        ([[1, 2, 3]], r"\(n, 2\).*Received"),
        ([[[1, 2, 3]]], r"\(n, 2\).*Received"),
        ([[[1, 2], [3]]], "Received"),
        (["seven"], "Received"),
        (None, "Received: None"),
    ],
)
def test_what_is_no_stroke_is_refused(strokes: object, says: str) -> None:
    with pytest.raises(DrawingError, match=says):
        from_strokes(strokes)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [0, -1, 11, float("nan")])
def test_a_pen_has_a_sensible_width(width: float) -> None:
    with pytest.raises(DrawingError, match="Received"):
        from_strokes([ZERO], pen_width=width)


def test_a_slow_pen_draws_the_same_line() -> None:
    fine = np.linspace(0, 2 * np.pi, 100_000)
    slow = np.column_stack([100 + 40 * np.cos(fine), 150 + 70 * np.sin(fine)])
    coarse = from_strokes([slow[::500]])
    assert difference(from_strokes([slow]), coarse) < 0.5


def test_a_huge_scribble_is_drawn_in_bounded_time() -> None:
    scribble = np.random.default_rng(0).normal(size=(200_000, 2))
    start = time.perf_counter()
    image = from_strokes([scribble])
    assert time.perf_counter() - start < 5
    assert image.any()


# --- images ------------------------------------------------------------------


def enlarged(digit: np.ndarray, times: int = 10) -> np.ndarray:
    return digit.repeat(times, axis=0).repeat(times, axis=1)


@pytest.fixture
def digit() -> np.ndarray:
    return from_strokes(SEVEN)


def test_an_enlarged_digit_image_comes_back(digit: np.ndarray) -> None:
    # Its box may lie half a pixel off the grid, which the way back rounds.
    found = from_image(enlarged(digit))
    assert max(extent(found)) == pytest.approx(20, abs=1)
    assert mass_centre(found) == pytest.approx((14, 14), abs=0.6)
    assert difference(found, digit) < 12


def test_mnist_comes_back_as_it_is(mnist: Dataset) -> None:
    images = mnist.test.images[:100]
    found = [difference(from_image(enlarged(image)), image) for image in images]
    assert np.median(found) < 1
    assert np.quantile(found, 0.85) < 3


def test_polarity_makes_no_difference(digit: np.ndarray) -> None:
    np.testing.assert_array_equal(from_image(255 - enlarged(digit)), from_image(enlarged(digit)))


def test_colours_and_alpha_are_read(digit: np.ndarray) -> None:
    expected = from_image(enlarged(digit))
    ink = enlarged(digit)
    rgb = np.stack([255 - ink] * 3, axis=-1)
    opaque = np.dstack([rgb, np.full_like(ink, 255)])
    black_on_clear = np.dstack([np.zeros_like(rgb), ink])
    white_on_clear = np.dstack([np.full_like(rgb, 255), ink])
    for image in (rgb, opaque, black_on_clear, white_on_clear):
        assert difference(from_image(image), expected) < 1


def test_place_and_aspect_in_a_photo_make_no_difference(digit: np.ndarray) -> None:
    photo = np.full((600, 900), 230, np.uint8)
    photo[250:530, 560:840] -= (enlarged(digit) * 0.7).astype(np.uint8)
    assert difference(from_image(photo), from_image(enlarged(digit))) < 8


def test_uneven_light_noise_and_specks_are_evened_out(digit: np.ndarray) -> None:
    random = np.random.default_rng(0)
    light = np.linspace(200, 120, 400)[:, None] * np.ones(400)
    photo = light + random.normal(0, 3, light.shape)
    photo[60:340, 60:340] *= 1 - 0.8 * enlarged(digit) / 255
    photo[380:384, 10:14] = 20
    found = from_image(photo.clip(0, 255).astype(np.uint8))
    assert difference(found, from_image(enlarged(digit))) < 8


def test_a_thin_pen_is_thickened() -> None:
    sheet = np.full((400, 400), 255, np.uint8)
    sheet[50:350, 199:202] = 0
    sheet[50:53, 120:202] = 0
    found = from_image(sheet)
    assert found[found.shape[0] // 2].sum() / 255 == pytest.approx(drawing.PEN_WIDTH, abs=0.7)


@pytest.mark.parametrize("shape", [(28, 28), (5, 5), (1, 1), (300, 200, 3), (300, 200, 4)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_plain_image_has_no_ink(shape: tuple[int, ...], level: int) -> None:
    with pytest.raises(DrawingError, match="no ink"):
        from_image(np.full(shape, level, np.uint8))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((28, 28)),
        np.zeros((28, 28, 2), np.uint8),
        np.zeros(28, np.uint8),
        np.zeros((0, 5), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(DrawingError, match="Received"):
        from_image(image)


def test_an_image_beyond_50_million_pixels_is_refused() -> None:
    with pytest.raises(DrawingError, match="50 million pixels"):
        from_image(np.broadcast_to(np.uint8(0), (8000, 8000)))


def test_a_large_photo_is_read(digit: np.ndarray) -> None:
    photo = np.array(Image.fromarray(digit).resize((3000, 3000), Image.Resampling.NEAREST))
    assert difference(from_image(photo), from_image(enlarged(digit))) < 8


# --- the canvas --------------------------------------------------------------


def canvas_of(path: list[list[object]], **values: object) -> dict[str, object]:
    """A path as streamlit-drawable-canvas 0.13 (Fabric 7.4) sends it."""
    thing = {"type": "Path", "originX": "center", "originY": "center", "left": 150, "top": 200}
    return {"objects": [{**thing, "strokeWidth": 18, "path": path, **values}], "background": "#000"}


LINE: list[list[object]] = [["M", 100, 200], ["L", 200, 200]]


def test_a_canvas_path_becomes_a_stroke() -> None:
    (stroke,) = canvas.strokes(
        canvas_of([["M", 100, 200], ["Q", 150, 200, 160, 200], ["L", 200, 200]])
    )
    np.testing.assert_allclose(stroke[[0, -1]], [[100, 200], [200, 200]])
    assert len(stroke) > 10
    np.testing.assert_allclose(stroke[:, 1], 200)


def test_curves_pass_where_bezier_says() -> None:
    path: list[list[object]] = [["M", 0, 0], ["C", 0, 100, 100, 100, 100, 0]]
    (stroke,) = canvas.strokes(canvas_of(path, left=50, top=37.5))
    assert stroke[:, 1].max() == pytest.approx(75, abs=0.5)
    assert stroke[len(stroke) // 2][0] == pytest.approx(50, abs=3)


def test_a_moved_scaled_and_turned_path_is_where_it_is_seen() -> None:
    (stroke,) = canvas.strokes(canvas_of(LINE, left=10, top=20, scaleX=0.5, angle=90))
    np.testing.assert_allclose(stroke, [[10, -5], [10, 45]], atol=1e-9)
    (mirrored,) = canvas.strokes(canvas_of(LINE, flipX=True))
    np.testing.assert_allclose(mirrored, [[200, 200], [100, 200]])


def test_a_path_placed_by_its_corner_is_where_it_is_seen() -> None:
    thing = canvas_of(LINE, originX="left", originY="top", left=91, top=191)
    np.testing.assert_allclose(canvas.strokes(thing)[0], [[100, 200], [200, 200]])


def test_a_tap_is_one_point() -> None:
    tap = canvas_of([["M", 149.982, 200], ["L", 150.018, 200]])
    np.testing.assert_allclose(canvas.strokes(tap), [[[150, 200]]])


def test_an_empty_canvas_has_no_strokes_and_other_objects_are_skipped() -> None:
    assert canvas.strokes({"objects": [], "background": "#000"}) == []
    assert canvas.strokes({"objects": [{"type": "Rect", "left": 1}]}) == []


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"objects": {}},
        {"objects": [None]},
        {"objects": [{"type": "path"}]},
        {"objects": [{"type": "path", "path": "M 0 0"}]},
        canvas_of([["L", 1, 2]]),
        canvas_of([["M", 1]]),
        canvas_of([["A", 1, 2]]),
        canvas_of([["M", 1, "x"]]),
        canvas_of([["M", 1, 2], ["L", float("nan"), 2]]),
        canvas_of([]),
        canvas_of(LINE, left=None),
        canvas_of(LINE, angle="x"),
        canvas_of(LINE, originX="x"),
    ],
)
def test_what_is_no_canvas_drawing_is_refused(data: object) -> None:
    with pytest.raises(DrawingError, match="Received"):
        canvas.strokes(json.loads(json.dumps(data)))


def test_an_image_of_nothing_but_specks_is_named() -> None:
    image = np.full((200, 200), 255, np.uint8)
    image[4::8, 4::8] = 0
    with pytest.raises(DrawingError, match="no digit"):
        drawing.from_image(image)


def seven() -> np.ndarray:
    image = np.full((120, 80), 255, np.uint8)
    image[10:22, 10:70] = 0
    for y in range(22, 110):
        x = 62 - (y - 22) // 2
        image[y, x - 6 : x + 6] = 0
    return image


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P", "I;16", "LA", "palette on nothing"])
def test_a_file_of_any_kind_gives_the_same_digit_image(mode: str, tmp_path: Path) -> None:
    picture = Image.fromarray(seven())
    if mode == "I;16":
        picture = Image.fromarray(seven().astype(np.uint16) * 257)
    elif mode == "palette on nothing":
        ink = Image.fromarray(255 - seven())
        picture = Image.merge("RGBA", (*[Image.new("L", ink.size, 0)] * 3, ink)).quantize(8)
    else:
        picture = picture.convert(mode)
    picture.save(tmp_path / "seven.png")
    expected = drawing.from_image(seven()).astype(int)
    got = drawing.from_image(drawing.read_image(tmp_path / "seven.png"))
    assert np.abs(got - expected).mean() < 2


def test_a_photo_is_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    sideways = Image.fromarray(seven()).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera's top is at the right of the file's picture
    sideways.save(tmp_path / "seven.png", exif=exif)
    expected = drawing.from_image(seven()).astype(int)
    got = drawing.from_image(drawing.read_image(tmp_path / "seven.png"))
    assert np.abs(got - expected).mean() < 2


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg"])
def test_a_photo_with_a_garbled_note_of_its_camera_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"seven.{kind}"
    Image.fromarray(seven()).save(path, exif=b"Exif\x00\x00garbled")
    assert drawing.from_image(drawing.read_image(path)).any()


def test_a_file_that_is_no_image_or_a_bomb_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(DrawingError, match=r"text\.png"):
        drawing.read_image(tmp_path / "text.png")
    Image.fromarray(seven()).save(tmp_path / "seven.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DrawingError, match="million pixels"):
        drawing.read_image(tmp_path / "seven.png")
