"""Pictures of one digit, as arrays and as files, become input images like MNIST's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ink import SEVEN, difference, extent, mass_centre
from PIL import Image

from digitcore import drawing
from digitcore.datasets import Dataset
from digitcore.drawing import DrawingError, from_image, from_strokes


def enlarged(digit: np.ndarray, times: int = 10) -> np.ndarray:
    return digit.repeat(times, axis=0).repeat(times, axis=1)


@pytest.fixture
def digit() -> np.ndarray:
    return from_strokes(SEVEN)


def test_an_enlarged_input_image_comes_back(digit: np.ndarray) -> None:
    # Its box may lie half a pixel off the grid, which the conversion rounds.
    converted = from_image(enlarged(digit))
    assert max(extent(converted)) == pytest.approx(20, abs=1)
    assert mass_centre(converted) == pytest.approx((14, 14), abs=0.6)
    assert difference(converted, digit) < 12


def test_mnist_comes_back_as_it_is(mnist: Dataset) -> None:
    images = mnist.test.images[:100]
    differences = [difference(from_image(enlarged(image)), image) for image in images]
    assert np.median(differences) < 1
    assert np.quantile(differences, 0.85) < 3


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
    converted = from_image(photo.clip(0, 255).astype(np.uint8))
    assert difference(converted, from_image(enlarged(digit))) < 8


def test_a_thin_pen_is_thickened() -> None:
    sheet = np.full((400, 400), 255, np.uint8)
    sheet[50:350, 199:202] = 0
    sheet[50:53, 120:202] = 0
    converted = from_image(sheet)
    assert converted[converted.shape[0] // 2].sum() / 255 == pytest.approx(
        drawing.PEN_WIDTH, abs=0.7
    )


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
def test_input_other_than_an_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(DrawingError, match="Received"):
        from_image(image)


def test_an_image_beyond_50_million_pixels_is_refused() -> None:
    with pytest.raises(DrawingError, match="50 million pixels"):
        from_image(np.broadcast_to(np.uint8(0), (8000, 8000)))


def test_a_large_photo_is_read(digit: np.ndarray) -> None:
    photo = np.array(Image.fromarray(digit).resize((3000, 3000), Image.Resampling.NEAREST))
    assert difference(from_image(photo), from_image(enlarged(digit))) < 8


def test_an_image_of_specks_alone_is_refused() -> None:
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
def test_a_file_of_any_kind_gives_the_same_input_image(mode: str, tmp_path: Path) -> None:
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


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    sideways = Image.fromarray(seven()).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera's top is at the right of the file's picture
    sideways.save(tmp_path / "seven.png", exif=exif)
    expected = drawing.from_image(seven()).astype(int)
    got = drawing.from_image(drawing.read_image(tmp_path / "seven.png"))
    assert np.abs(got - expected).mean() < 2


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg"])
def test_a_photo_with_a_damaged_exif_block_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"seven.{kind}"
    Image.fromarray(seven()).save(path, exif=b"Exif\x00\x00garbled")
    assert drawing.from_image(drawing.read_image(path)).any()


def test_a_file_that_is_no_image_or_a_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(DrawingError, match=r"text\.png"):
        drawing.read_image(tmp_path / "text.png")
    Image.fromarray(seven()).save(tmp_path / "seven.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DrawingError, match="million pixels"):
        drawing.read_image(tmp_path / "seven.png")
