"""How drawings become input images like a dataset's: MNIST's bit by bit, and those of others."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ink import extent, mass_centre
from test_samples import written

from digitcore import drawing
from digitcore.analysis import attribution
from digitcore.datasets import catalogue, registry
from digitcore.drawing import AS_MNIST, DrawingInput, photo, sequence

# What the first version made of these strokes and pictures.
FIRST = np.load(Path(__file__).parent / "data" / "mnist_inputs.npz")
WIDE = DrawingInput(item="sign", shape=(40, 64), box=30, centring="box", pen_width=3.0)
LOPSIDED = [np.array([[0.0, 0.0], [60.0, 0.0]]), np.array([[50.0, 0.0], [60.0, 90.0]])]


def drawings() -> list[list[np.ndarray]]:
    ends = np.cumsum([0, *FIRST["stroke_lengths"]])
    strokes = [FIRST["points"][a:b] for a, b in itertools.pairwise(ends)]
    at = np.cumsum([0, *FIRST["strokes_each"]])
    return [strokes[a:b] for a, b in itertools.pairwise(at)]


def test_strokes_and_pictures_become_the_same_mnist_images_as_ever() -> None:
    for given, image, boxed in zip(drawings(), FIRST["images"], FIRST["boxed"], strict=True):
        np.testing.assert_array_equal(drawing.from_strokes(given), image)
        np.testing.assert_array_equal(drawing.from_strokes(given, 3.1, centred=False), boxed)
    for picture, image in zip(FIRST["pictures"], FIRST["from_pictures"], strict=True):
        np.testing.assert_array_equal(drawing.from_image(picture), image)


@pytest.mark.parametrize("info", [catalogue.EMNIST_LETTERS, catalogue.EMNIST_BALANCED])
def test_what_is_drawn_for_emnist_fills_24_pixels_around_the_middle(
    info: registry.DatasetInfo,
) -> None:
    assert info.drawing is not None
    image = drawing.from_strokes(LOPSIDED, like=info.drawing)
    rows, columns = (np.flatnonzero(image.max(axis=axis) > 128) for axis in (1, 0))
    assert max(extent(image)) == pytest.approx(24, abs=1)
    for used in (rows, columns):
        assert (used[0] + used[-1]) / 2 == pytest.approx(13.5, abs=0.5)
    assert abs(mass_centre(image)[0] - 14) > 1, "its mass is elsewhere, where MNIST has it"
    assert mass_centre(drawing.from_strokes(LOPSIDED))[0] == pytest.approx(14, abs=0.1)


@pytest.mark.parametrize("like", [WIDE, replace(WIDE, centring="mass")])
def test_strokes_and_a_picture_of_them_give_the_same_image_of_any_shape(like: DrawingInput) -> None:
    image = drawing.from_strokes(LOPSIDED, like=like)
    assert image.shape == (40, 64)
    assert max(extent(image)) == pytest.approx(30, abs=1)
    again = drawing.from_image(np.kron(image, np.ones((6, 6), np.uint8)), like)
    assert again.shape == image.shape
    assert np.abs(again.astype(int) - image).mean() < 4


def test_every_way_to_read_a_drawing_makes_the_images_of_the_dataset() -> None:
    seen = []

    def predict(images: np.ndarray) -> np.ndarray:
        seen.append(images.shape[1:])
        return np.full((len(images), 10), 0.1, np.float32)

    attribution.occlusion(LOPSIDED, predict, WIDE)
    sequence.read(LOPSIDED, predict, WIDE)
    sheet = np.pad(np.zeros((90, 9), np.uint8), 60, constant_values=255)
    photo.read(sheet, predict, WIDE)
    kept = written(3, 5)
    seen += [kept.images(WIDE)[0].shape[1:], kept.variations(4, 0, WIDE)[0].shape[1:]]
    assert set(seen) == {WIDE.shape}
    np.testing.assert_array_equal(kept.images(AS_MNIST)[0], kept.images()[0])


def test_an_error_names_what_is_drawn() -> None:
    with pytest.raises(drawing.DrawingError, match="There is no letter in this image"):
        drawing.from_ink(np.zeros((9, 9)), replace(AS_MNIST, item="letter"))


@pytest.mark.parametrize("changes", [{"box": 29}, {"pen_width": 20.0}, {"pen_width": 0.0}])
def test_what_does_not_fit_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="the box fits into the image"):
        replace(AS_MNIST, **changes)


def test_a_dataset_whose_drawings_would_not_be_like_its_images_is_refused() -> None:
    for drawn, shape in ((AS_MNIST, (32, 32)), (replace(AS_MNIST, box=24), (28, 28))):
        with pytest.raises(ValueError, match=r"drawing|drawings"):
            registry.register(
                replace(catalogue.MNIST, name="other", image_shape=shape, drawing=drawn)
            )
    assert "other" not in registry.names()
