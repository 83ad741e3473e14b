"""Many features of an image as few numbers, so that a person can see what lies near what.

principal_components  the directions in which features vary most (Pearson, 1901)
umap_points           a plane that keeps who is near whom (UMAP, McInnes et al., 2018); optional
nearest               the points nearest to one
inside                the points within an area
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitcore.analysis.optional import is_installed

# Of the largest eigenvalue; what is smaller is rounding.
_LEAST = 1e-10


@dataclass(frozen=True)
class Projection:
    """Principal components of D features.

    Attributes:
        mean: float64 (D,), of the features.
        axes: float64 (D, K), orthonormal columns, the direction of most variance first. A column is 0
            where the features vary in fewer directions.
        explained: float64 (K,), the fraction of the variance along each, 0 to 1.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    explained: NDArray[np.float64]

    def __call__(self, features: np.ndarray) -> NDArray[np.float32]:
        """The components, float32 (N, K), of features, float (N, D)."""
        return np.asarray((features - self.mean) @ self.axes, np.float32)


def principal_components(features: np.ndarray, count: int = 2) -> Projection:
    """The first principal components of these features.

    An axis points to where its coordinate of the largest absolute value is positive, so that the same
    features give the same picture.

    Args:
        features: float (N, D), N 1 or more, finite. Computed with the eigenvectors of a matrix of
            min(N, D) rows.
        count: K, how many components.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean
    many = len(centred) > centred.shape[1]
    values, vectors = np.linalg.eigh(centred.T @ centred if many else centred @ centred.T)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    total = float((centred**2).sum())
    real = values > _LEAST * total
    values, vectors = values[real], vectors[:, real]
    axes = vectors if many else centred.T @ vectors / np.sqrt(values)
    farthest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[farthest, np.arange(axes.shape[1])])
    missing = count - len(values)
    return Projection(
        mean,
        np.pad(axes, ((0, 0), (0, missing))),
        np.pad(values / (total or 1.0), (0, missing)),
    )


class UmapMissingError(ImportError, ValueError):
    """umap-learn is not installed; the message says how to install it."""


def check_umap() -> None:
    """Raises UmapMissingError where umap-learn is not installed; does not import it."""
    if not is_installed("umap"):
        raise UmapMissingError(
            "A map by UMAP needs umap-learn: pip install -r requirements-umap.txt"
        )


def umap_points(features: np.ndarray, seed: int = 0) -> NDArray[np.float32]:
    """Points in a plane, float32 (N, 2), so that what is near in many dimensions is near there.

    Distances between groups mean little. The same features and seed give the same points.

    Args:
        features: float (N, D), N 4 or more, finite.

    Raises:
        UmapMissingError: umap-learn is not installed.
    """
    check_umap()
    # Its variant that is a network would load TensorFlow; without it, it warns.
    sys.modules.setdefault("umap.parametric_umap", None)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap.umap_ import UMAP

        # One core, as with several the order of additions would differ from time to time.
        neighbours = min(15, len(features) - 1)
        found = UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit_transform(features)
    return np.asarray(found, np.float32)


def nearest(points: np.ndarray, point: np.ndarray, count: int) -> NDArray[np.intp]:
    """Indices, int64 (at most `count`,), of the points nearest to one by Euclidean distance, best first.

    Args:
        points: float (N, K).
        point: float (K,).
    """
    distances = ((points - point) ** 2).sum(axis=1)
    return np.argsort(distances, kind="stable")[:count]


def inside(points: np.ndarray, corners: np.ndarray) -> NDArray[np.bool_]:
    """Which points are within a polygon, by the even-odd rule, bool (N,).

    Args:
        points: float (N, 2).
        corners: float (M, 2), in order; the last is joined to the first.
    """
    near = ((points >= corners.min(axis=0)) & (points <= corners.max(axis=0))).all(axis=1)
    x, y = points[near].T  # most areas are small
    within = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crossed = (y0 > y) != (y1 > y)
        if y0 != y1:
            within ^= crossed & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    near[near] = within
    return np.asarray(near)
