"""A gallery of any number of images, a page of it at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from digitcore.datasets import Split
from ui import address
from ui.gallery import Pages, Tile, gallery

PAGE_SIZE = 24


def paged_gallery(
    indices: np.ndarray,
    listed: str,
    rows_of: Callable[[np.ndarray], np.ndarray],
    split: Split,
    key: str,
    names: Sequence[str],
    prefix: str = "",
) -> tuple[np.ndarray, int | None]:
    """Draws one page of the images; the indices on it, and the one that is opened.

    Args:
        indices: of the images in their order, integer (K,), at least one.
        listed: says which images these are: others begin at their first page.
        rows_of: from indices of a page, integer (P,), to their probabilities, float (P, classes).
        split: whose images they are.
        key: of this gallery in the page.
        names: of the classes.
        prefix: of what the address keeps: the page and the opened image.
    """
    pages = -(-len(indices) // PAGE_SIZE)
    page, page_key, paged = 1, f"{prefix}page", f"{prefix}paged"
    grid = st.container()
    if st.session_state.setdefault(paged, listed) != listed:
        st.session_state.update({paged: listed, page_key: 1})
    if pages > 1:
        address.bring_back(page_key)
        page = st.pagination(pages, key=page_key, max_visible_pages=5, bind="query-params")
    address.remember(page_key, page)
    shown = indices[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    with grid:
        turned = Pages(page, pages, page_key)
        return shown, gallery(
            tiles_of(shown, rows_of(shown), split), key, names, f"{prefix}image", turned
        )


def tiles_of(indices: np.ndarray, rows: np.ndarray, split: Split) -> list[Tile]:
    """Tiles of those images of a split; `rows` are their probabilities, float (K, classes)."""
    return [
        Tile(int(i), split.images[i], int(split.labels[i]), int(row.argmax()), float(row.max()))
        for i, row in zip(indices, rows, strict=True)
    ]
