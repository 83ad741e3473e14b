"""Pictures made to be slow to read cost no more than a full sheet of digits."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

from benchmarks.crafted_pictures import CRAFTED, SIDE
from digitcore.drawing import DrawingError, candidates, photo, ruled_lines
from digitcore.drawing.ruled_lines import without_lines


@pytest.mark.parametrize("kind", CRAFTED)
def test_a_crafted_picture_is_searched_for_lines_with_bounded_work(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []  # pixels that each fit of a line looked at
    fitted, beside = ruled_lines._fitted, ruled_lines._beside

    def counted_fit(*arguments: Any) -> Any:
        fits.append(0)
        return fitted(*arguments)

    def counted_pixels(*arguments: Any) -> Any:
        pixels = beside(*arguments)
        if fits:
            fits[-1] += len(pixels[0])
        return pixels

    monkeypatch.setattr(ruled_lines, "_fitted", counted_fit)
    monkeypatch.setattr(ruled_lines, "_beside", counted_pixels)
    without_lines(CRAFTED[kind])
    # In each direction 100 candidates, and fewer if many in a row are no lines.
    assert len(fits) <= 200
    # Its surroundings, of 2 million pixels; when a line is found, its own and what is erased.
    assert sum(fits) <= len(fits) * 60 * SIDE


def test_fits_that_find_no_line_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[None] = []
    monkeypatch.setattr(ruled_lines, "_fitted", lambda *_: tried.append(None))
    ink = CRAFTED["dots"]
    np.testing.assert_array_equal(without_lines(ink).ink, ink)
    assert len(tried) == 100


def test_ink_no_denser_than_that_around_it_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[bool] = []
    fitted = ruled_lines._fitted

    def noted(*arguments: Any) -> Any:
        line = fitted(*arguments)
        lines.append(line is not None)
        return line

    def unsure(images: np.ndarray) -> np.ndarray:
        return np.full((len(images), 10), 0.1, np.float32)

    monkeypatch.setattr(ruled_lines, "_fitted", noted)
    image = np.where(CRAFTED["few specks"], 0, 255).astype(np.uint8)
    with contextlib.suppress(DrawingError):
        photo.read(image, unsure, threshold=0.8, turned=True)
    assert len(lines) > 100
    assert not any(lines)


@pytest.mark.parametrize("kind", ["few specks", "strokes", "dashes"])
def test_a_crafted_picture_has_no_more_candidates_than_two_full_sheets(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All ways of telling ink from paper, and all ways up."""
    sides: list[int] = []
    from_ink = candidates.from_ink

    def counted(ink: Any, like: Any) -> Any:
        sides.append(max(ink.shape))
        return from_ink(ink, like)

    def unsure(images: np.ndarray) -> np.ndarray:
        return np.full((len(images), 10), 0.1, np.float32)

    monkeypatch.setattr(candidates, "from_ink", counted)
    # Leaves more dashes than fit in a full sheet twice.
    monkeypatch.setattr(ruled_lines, "_MOST_CANDIDATES", 80)
    image = np.where(CRAFTED[kind], 0, 255).astype(np.uint8)
    with contextlib.suppress(DrawingError):
        photo.read(image, unsure, threshold=0.8, turned=True)
    assert len(sides) <= 2 * 1200  # a wide piece may be several, which is known once it is cut
    assert max(sides, default=0) <= 164
