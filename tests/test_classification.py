"""Metrics against small examples, published values, and scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from digitcore.analysis import classification


@pytest.fixture
def made_up() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right most of the time, and their labels."""
    random = np.random.default_rng(7)
    labels = random.integers(0, 10, 500).astype(np.uint8)
    scores = random.normal(size=(500, 10))
    scores[np.arange(500), labels] += 2
    odds = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return odds.astype(np.float32), labels


def four(true: list[int], rows: list[dict[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.zeros((len(rows), 10), np.float32)
    for i, row in enumerate(rows):
        for digit, p in row.items():
            table[i, digit] = p
    return table, np.array(true, np.uint8)


SMALL = four([4, 4, 9, 0], [{4: 0.9, 9: 0.1}, {9: 0.8, 4: 0.2}, {9: 1.0}, {6: 0.6, 0: 0.4}])


def test_wilson_for_a_good_network() -> None:
    assert classification.wilson(9_902, 10_000) == pytest.approx((0.98808, 0.99195), abs=1e-5)


@pytest.mark.parametrize(
    ("correct", "total", "expected"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_as_published(correct: int, total: int, expected: tuple[float, float]) -> None:
    assert classification.wilson(correct, total) == pytest.approx(expected, abs=5e-5)


def test_wilson_at_the_ends() -> None:
    assert classification.wilson(0, 50)[0] == 0.0
    assert classification.wilson(50, 50)[1] == 1.0
    low, high = classification.wilson(0, 20)
    assert classification.wilson(20, 20) == pytest.approx((1 - high, 1 - low))


def test_wilson_widens_with_confidence() -> None:
    low, high = classification.wilson(80, 100)
    wider_low, wider_high = classification.wilson(80, 100, confidence=0.99)
    assert wider_low < low < 0.8 < high < wider_high


@pytest.mark.parametrize(("correct", "total"), [(-1, 10), (11, 10), (0, 0)])
def test_wilson_refuses_impossible_counts(correct: int, total: int) -> None:
    with pytest.raises(ValueError, match="Received"):
        classification.wilson(correct, total)


def test_wilson_refuses_impossible_confidence() -> None:
    with pytest.raises(ValueError, match="Received: 95"):
        classification.wilson(1, 2, confidence=95)


def test_accuracy_and_loss_of_a_small_example() -> None:
    assert classification.accuracy(*SMALL) == 0.5
    expected = -np.log([0.9, 0.2, 1.0, 0.4])
    assert classification.losses(*SMALL) == pytest.approx(expected)
    assert classification.log_loss(*SMALL) == pytest.approx(expected.mean())


def test_accuracy_and_loss_as_scikit_learn(made_up: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, labels = made_up
    predicted = probabilities.argmax(axis=1)
    assert classification.accuracy(*made_up) == pytest.approx(
        metrics.accuracy_score(labels, predicted)
    )
    # scikit-learn wants sums nearer to 1 than float32 can come.
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    expected = metrics.log_loss(labels, exact, labels=range(10))
    assert classification.log_loss(*made_up) == pytest.approx(expected, rel=1e-6)


def test_loss_of_a_sure_error_is_finite() -> None:
    table, labels = four([3], [{5: 1.0}])
    assert classification.log_loss(table, labels) == pytest.approx(-np.log(1e-7))


def test_numbers_are_plain_floats() -> None:
    for value in (classification.accuracy(*SMALL), classification.log_loss(*SMALL)):
        assert type(value) is float
    assert all(type(value) is float for value in classification.wilson(3, 10))


def test_the_threshold_rejects_a_fiftieth_of_the_known_digits() -> None:
    tops = np.linspace(0.5, 1, 1001)
    table = np.zeros((1001, 10))
    table[np.arange(1001), np.arange(1001) % 10] = tops
    threshold = classification.rejection_threshold(table)
    assert threshold == pytest.approx(0.51)
    assert (tops < threshold).sum() == 20
    assert classification.rejection_threshold(table, 0) == 0.5
    with pytest.raises(ValueError, match="at least one image"):
        classification.rejection_threshold(table[:0])


def test_confusion_of_a_small_example() -> None:
    probabilities, labels = SMALL
    matrix = classification.confusion(labels, probabilities.argmax(axis=1), 10)
    assert matrix.shape == (10, 10)
    assert {tuple(cell): int(matrix[tuple(cell)]) for cell in np.argwhere(matrix)} == {
        (4, 4): 1,
        (4, 9): 1,
        (9, 9): 1,
        (0, 6): 1,
    }


def test_confusion_and_scores_as_scikit_learn(made_up: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, labels = made_up
    predicted = probabilities.argmax(axis=1)
    expected = metrics.confusion_matrix(labels, predicted, labels=range(10))
    assert np.array_equal(classification.confusion(labels, predicted, 10), expected)

    scores = classification.per_class(labels, predicted, 10)
    columns = metrics.precision_recall_fscore_support(labels, predicted, labels=range(10))
    assert [s.label for s in scores] == list(range(10))
    for name, column in zip(("precision", "recall", "f1", "support"), columns, strict=True):
        assert [getattr(s, name) for s in scores] == pytest.approx(list(column))


def test_scores_of_absent_classes_are_zero() -> None:
    score = classification.per_class(np.array([1], np.uint8), np.array([1]), 10)[5]
    assert score == (5, 0.0, 0.0, 0.0, 0)


def test_largest_uint8_labels_do_not_overflow() -> None:
    last = np.full(3, 46, np.uint8)
    assert classification.confusion(last, last, 47)[46, 46] == 3


def test_table_holds_a_row_an_image() -> None:
    rows = classification.table(*SMALL)
    assert list(rows[0]) == ["index", "true", "predicted", *(f"p{d}" for d in range(10))]
    assert rows[1]["index"] == 1
    assert (rows[1]["true"], rows[1]["predicted"]) == (4, 9)
    assert rows[1]["p9"] == 0.8


def test_no_images() -> None:
    nothing = np.empty((0, 10), np.float32), np.empty(0, np.uint8)
    assert classification.table(*nothing) == []
    for metric in (classification.accuracy, classification.log_loss):
        with pytest.raises(ValueError, match="one image or more"):
            metric(*nothing)


def test_arrays_that_do_not_fit() -> None:
    probabilities, labels = SMALL
    with pytest.raises(ValueError, match="Received"):
        classification.accuracy(probabilities, labels[:3])
    with pytest.raises(ValueError, match="same length"):
        classification.confusion(labels, labels[:3], 10)
    with pytest.raises(ValueError, match="0 to 9"):
        classification.accuracy(probabilities, np.array([0, 1, 2, 10]))
    with pytest.raises(ValueError, match="integer"):
        classification.accuracy(probabilities, labels.astype(float))


def test_the_most_frequent_confusions_come_first_and_no_cell_without_an_error() -> None:
    matrix = np.array([[90, 10, 0], [1, 4, 5], [0, 0, 0]])
    assert classification.most_confused(matrix, 2) == [(0, 1, 10, 0.1), (1, 2, 5, 0.5)]
    assert classification.most_confused(matrix, 9)[2:] == [(1, 0, 1, 0.1)]
