"""Errors are counted by writer, and the interval over writers is the cluster bootstrap's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from digitcore.analysis.classification import wilson
from digitcore.analysis.writers import Writer, by_writer, cluster_interval


def test_errors_of_each_writer_stand_most_first() -> None:
    writers = np.array([7, 7, 7, 3, 3, 9, 9, 9, 9, 1])
    correct = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1, 1], bool)
    assert by_writer(writers, correct) == [
        Writer(9, 4, 2),
        Writer(3, 2, 1),  # one error in two images before one in three
        Writer(7, 3, 1),
        Writer(1, 1, 0),
    ]


def clustered(seed: int, writers: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Images of writers of whom each has an accuracy of their own."""
    random = np.random.default_rng(seed)
    counts = random.integers(5, 60, writers)
    accuracy = random.beta(8, 1, writers)
    ids = np.repeat(np.arange(writers), counts)
    return ids, random.random(len(ids)) < accuracy[ids]


def test_the_interval_is_the_one_of_scipys_paired_bootstrap() -> None:
    ids, correct = clustered(1)
    images, right = np.bincount(ids), np.bincount(ids, correct)
    expected = stats.bootstrap(
        (right, images),
        lambda r, n, axis=-1: r.sum(axis=axis) / n.sum(axis=axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    found = cluster_interval(ids, correct, resamples=20_000)
    np.testing.assert_allclose(found, (expected.low, expected.high), atol=0.002)


def test_it_is_wider_than_wilsons_only_where_a_writers_images_are_alike() -> None:
    ids, correct = clustered(2, writers=200)
    low, high = cluster_interval(ids, correct)
    plain_low, plain_high = wilson(int(correct.sum()), len(correct))
    assert high - low > 1.3 * (plain_high - plain_low)
    alone = np.arange(len(correct))
    low, high = cluster_interval(alone, correct, resamples=2_000)
    np.testing.assert_allclose((low, high), (plain_low, plain_high), atol=0.002)


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    # At 80 %, and within what 100 trials vary by: three standard deviations are 12.
    covered = 0
    for seed in range(100):
        ids, correct = clustered(seed)
        low, high = cluster_interval(ids, correct, confidence=0.8, resamples=1_000)
        covered += low <= 8 / 9 <= high
    assert 65 <= covered <= 92


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (([1, 1], [True, False]), "two or more. Received: 1"),
        (([1, 2], [True]), r"Received: \(2,\) and \(1,\)"),
        (([1, 2], [True, True], 1.0), "Received: 1.0"),
        (([1, 2], [True, True], 0.9, 0), "Received: 0"),
    ],
)
def test_what_cannot_be_resampled_is_refused(arguments: tuple, fault: str) -> None:
    writers, correct, *others = arguments
    with pytest.raises(ValueError, match=fault):
        cluster_interval(np.array(writers), np.array(correct), *others)
