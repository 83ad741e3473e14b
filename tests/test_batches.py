"""Which images a step learns: all of them, in an order that seed and epoch decide."""

from __future__ import annotations

import time

import numpy as np
import pytest
from made_up import PLAIN, made_up_digits

from digitcore.datasets import Split
from digitcore.recipes import Recipe
from digitcore.training.batches import Batches, Samples


def numbered(count: int) -> Split:
    """Images that tell their number, and labels that agree with it."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(count) % 256
    images[:, 0, 1] = np.arange(count) // 256
    return Split(images, (np.arange(count) % 10).astype(np.uint8))


def orders(recipe: Recipe, split: Split, first_epoch: int = 0) -> list[list[int]]:
    """The numbers of the images in each epoch, in order."""
    seen = []
    for images, labels, _ in Batches(recipe, split).steps(first_epoch):
        numbers = images[:, 0, 0].numpy().astype(int) + 256 * images[:, 0, 1].numpy().astype(int)
        np.testing.assert_array_equal(labels.numpy().argmax(axis=1), numbers % 10)
        seen.extend(numbers.tolist())
    size = len(split)
    return [seen[i : i + size] for i in range(0, len(seen), size)]


def test_each_epoch_has_all_images_once_in_an_order_of_its_own() -> None:
    recipe = PLAIN.changed(epochs=3, batch_size=64)
    found = orders(recipe, numbered(330))
    assert len(found) == 3
    for order in found:
        assert sorted(order) == list(range(330))
    assert found[0] != found[1] != found[2] != found[0]
    assert found[0] != list(range(330))


def test_an_epoch_takes_as_many_images_as_asked_for_others_each_time_and_all_extras() -> None:
    recipe = PLAIN.changed(epochs=40, batch_size=64, epoch_images=100)
    everything = numbered(400)
    split = Split(everything.images[:330], everything.labels[:330])
    extra = Split(everything.images[330:], everything.labels[330:])
    seen = []
    for images, *_ in Batches(recipe, split, [Samples.of(extra)]).steps():
        pixels = images.numpy().astype(int)
        seen.extend((pixels[:, 0, 0] + 256 * pixels[:, 0, 1]).tolist())
    epochs = [set(seen[i : i + 170]) for i in range(0, len(seen), 170)]
    assert [len(epoch) for epoch in epochs] == [170] * 40
    assert all(epoch > set(range(330, 400)) for epoch in epochs)
    assert len({frozenset(epoch) for epoch in epochs}) == 40
    assert set.union(*epochs) == set(range(400))
    # The extras do not lie together at the end.
    assert max(seen[:64]) >= 330 > min(seen[128:170])


def test_more_images_an_epoch_than_there_are_is_all_of_them() -> None:
    found = orders(PLAIN.changed(epochs=2, batch_size=64, epoch_images=5_000), numbered(330))
    assert [sorted(order) for order in found] == [list(range(330))] * 2


def test_a_teacher_makes_up_a_fraction_of_each_inliers_target_and_outliers_stay_uniform() -> None:
    recipe = PLAIN.changed(epochs=1, batch_size=64, distillation=0.5)
    # The label of an outlier means nothing, whatever it is.
    outliers = Samples(
        np.full((7, 28, 28), 9, np.uint8), np.arange(7, dtype=np.uint8), np.zeros(7, bool)
    )
    soft = np.random.default_rng(0).dirichlet(np.ones(10), 337).astype(np.float32)
    seen = 0
    for batch in Batches(recipe, numbered(330), [outliers], soft).steps():
        for image, target, is_inlier in zip(*(part.numpy() for part in batch), strict=True):
            number = int(image[0, 0]) + 256 * int(image[0, 1])
            assert is_inlier == (image[2, 2] == 0)
            if is_inlier:
                expected = soft[number] / 2
                expected[number % 10] += 0.5
            else:
                expected = np.full(10, 0.1)
                seen += 1
            np.testing.assert_allclose(target, expected, atol=1e-6)
    assert seen == 7


def test_a_training_that_ends_does_not_wait_for_its_input() -> None:
    data = iter(Batches(PLAIN.changed(epochs=200, batch_size=1), numbered(330)).steps())
    begun = time.monotonic()
    # TensorFlow's tuner sleeps longer each time: now for more than a second.
    while time.monotonic() - begun < 1.4:
        next(data)
    begun = time.monotonic()
    del data
    assert time.monotonic() - begun < 0.5


def test_batches_never_mix_epochs() -> None:
    recipe = PLAIN.changed(epochs=2, batch_size=64)
    sizes = [len(labels) for _, labels, _ in Batches(recipe, numbered(330)).steps()]
    assert sizes == [64, 64, 64, 64, 64, 10] * 2


def test_a_later_epoch_can_be_the_first() -> None:
    recipe = PLAIN.changed(epochs=3)
    split = numbered(330)
    assert orders(recipe, split, first_epoch=2) == orders(recipe, split)[2:]


def test_order_follows_the_seed() -> None:
    split = numbered(330)
    assert orders(PLAIN.changed(seed=5), split) == orders(PLAIN.changed(seed=5), split)
    assert orders(PLAIN.changed(seed=5), split) != orders(PLAIN.changed(seed=6), split)


def test_augmentation_differs_from_epoch_to_epoch_and_not_from_time_to_time() -> None:
    recipe = PLAIN.changed(rotation=20, batch_size=330)
    images, labels = made_up_digits()[:2]
    one = Split(np.repeat(images[:1], 330, axis=0), np.resize(labels, 330))
    first, second = (images.numpy() for images, *_ in Batches(recipe, one).steps())
    again, *_ = next(iter(Batches(recipe, one).steps()))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    assert len(np.unique(first, axis=0)) > 200


@pytest.mark.parametrize("first", [0, 2])
def test_the_last_epochs_learn_the_images_as_they_are(first: int) -> None:
    recipe = PLAIN.changed(epochs=4, batch_size=100, rotation=20, epochs_without_augmentation=2)
    images, labels = made_up_digits()[:2]
    original = {image.tobytes() for image in images}
    found = [
        {image.tobytes() for image in batch.numpy()}
        for batch, *_ in Batches(recipe, Split(images, labels)).steps(first)
    ]
    assert len(found) == (4 - first) * 2
    augmented, plain = found[:-4], found[-4:]
    assert all(step.isdisjoint(original) for step in augmented)
    assert set.union(*plain[:2]) == set.union(*plain[2:]) == original


def test_more_epochs_without_augmentation_than_there_are_is_all_of_them() -> None:
    recipe = PLAIN.changed(batch_size=64, rotation=20, epochs_without_augmentation=9)
    assert [sorted(order) for order in orders(recipe, numbered(330))] == [list(range(330))] * 2


def test_a_step_that_makes_its_batch_itself_learns_the_same() -> None:
    images, labels = made_up_digits()[:2]
    split = Split(images, labels)
    for recipe, levels in (
        (PLAIN.changed(batch_size=64), 0),
        # By another operation, which rounds otherwise.
        (PLAIN.changed(batch_size=64, rotation=20, shift=2, scale=0.1, shear=9), 1),
        (PLAIN.changed(batch_size=64, rotation=20, elastic=2), 0),
        (PLAIN.changed(batch_size=64, rotation=20, epochs_without_augmentation=1), 1),
    ):
        ahead, within = Batches(recipe, split), Batches(recipe, split, in_step=True)
        pairs = list(zip(ahead.steps(0, 2), within.steps(0, 2), strict=True))
        assert len(pairs) == 6  # two and four of 200 images
        for (pixels, targets, is_inlier), step in pairs:
            found, *others = within.batch(*step)
            np.testing.assert_array_equal(others[0], targets)
            np.testing.assert_array_equal(others[1], is_inlier)
            assert np.abs(found.numpy().astype(int) - pixels.numpy()).max() <= levels
