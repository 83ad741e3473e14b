"""Calibration against examples by hand, planted truths, scikit-learn's and SciPy's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.calibration import calibration_curve

from digitcore.analysis import calibration, classification, rejection

Table = tuple[np.ndarray, np.ndarray]


def made_up(heat: float = 1.0, images: int = 4000, classes: int = 10, seed: int = 0) -> Table:
    """Probabilities that are what they say at `heat` 1; above it they are too confident, below too little."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2.5, (images, classes))
    drawn = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    return special.softmax(logits * heat, axis=1).astype(np.float32), drawn


def by_hand() -> Table:
    """Five images: two bins of ten hold them, with 0.55, 0.58 (one of two correct) and 0.79 (all three)."""
    sure = np.array([0.55, 0.58, 0.79, 0.79, 0.79], np.float32)
    return np.stack([sure, 1 - sure], axis=1), np.array([1, 0, 0, 0, 0])


def test_answers_are_the_highest_probability_and_whether_its_class_is_true() -> None:
    confidence, correct = calibration.answers(*by_hand())
    assert confidence == pytest.approx([0.55, 0.58, 0.79, 0.79, 0.79])
    assert correct.tolist() == [False, True, True, True, True]


def test_a_bin_holds_what_is_above_its_lower_edge_up_to_its_upper() -> None:
    confidence = np.array([0.0, 0.5, 0.5, 0.75, 1.0])
    correct = np.array([False, True, False, True, True])
    found = calibration.reliability(confidence, correct, bins=4)
    assert found.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.counts.tolist() == [1, 2, 1, 1]
    assert found.confidence == pytest.approx([0, 0.5, 0.75, 1])
    assert found.accuracy == pytest.approx([0, 0.5, 1, 1])
    assert (found.low[1], found.high[1]) == pytest.approx(classification.wilson(1, 2))


def test_expected_calibration_error_by_hand() -> None:
    found = calibration.reliability(*calibration.answers(*by_hand()), bins=5)
    # |1/2 - 0.565| of two images, |3/3 - 0.79| of three.
    assert found.counts.tolist() == [0, 0, 2, 3, 0]
    assert np.isnan(found.accuracy[[0, 1, 4]]).all()
    assert found.error == pytest.approx((2 * 0.065 + 3 * 0.21) / 5)


@pytest.mark.parametrize(("equal_mass", "strategy"), [(False, "uniform"), (True, "quantile")])
@pytest.mark.parametrize("classes", [2, 10, 47])
def test_bins_are_those_of_scikit_learn(equal_mass: bool, strategy: str, classes: int) -> None:
    confidence, correct = calibration.answers(*made_up(1.7, 3999, classes))
    found = calibration.reliability(confidence, correct, equal_mass=equal_mass)
    accuracy, mean = calibration_curve(correct, confidence, n_bins=15, strategy=strategy)
    some = found.counts > 0
    assert found.accuracy[some] == pytest.approx(accuracy)
    assert found.confidence[some] == pytest.approx(mean)
    assert found.counts.sum() == len(correct)


def test_bins_of_equal_mass_hold_equally_many_and_ties_stay_together() -> None:
    confidence = np.linspace(0.1, 1, 90)
    correct = np.ones(90, bool)
    counts = calibration.reliability(confidence, correct, equal_mass=True).counts
    assert len(counts) == 15
    assert set(counts.tolist()) <= {5, 6, 7}
    confidence[10:] = 1
    counts = calibration.reliability(confidence, correct, equal_mass=True).counts
    assert counts[-1] >= 80
    assert counts.min() > 0
    same = calibration.reliability(np.full(9, 0.5), np.ones(9, bool), equal_mass=True)
    assert same.counts.tolist() == [9]


@pytest.mark.parametrize("heat", [1.0, 1.5, 0.6])
def test_the_interval_of_the_error_holds_the_true_one(heat: float) -> None:
    big = calibration.reliability(*calibration.answers(*made_up(heat, 200_000))).error
    truth = 0.0 if heat == 1 else big
    held = 0
    for seed in range(24):
        answers = calibration.answers(*made_up(heat, 10_000, seed=seed + 1))
        low, high = calibration.error_interval(*answers, draws=200)
        assert low - 1e-9 <= calibration.reliability(*answers).error <= high + 1e-9
        held += low <= truth <= high
    assert held >= 20  # about 23 are expected of 95 %


def test_the_interval_is_that_of_drawing_images_anew() -> None:
    confidence, correct = calibration.answers(*made_up(1.6, 800))
    random = np.random.default_rng(5)
    gaps = correct - confidence
    bins = np.ceil(confidence * 15).astype(int)
    drawn = [
        abs(np.bincount(bins[images], weights=gaps[images])).sum() / 800
        for images in random.integers(0, 800, (2000, 800))
    ]
    error = calibration.reliability(confidence, correct).error
    low, high = 2 * error - np.quantile(drawn, [0.975, 0.025])
    found = calibration.error_interval(confidence, correct, draws=2000)
    assert found == pytest.approx((low, high), abs=0.002)
    assert found[1] - found[0] > 0.02


def test_the_interval_is_the_same_each_time() -> None:
    answers = calibration.answers(*made_up(1.6, 500))
    assert calibration.error_interval(*answers) == calibration.error_interval(*answers)
    assert calibration.error_interval(*answers, seed=1) != calibration.error_interval(*answers)


def test_a_known_temperature_is_recovered() -> None:
    # Three of four are correct where the network says nine of ten: 9 ** (1 / T) must be 3.
    probabilities = np.tile(np.array([[0.9, 0.1]], np.float32), (4, 1))
    labels = np.array([0, 0, 0, 1])
    assert calibration.temperature(probabilities, labels) == pytest.approx(2, rel=1e-6)
    assert calibration.at_temperature(probabilities, 2)[0] == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_too_soft_needs_cold_and_too_sure_needs_heat(heat: float) -> None:
    probabilities, labels = made_up(heat, 40_000)
    assert calibration.temperature(probabilities, labels) == pytest.approx(heat, rel=0.05)


def test_the_temperature_is_the_best_that_scipy_finds() -> None:
    probabilities, labels = made_up(2.2, 1500, classes=47)
    logs = np.log(probabilities.astype(float))
    true = np.arange(len(labels)), labels

    def loss(log_temperature: float) -> float:
        scaled = logs / np.exp(log_temperature)
        return -float(special.log_softmax(scaled, axis=1)[true].mean())

    best = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded")
    assert calibration.temperature(probabilities, labels) == pytest.approx(np.exp(best.x), rel=1e-4)


def test_zeros_are_small_probabilities_and_no_infinite_loss() -> None:
    probabilities = np.array([[1, 0, 0]] * 9 + [[0, 1, 0]], np.float32)
    labels = np.zeros(10, int)
    found = calibration.temperature(probabilities, labels)
    assert 10 < found <= calibration.HOTTEST
    mended = calibration.at_temperature(probabilities, found)
    assert np.isfinite(mended).all()
    assert mended[0, 1] > 0
    assert calibration.at_temperature(probabilities, 0.5)[0].tolist() == [1, 0, 0]


def test_scaling_keeps_the_predicted_class_and_sums_to_one() -> None:
    probabilities, _ = made_up(1.2, 300, classes=47)
    for temperature in (calibration.COLDEST, 0.7, 1.0, calibration.HOTTEST):
        mended = calibration.at_temperature(probabilities, temperature)
        assert mended.dtype == np.float32
        assert mended.sum(axis=1) == pytest.approx(np.ones(300), abs=1e-5)
        assert np.array_equal(mended.argmax(axis=1), probabilities.argmax(axis=1))
    assert calibration.at_temperature(probabilities, 1) == pytest.approx(probabilities, abs=1e-6)
    assert len(calibration.at_temperature(probabilities[:0], 2)) == 0


def test_the_temperature_mends_the_calibration_of_other_images() -> None:
    temperature = calibration.temperature(*made_up(2.0, seed=1))
    probabilities, labels = made_up(2.0, seed=2)
    before, after = (
        calibration.reliability(*calibration.answers(table, labels)).error
        for table in (probabilities, calibration.at_temperature(probabilities, temperature))
    )
    assert after < before / 3


@pytest.mark.parametrize("images", [1, 50])
def test_all_correct_and_all_wrong(images: int) -> None:
    probabilities = np.tile(np.array([[0.7, 0.2, 0.1]], np.float32), (images, 1))
    for label, coldest, error in ((0, calibration.COLDEST, 0.3), (2, calibration.HOTTEST, 0.7)):
        labels = np.full(images, label)
        answers = calibration.answers(probabilities, labels)
        assert calibration.reliability(*answers).error == pytest.approx(error)
        # One image is no proof that a network is not calibrated.
        low = error if images > 1 else 0
        assert calibration.error_interval(*answers) == pytest.approx((low, error))
        assert calibration.temperature(probabilities, labels) == coldest


ROWS = np.array([[0.5, 0.5], [0.9, 0.1]], np.float32)
LABELS = np.array([0, 1])


@pytest.mark.parametrize(
    ("probabilities", "labels", "told"),
    [
        (ROWS[:0], LABELS[:0], "one image or more"),
        (ROWS, LABELS[:1], r"\(1, classes\)"),
        (ROWS, np.array([0, 2]), "0 to 1"),
        (np.where(ROWS == 0.1, np.nan, ROWS), LABELS, "must be from 0 to 1"),
        (ROWS * 1.2, LABELS, "must be from 0 to 1|sum to 1"),
        (ROWS * 0.9, LABELS, "sum to 1"),
        (ROWS[0], LABELS, r"\(N, classes\)"),
    ],
)
@pytest.mark.parametrize("function", [calibration.answers, calibration.temperature])
def test_what_are_no_probabilities_is_refused(
    function: Callable, probabilities: np.ndarray, labels: np.ndarray, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        function(probabilities, labels)


def test_wrong_settings_are_refused() -> None:
    answers = calibration.answers(ROWS, LABELS)
    with pytest.raises(ValueError, match="bins is 1 or more"):
        calibration.reliability(*answers, bins=0)
    with pytest.raises(ValueError, match="draws is 1 or more"):
        calibration.error_interval(*answers, draws=0)
    for temperature in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="temperature is above 0"):
            calibration.at_temperature(ROWS, temperature)
    with pytest.raises(ValueError, match="sum to 1"):
        calibration.at_temperature(ROWS * 0.9, 1)
    with pytest.raises(ValueError, match=r"\(N, classes\)"):
        calibration.at_temperature(ROWS[0], 1)


NO_ANSWERS = [
    ([], [], "one image or more"),
    ([0.5, np.nan], [True, False], "0 to 1"),
    ([0.5, 1.1], [True, False], "0 to 1"),
    ([0.5, 0.6], [True], "Received"),
    ([0.5, 0.6], [1, 0], "bool"),
    ([[0.5]], [[True]], "Received"),
]


@pytest.mark.parametrize(("confidence", "correct", "told"), NO_ANSWERS)
@pytest.mark.parametrize(
    "function",
    [
        calibration.reliability,
        calibration.error_interval,
        rejection.risk_coverage,
        rejection.auroc,
    ],
)
def test_what_are_no_answers_is_refused(
    function: Callable, confidence: list, correct: list, told: str
) -> None:
    right = np.array(correct, bool if not correct else None)
    with pytest.raises(ValueError, match=told):
        function(np.array(confidence), right)
