"""A person's drawings: kept, varied, written to a file and read back, and refused when wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from digitcore import drawing
from digitcore.drawing import samples, synthetic
from digitcore.drawing.samples import HandwritingSamples, SamplesError
from digitcore.jobs import fine_tuning
from digitcore.recipes import Recipe

ONE = [np.array([[100.0, 20.0], [100.0, 300.0]])]


def written(*digits: int, seed: int = 0) -> HandwritingSamples:
    """Drawings of synthetic digits, moved to where a canvas would have them."""
    random = np.random.default_rng(seed)
    kept = HandwritingSamples()
    for digit in digits:
        strokes = [stroke * 2 + 160 for stroke in synthetic.write(digit, random)]
        kept = kept.added(digit, strokes)
    return kept


def test_a_drawing_is_added_to_new_samples_and_the_old_ones_stay() -> None:
    old = written(3)
    new = old.added(1, ONE)
    assert [example.digit for example in new.examples] == [3, 1]
    assert len(old) == 1
    assert new.counts == [0, 1, 0, 1, 0, 0, 0, 0, 0, 0]
    assert [example.digit for example in new.without(0).examples] == [1]


def test_interpolated_weights_lie_between_the_initial_and_the_trained_ones() -> None:
    initial, trained = [np.zeros((2, 3)), np.ones(4)], [np.ones((2, 3)), np.full(4, 3.0)]
    kept = fine_tuning.interpolated(initial, trained, 0.7)
    np.testing.assert_allclose(kept[0], np.full((2, 3), 0.7))
    np.testing.assert_allclose(kept[1], np.full(4, 2.4))


def test_every_third_drawing_of_a_digit_is_held_out_whatever_comes_between() -> None:
    whole = written(7, 1, 7, 1, 7, 7, 1, 7, 7)
    assert whole.held_out.counts == [0, 1, 0, 0, 0, 0, 0, 2, 0, 0]
    assert whole.training.counts == [0, 2, 0, 0, 0, 0, 0, 4, 0, 0]
    assert [i for i, one in enumerate(whole.examples) if one.held_out] == [4, 6, 8]
    # Neither what is added later nor what is removed changes anything of what was held out.
    kept = [example.image.tobytes() for example in whole.held_out.examples]
    later = whole.added(7, ONE).without(0).without(0)
    assert [example.image.tobytes() for example in later.held_out.examples] == kept
    assert HandwritingSamples.from_json(later.to_json()).held_out.counts == whole.held_out.counts


def test_a_drawing_in_place_of_a_removed_one_is_trained_on_as_that_was() -> None:
    whole = written(0, 0, 0).without(0).added(0, ONE)
    assert (whole.training.counts[0], whole.held_out.counts[0]) == (2, 1)


def test_its_images_are_those_of_the_drawing_page() -> None:
    kept = written(4, 2)
    images, labels = kept.images()
    assert labels.tolist() == [4, 2]
    assert labels.dtype == images.dtype == np.uint8
    again = [drawing.from_strokes(example.strokes) for example in kept.examples]
    np.testing.assert_array_equal(images, again)


def test_variations_take_the_drawings_in_turn_and_no_two_are_the_same() -> None:
    kept = written(4, 2, 9)
    images, labels = kept.variations(9, seed=1)
    assert labels.tolist() == [4, 2, 9] * 3
    assert len({image.tobytes() for image in images}) == 9
    again, _ = kept.variations(9, seed=1)
    np.testing.assert_array_equal(images, again)
    other, _ = kept.variations(9, seed=2)
    assert (images != other).any()


def test_a_variation_is_more_like_its_drawing_than_like_another_writing_of_the_digit() -> None:
    drawn, another = written(4, seed=1), written(4, seed=2)
    images, _ = drawn.variations(40, seed=0)
    far = [
        np.abs(images.astype(float) - one.images()[0].astype(float)).mean()
        for one in (drawn, another)
    ]
    assert far[0] < 0.7 * far[1]


def test_no_drawing_gives_no_image() -> None:
    for images, labels in (
        HandwritingSamples().images(),
        HandwritingSamples().variations(5, seed=0),
    ):
        assert images.shape == (0, 28, 28)
        assert labels.shape == (0,)


def test_a_file_is_read_back_to_the_same_drawings(tmp_path: Path) -> None:
    kept = written(*range(10))
    kept.save(tmp_path / "samples.json")
    again = HandwritingSamples.load(tmp_path / "samples.json")
    assert again.counts == kept.counts
    np.testing.assert_array_equal(again.images()[0], kept.images()[0])
    assert again.to_json() == kept.to_json()


def test_a_dot_is_a_drawing_and_a_stroke_without_points_is_none() -> None:
    kept = HandwritingSamples().added(1, [np.zeros((0, 2)), np.array([[5.0, 5.0]])])
    assert [len(stroke) for stroke in kept.examples[0].strokes] == [1]


@pytest.mark.parametrize(
    ("digit", "strokes"),
    [
        (10, ONE),
        (-1, ONE),
        (1, []),
        (1, [np.zeros((0, 2))]),
        (1, [[[1.0, float("nan")]]]),
        (1, [[1.0, 2.0, 3.0]]),
        (1, ["stroke"]),
        (1, [np.random.default_rng(0).random((samples.MAX_POINTS + 1, 2))]),
    ],
)
def test_what_is_no_digit_and_no_drawing_is_refused_in_a_sentence(
    digit: int, strokes: list[object]
) -> None:
    with pytest.raises(SamplesError, match=r"Received: "):
        HandwritingSamples().added(digit, strokes)  # type: ignore[arg-type]


def test_the_number_of_drawings_is_limited() -> None:
    full = HandwritingSamples(written(1).examples * samples.MAX_DRAWINGS)
    with pytest.raises(SamplesError, match="up to 300 drawings"):
        full.added(1, ONE)


POINTS = [[[1, 2], [3, 40]]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "[]",
        "{",
        json.dumps({"format": "another", "drawings": []}),
        json.dumps({"format": "digit-studio-hand-1"}),
        json.dumps(
            {"format": "digit-studio-hand-1", "drawings": [{"digit": 11, "strokes": POINTS}]}
        ),
        json.dumps({"format": "digit-studio-hand-1", "drawings": [{"digit": 1, "strokes": []}]}),
        json.dumps({"format": "digit-studio-hand-1", "drawings": [{"digit": 1, "strokes": [[1]]}]}),
        '{"format":"digit-studio-hand-1","drawings":[{"digit":1,"strokes":[[[1,1e999],[1,2]]]}]}',
        "[" * 100_000,
        json.dumps(
            {
                "format": "digit-studio-hand-1",
                "drawings": [{"digit": 1, "strokes": POINTS}] * (samples.MAX_DRAWINGS + 1),
            }
        ),
        " " * (samples.MAX_FILE_BYTES + 1),
    ],
)
def test_a_file_of_no_drawings_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "samples.json").write_text(text)
    with pytest.raises(SamplesError) as caught:
        HandwritingSamples.load(tmp_path / "samples.json")
    assert len(str(caught.value)) < 300
    with pytest.raises(SamplesError):
        HandwritingSamples.from_json(text)


def test_a_file_that_is_no_json_is_named_and_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("epochs = 3\n")
    with pytest.raises(SamplesError) as caught:
        HandwritingSamples.load(path)
    assert str(caught.value) == (
        f"{path}: This is not a file of drawings, as the page Draw exports it"
    )


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(SamplesError):
        HandwritingSamples.from_json(b"\xff\xfe\x00")


def test_fine_tuning_keeps_the_network_the_split_and_the_outliers() -> None:
    reader = Recipe.load("reader")
    changed = fine_tuning.fine_tuning_recipe(reader)
    kept = ("name", "layers", "training_images", "validation_split", "rotation", "precision")
    assert not set(kept) & set(reader.differences(changed))
    assert 0 < changed.synthetic_outliers < reader.synthetic_outliers
    assert changed.images_an_epoch() < 10_000
    assert fine_tuning.fine_tuning_recipe(Recipe.load("fast")).synthetic_outliers == 0


def test_fine_tuning_takes_seconds_whatever_the_recipe() -> None:
    slow = Recipe.load("fast").changed(synthetic_digits=5000, distillation=0.5, epochs=50)
    changed = fine_tuning.fine_tuning_recipe(slow)
    assert (changed.synthetic_digits, changed.distillation, changed.epochs) == (0, 0, 1)
