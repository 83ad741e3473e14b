"""Selective classification against examples by hand, and scikit-learn's area under the ROC curve."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from digitcore.analysis import rejection

# From the most to the least confident: correct, correct, wrong, correct, wrong.
CONFIDENCE = np.array([0.6, 0.99, 0.5, 0.9, 0.7])
CORRECT = np.array([True, True, False, True, False])


def test_risk_and_coverage_by_hand() -> None:
    curve = rejection.risk_coverage(CONFIDENCE, CORRECT)
    assert curve.confidence.tolist() == [0.99, 0.9, 0.7, 0.6, 0.5]
    assert curve.errors.tolist() == [0, 0, 1, 1, 2]
    assert curve.coverage == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 1 / 4, 2 / 5])
    assert curve.area == pytest.approx((1 / 3 + 1 / 4 + 2 / 5) / 5)


@pytest.mark.parametrize(
    ("fraction", "images", "caught", "error", "threshold"),
    [
        (0, 0, 0, 2 / 5, 0.5),
        (0.19, 0, 0, 2 / 5, 0.5),
        (0.2, 1, 1, 1 / 4, 0.6),
        (0.4, 2, 1, 1 / 3, 0.7),
        (0.6, 3, 2, 0, 0.9),
        (0.999, 4, 2, 0, 0.99),
    ],
)
def test_what_is_rejected_by_hand(
    fraction: float, images: int, caught: float, error: float, threshold: float
) -> None:
    found = rejection.risk_coverage(CONFIDENCE, CORRECT).rejecting(fraction)
    assert (found.images, found.caught) == (images, caught)
    assert found.errors == 2 - caught
    assert found.coverage == pytest.approx(1 - images / 5)
    assert found.error == pytest.approx(error)
    assert found.threshold == threshold


def test_every_hundredth_of_a_hundred_images_is_one_more_image() -> None:
    curve = rejection.risk_coverage(np.linspace(0.1, 1, 100), np.ones(100, bool))
    assert [curve.rejecting(k / 100).images for k in range(100)] == list(range(100))


def test_equally_confident_images_are_rejected_in_no_order() -> None:
    confidence = np.array([1.0, 1.0, 1.0, 1.0, 0.5])
    correct = np.array([True, False, True, True, False])
    random = np.random.default_rng(0)
    for _ in range(5):
        order = random.permutation(5)
        curve = rejection.risk_coverage(confidence[order], correct[order])
        assert curve.errors == pytest.approx([0.25, 0.5, 0.75, 1, 2])
    same = rejection.risk_coverage(np.full(8, 0.1), np.arange(8) < 2)
    assert same.risk == pytest.approx(np.full(8, 0.75))
    assert same.area == pytest.approx(0.75)


def test_all_correct_all_wrong_and_one_image() -> None:
    confidence = np.linspace(0.2, 0.9, 7)
    for correct, risk in ((True, 0), (False, 1)):
        for count in (7, 1):
            curve = rejection.risk_coverage(confidence[:count], np.full(count, correct))
            assert curve.area == risk
            assert curve.rejecting(0.9).error == risk
            assert rejection.auroc(confidence[:count], np.full(count, correct)) is None


@pytest.mark.parametrize("fraction", [-0.1, 1, 2, np.nan])
def test_a_fraction_out_of_bounds_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction is 0 to below 1"):
        rejection.risk_coverage(CONFIDENCE, CORRECT).rejecting(fraction)


def test_auroc_by_hand() -> None:
    # Of six pairs of a correct and a wrong image, the correct one is surer in five.
    assert rejection.auroc(CONFIDENCE, CORRECT) == pytest.approx(5 / 6)


@pytest.mark.parametrize("levels", [3, 20, 10**9])
def test_auroc_is_that_of_scikit_learn(levels: int) -> None:
    random = np.random.default_rng(levels)
    confidence = np.round(random.random(2000) * levels) / levels
    correct = random.random(2000) < confidence
    assert rejection.auroc(confidence, correct) == pytest.approx(roc_auc_score(correct, confidence))
