"""Whether two networks differ: statistics of one pair of runs and of groups of seeds."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
import pytest
from scipy import stats

from digitcore.analysis import comparison, seeds

# Agresti (2013), Categorical Data Analysis, table 11.1: 1,600 voters rate the prime minister twice; 150
# approve only at first, 86 only at the second survey. The first approval is 944/1600, the second 880/1600.
APPROVAL = (150, 86, 1600)


def table(both: int, only_first: int, only_second: int, neither: int) -> list[np.ndarray]:
    """Predictions of two networks and labels with so many images of each kind, shuffled."""
    first = np.repeat([1, 1, 0, 0], [both, only_first, only_second, neither])
    second = np.repeat([1, 0, 1, 0], [both, only_first, only_second, neither])
    order = np.random.default_rng(0).permutation(len(first))
    return [first[order], second[order], np.ones(len(first), int)]


def test_approval_ratings_have_their_exact_p_and_difference() -> None:
    only_first, only_second, total = APPROVAL
    told = comparison.compare(*table(794, only_first, only_second, 570))
    assert told.images == total
    assert told.discordant == (only_first, only_second)
    assert told.accuracy == (944 / 1600, 880 / 1600)
    assert told.difference == pytest.approx(-0.04)  # as published: 0.55 - 0.59
    assert told.mcnemar_p == pytest.approx(stats.binomtest(86, 236, 0.5).pvalue, rel=1e-12)
    # The published Wald interval of the difference is -0.06 to -0.02.
    assert told.interval == pytest.approx((-0.0587, -0.0213), abs=0.0015)


@pytest.mark.parametrize("pair", [(0, 0), (1, 8), (8, 1), (5, 5), (0, 6), (40, 61), (3000, 3200)])
def test_p_is_the_exact_one_of_scipy(pair: tuple[int, int]) -> None:
    expected = stats.binomtest(pair[0], sum(pair), 0.5).pvalue if sum(pair) else 1.0
    assert comparison.mcnemar(*pair) == pytest.approx(expected, rel=1e-9)


def test_the_interval_is_the_one_of_drawing_images_again_and_again() -> None:
    first, second, labels = table(900, 20, 45, 35)
    told = comparison.compare(first, second, labels)
    gain = (second == labels).astype(int) - (first == labels)
    random = np.random.default_rng(7)
    means = [gain[random.integers(0, 1000, 1000)].mean() for _ in range(10_000)]
    assert told.interval == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.0011)
    assert told == comparison.compare(first, second, labels)  # the draws have a seed


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    cells = [0.02, 0.035, 0.945]
    held = 0
    for one, other, _ in random.multinomial(2000, cells, 400):
        low, high = comparison.paired_interval(int(one), int(other), 2000, resamples=1000)
        held += low <= 0.015 <= high
    assert 0.92 <= held / 400 <= 0.975


@pytest.mark.parametrize(
    ("only_first", "only_second", "expected"),
    [(0.45, 0.05, 23), (0.05, 0.45, 23), (0.3, 0.15, 155)],
)
def test_images_needed_are_those_of_published_examples(
    only_first: float, only_second: float, expected: int
) -> None:
    """powerandsamplesize.com's example of Connor (1987), and one more of its formula."""
    assert comparison.images_needed(only_first, only_second) == expected


def test_that_many_images_tell_the_two_apart_four_times_in_five() -> None:
    needed = comparison.images_needed(0.004, 0.006)
    assert needed
    draws = np.random.default_rng(2).multinomial(needed, [0.004, 0.006, 0.99], 4000)
    power = np.mean([comparison.mcnemar(int(a), int(b)) < 0.05 for a, b, _ in draws])
    assert 0.76 <= power <= 0.83


def test_two_that_are_alike_differ_in_nothing() -> None:
    labels = np.arange(50) % 10
    told = comparison.compare(labels, labels, labels)
    assert (told.difference, told.interval, told.discordant) == (0.0, (0.0, 0.0), (0, 0))
    assert (told.mcnemar_p, told.images_needed) == (1.0, None)


def test_one_that_is_always_right_and_one_that_never_is() -> None:
    labels = np.arange(50, dtype=np.uint8) % 10
    told = comparison.compare(labels, (labels + 1) % 10, labels)
    assert told.accuracy == (1.0, 0.0)
    assert (told.difference, told.interval) == (-1.0, (-1.0, -1.0))
    assert told.mcnemar_p == pytest.approx(2 * 0.5**50)
    assert told.images_needed


def test_two_that_err_differently_and_equally_often_are_not_told_apart() -> None:
    told = comparison.compare(*table(80, 10, 10, 0))
    assert (told.difference, told.mcnemar_p, told.images_needed) == (0.0, 1.0, None)
    assert told.interval[0] < 0 < told.interval[1]


@pytest.mark.parametrize(
    ("arrays", "rule"),
    [
        ([np.zeros(0, int)] * 3, "one image or more"),
        ([np.zeros(3, int), np.zeros(4, int), np.zeros(3, int)], r"integer \(N,\)"),
        ([np.zeros((3, 10), int)] * 3, r"integer \(N,\)"),
        ([np.zeros(3), np.zeros(3, int), np.zeros(3, int)], r"integer \(N,\). Received: float64"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays: list[np.ndarray], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        comparison.compare(*arrays)
    with pytest.raises(ValueError, match=rule):
        comparison.per_class(*arrays, classes=10)


@pytest.mark.parametrize(
    "call",
    [
        lambda: comparison.mcnemar(-1, 2),
        lambda: comparison.paired_interval(3, 3, 5),
        lambda: comparison.paired_interval(0, 0, 0),
        lambda: comparison.paired_interval(1, 1, 5, confidence=1.0),
        lambda: comparison.paired_interval(1, 1, 5, resamples=0),
        lambda: comparison.images_needed(-0.1, 0.2),
        lambda: comparison.images_needed(0.7, 0.4),
        lambda: comparison.images_needed(0.1, 0.2, power=1.0),
        lambda: comparison.holm([0.1, 1.1]),
        lambda: seeds.group([]),
    ],
)
def test_a_value_out_of_its_range_is_refused(call: object) -> None:
    with pytest.raises(ValueError, match="Received"):
        call()  # type: ignore[operator]


def test_disagreements_are_the_images_that_one_predicts_and_the_other_does_not() -> None:
    labels = np.array([0, 1, 2, 3, 4])
    first, second = np.array([0, 1, 0, 0, 4]), np.array([0, 0, 2, 1, 4])
    only_first, only_second = comparison.disagreements(first, second, labels)
    assert (only_first.tolist(), only_second.tolist()) == ([1], [2])
    none = np.zeros(0, int)
    assert [len(one) for one in comparison.disagreements(none, none, none)] == [0, 0]


def test_each_class_is_compared_on_its_own_images() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(0, 3, 600)
    first, second = (np.where(random.random(600) < p, labels, 3) for p in (0.7, 0.9))
    rows = comparison.per_class(first, second, labels, 4)
    expected = []
    for row in rows[:3]:
        here = labels == row.label
        alone = comparison.compare(first[here], second[here], labels[here])
        assert (row.images, row.accuracy) == (alone.images, pytest.approx(alone.accuracy))
        assert row.difference == pytest.approx(alone.difference)
        expected.append(alone.mcnemar_p)
    assert [row.mcnemar_p for row in rows] == comparison.holm([*expected, 1.0])
    assert (rows[3].images, rows[3].accuracy, rows[3].mcnemar_p) == (0, (0.0, 0.0), 1.0)


def test_holms_method_steps_down_and_never_lets_a_larger_p_pass_a_smaller_one() -> None:
    assert comparison.holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert comparison.holm([]) == []
    for ps in itertools.product([0.001, 0.012, 0.02, 0.3], repeat=3):
        # As Holm (1979) has it: the smallest is held to 0.05 / 3, the next to 0.05 / 2; the first that fails ends it.
        rejected = set()
        for rank, place in enumerate(sorted(range(3), key=ps.__getitem__)):
            if ps[place] >= 0.05 / (3 - rank):
                break
            rejected.add(place)
        assert {i for i, p in enumerate(comparison.holm(ps)) if p < 0.05} == rejected


def test_a_group_has_a_mean_and_a_sample_deviation() -> None:
    told = seeds.group([0.99, 0.992, 0.991])
    assert (told.mean, told.number) == (pytest.approx(0.991), 3)
    assert told.deviation == pytest.approx(np.std([0.99, 0.992, 0.991], ddof=1))
    assert seeds.group([0.99]).deviation is None


def test_two_groups_differ_as_welchs_test_says() -> None:
    first, second = [0.9903, 0.9899, 0.9908, 0.9901, 0.9905], [0.9951, 0.9949, 0.9950]
    told = seeds.difference_of_groups(first, second)
    expected = stats.ttest_ind(second, first, equal_var=False)
    ends = expected.confidence_interval(0.95)
    assert told.difference == pytest.approx(np.mean(second) - np.mean(first))
    assert told.interval == pytest.approx((ends.low, ends.high))
    assert told.p == pytest.approx(expected.pvalue)


def test_one_run_is_held_against_the_spread_of_a_group() -> None:
    """Crawford and Howell (1998): Student's t with a group of one."""
    group, one = [0.9903, 0.9899, 0.9908, 0.9901], [0.992]
    expected = stats.ttest_ind(one, group)  # pooled: one run adds no degree of freedom
    for pair, sign in (((group, one), 1), ((one, group), -1)):
        told = seeds.difference_of_groups(*pair)
        assert told.p == pytest.approx(expected.pvalue)
        ends = expected.confidence_interval(0.95)
        assert told.interval == pytest.approx(sorted((sign * ends.low, sign * ends.high)))
        assert told.difference == pytest.approx(sign * (0.992 - statistics.fmean(group)))


def test_seeds_that_do_not_spread_prove_nothing() -> None:
    for pair in (([0.9, 0.9], [0.8, 0.8]), ([0.9], [0.8]), ([0.9, 0.9], [0.8])):
        told = seeds.difference_of_groups(*pair)
        assert told.difference == pytest.approx(-0.1)
        assert (told.interval, told.p) == (None, None)
