"""Whether probabilities mean what they say: calibration, and the temperature that mends it.

A network is calibrated if, of all that it predicts with 90 % confidence, 90 % is correct.

Arrays are as in `classification`: `probabilities`, float (N, classes), and `labels`, integer (N,).
Most of what is here, and all of `rejection`, needs only what `answers` makes of them: `confidence`,
float (N,), 0 to 1, the highest probability of each image, and `correct`, bool (N,), whether that
class is the true one.

All of it is NumPy, because SciPy would delay a page; the tests compare with scikit-learn and SciPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digitcore.analysis import classification
from digitcore.analysis.classification import wilson
from digitcore.runs import probabilities as tables

BINS = 15  # as Guo et al. (2017) have it
# Between these a temperature is sought: where all images are correct, the colder the better without end.
COLDEST, HOTTEST = 0.05, 20.0
# A probability that float32 makes 0 was below this.
_LEAST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Reliability:
    """How often a network is correct where it is this confident (DeGroot and Fienberg, 1983).

    Attributes:
        edges: float64 (bins + 1,), ascending; a bin holds the confidences above its lower edge, up to
            and with its upper one, the first one its lower edge as well.
        counts: int64 (bins,), the images in each.
        confidence: float64 (bins,), their mean confidence; NaN where there is none.
        accuracy: float64 (bins,), the fraction of them that is correct; NaN where there is none.
        low, high: float64 (bins,), the 95 % interval of the accuracy (Wilson); NaN where there is none.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error (Guo et al., 2017), 0 to 1.

        It is how far confidence and accuracy are apart in a bin, in the mean over images.
        """
        gaps = self.counts * np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gaps) / self.counts.sum())


def answers(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The confidence of each image, float64 (N,), and whether it is predicted correctly, bool (N,).

    Raises:
        ValueError: the arrays do not fit together or are empty, or a row is not one of probabilities.
    """
    probabilities, labels = _probabilities(probabilities, labels)
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(labels)), predicted].astype(np.float64)
    return confidence, predicted == labels


def checked(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two as arrays of float64 and of bool, both (N,).

    Raises:
        ValueError: the arrays do not fit together or are empty, or a confidence is not 0 to 1.
    """
    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct)
    if confidence.ndim != 1 or correct.shape != confidence.shape or correct.dtype != bool:
        raise ValueError(
            "confidence is float (N,) and correct bool (N,). "
            f"Received: {confidence.shape}, and {correct.dtype} {correct.shape}"
        )
    if not len(confidence):
        raise ValueError("There must be one image or more. Received: none")
    # No comparison holds for what is no number.
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError(
            f"confidence is 0 to 1. Received: {confidence.min()} to {confidence.max()}"
        )
    return confidence, correct


def reliability(
    confidence: np.ndarray, correct: np.ndarray, bins: int = BINS, *, equal_mass: bool = False
) -> Reliability:
    """Confidence against accuracy, in bins.

    Args:
        confidence: float (N,), 0 to 1.
        correct: bool (N,).
        bins: how many, 1 or more.
        equal_mass: whether the bins hold as many images each as they can, instead of being equally
            wide. Images as confident as each other stay together, so there may be fewer bins.

    Raises:
        ValueError: the arrays do not fit together or are empty, or there is no bin.
    """
    confidence, correct = checked(confidence, correct)
    edges, bin_of = _binned(confidence, bins, equal_mass)
    counts = np.bincount(bin_of, minlength=len(edges) - 1)
    some = np.where(counts, counts, np.nan)
    right = np.bincount(bin_of, weights=correct, minlength=len(counts))
    ends = [
        wilson(int(good), int(count)) if count else (np.nan, np.nan)
        for good, count in zip(right, counts, strict=True)
    ]
    low, high = np.array(ends).T
    means = np.bincount(bin_of, weights=confidence, minlength=len(counts)) / some
    return Reliability(edges, counts, means, right / some, low, high)


def error_interval(
    confidence: np.ndarray,
    correct: np.ndarray,
    bins: int = BINS,
    *,
    equal_mass: bool = False,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """About the 95 % interval of the expected calibration error, by the bootstrap over images.

    Noise in a bin only ever adds to this error, and drawing images anew adds to it once more (Kumar, Liang
    and Ma, 2019). So the ends are those of the basic bootstrap (Davison and Hinkley, 1997), which takes the
    draws' excess off. Where a calibrated network would often show such an error by chance alone (consistency
    resampling: Bröcker and Smith, 2007), the interval is wide: from 0 to where the draws end. The error
    itself lies within, and bins stay as they are.

    Args:
        confidence, correct, bins, equal_mass: as in `reliability`.
        draws: how often images are drawn anew, 1 or more.
        seed: the same gives the same interval.

    Raises:
        ValueError: as in `reliability`, or there is no draw.
    """
    confidence, correct = checked(confidence, correct)
    if draws < 1:
        raise ValueError(f"draws is 1 or more. Received: {draws}")
    edges, bin_of = _binned(confidence, bins, equal_mass)
    # Images of one bin, alike correct, whose confidences agree to a thousandth, are of one kind: how many
    # of each kind are drawn is quicker to say than which images.
    kinds = (bin_of * 2 + correct) * 1001 + np.rint(1000 * confidence).astype(int)
    _, first, kind_of, counts = np.unique(
        kinds, return_index=True, return_inverse=True, return_counts=True
    )
    gaps = np.zeros((len(counts), len(edges) - 1))
    gaps[np.arange(len(counts)), bin_of[first]] = (
        np.bincount(kind_of, weights=correct - confidence) / counts
    )
    total = len(confidence)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(total, counts / total, draws)
    here, errors = (np.abs(each @ gaps).sum(axis=-1) / total for each in (counts, drawn))
    # Whether images of a calibrated network are correct varies in a bin by this much.
    deviations = np.sqrt(np.bincount(bin_of, weights=confidence * (1 - confidence)))
    by_chance = np.abs(random.normal(0, deviations, (draws, len(deviations)))).sum(axis=1) / total
    least, most = np.quantile(errors, (0.025, 0.975))
    if here <= np.quantile(by_chance, 0.95):
        return 0.0, float(max(here, most))
    return float(max(0, min(here, 2 * here - most))), float(max(here, 2 * here - least))


def temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that gives these images the lowest log loss (Guo et al., 2017).

    Above 1 the network was too confident, below 1 not confident enough. Logits are not needed: up to
    a constant a row's logarithms are the same. Choose it on the validation split.

    Returns:
        A temperature for `at_temperature`, `COLDEST` to `HOTTEST`. It is the former where no image
        is wrong, and may be the latter where the network is no better than guessing.

    Raises:
        ValueError: as in `answers`.
    """
    probabilities, labels = _probabilities(probabilities, labels)
    logs = _logs(probabilities)
    true = float(logs[np.arange(len(labels)), labels].mean())

    def slopes(inverse: float) -> tuple[float, float]:
        """First and second derivative of the log loss by 1 / temperature, in which it is convex."""
        scaled = _softmax(logs * inverse)
        means = (scaled * logs).sum(axis=1)
        spread = (scaled * logs**2).sum(axis=1) - means**2
        return float(means.mean()) - true, float(spread.mean())

    low, high = 1 / HOTTEST, 1 / COLDEST
    if slopes(low)[0] >= 0:
        return HOTTEST
    if slopes(high)[0] <= 0:
        return COLDEST
    inverse = 1.0
    for _ in range(100):  # of Newton's steps; one that leaves the bracket halves it
        slope, curvature = slopes(inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        new = inverse - slope / curvature if curvature > 0 else low
        new = new if low < new < high else float(np.sqrt(low * high))
        if abs(new - inverse) <= 1e-9 * inverse:
            break
        inverse = new
    return 1 / inverse


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities after scaling by a temperature, float32 (N, classes), rows summing to 1.

    Each is raised to the power 1 / temperature: what dividing logits by it does. The classes keep their
    order within a row, so that the predicted class stays.

    Args:
        probabilities: float (N, classes), rows summing to 1; N may be 0.
        temperature: above 0.

    Raises:
        ValueError: a row is not one of probabilities, or the temperature is not above 0.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature is above 0. Received: {temperature}")
    _refuse_others(probabilities := np.asarray(probabilities))
    return _softmax(_logs(probabilities) / temperature).astype(np.float32)


def _binned(confidence: np.ndarray, bins: int, equal_mass: bool) -> tuple[np.ndarray, np.ndarray]:
    """The bins' edges, float64 (bins + 1,), and the bin of each image, int64 (N,)."""
    if bins < 1:
        raise ValueError(f"bins is 1 or more. Received: {bins}")
    edges = np.linspace(0, 1, bins + 1)
    if equal_mass:
        # Confidences themselves, so that no bin is empty.
        edges = np.sort(confidence)[np.arange(bins + 1) * (len(confidence) - 1) // bins]
        inner = np.unique(edges[1:-1])
        edges = np.array([edges[0], *inner[inner < edges[-1]], edges[-1]])
    return edges, np.searchsorted(edges[1:-1], confidence, side="left")


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.maximum(probabilities.astype(np.float64), _LEAST)))


def _softmax(logs: np.ndarray) -> np.ndarray:
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _probabilities(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    classification.accuracy(probabilities, labels)  # says what does not fit together
    _refuse_others(probabilities)
    return probabilities, labels


def _refuse_others(probabilities: np.ndarray) -> None:
    if probabilities.ndim != 2:
        raise ValueError(
            f"Probabilities have the shape (N, classes). Received: {probabilities.shape}"
        )
    if len(probabilities):
        table = probabilities.astype(np.float32, copy=False)
        if fault := tables.fault(table, probabilities.shape[1]):
            raise ValueError(f"Probabilities {fault}.")
