"""What a network gets wrong: its confusion matrix, and the digits behind each cell."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import pandas as pd
import streamlit as st

from digitcore import datasets
from digitcore.analysis import classification
from digitcore.datasets import DataError, Split
from digitcore.datasets.writers import writers as writers_of
from digitcore.figures.confusion import confusion_heatmap
from digitcore.runs import Metrics, Run, RunError
from ui import caching, digit_filters, text
from ui.choice import choice
from ui.digits import probability_bars, tile_uri
from ui.frame import require_frame
from ui.gallery import Tile, gallery
from ui.run_picker import pick_run
from ui.short_jobs import short_jobs
from ui.writers import errors_by_writer

require_frame()

PAGE_SIZE = 24
IN_FILE = 40


def unlabelled(metrics: Metrics | None, why: str, way: str = "") -> NoReturn:
    """What is known of a run whose digits are not here, and the ways out, `way` above all."""
    if metrics:
        accuracy = text.with_interval(metrics.test_accuracy, metrics.test_interval)
        st.markdown(f"**{accuracy}** test · loss {metrics.test_loss:.3f}")
    st.markdown(
        f"{why}, so its errors cannot be shown. {way} Choose another run, train one on these "
        "digits, or set `DIGITCORE_DATA_DIR` to the folder with the digits that it read."
    )
    st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
    st.stop()


def headline(probabilities: np.ndarray, labels: np.ndarray, name: str) -> None:
    wrong = int((probabilities.argmax(axis=1) != labels).sum())
    total = len(labels)
    low, high = classification.wilson(total - wrong, total)
    st.html(
        '<div style="font-variant-numeric: tabular-nums; display: flex; flex-wrap: wrap; '
        'gap: 0.25rem 1.75rem; align-items: baseline">'
        f'<span><span style="font-size: 1.75rem; font-weight: 600">'
        f"{text.percent(1 - wrong / total)}</span> {name} ({100 * low:.2f}–{100 * high:.2f})</span>"
        f"<span>{wrong:,} of {total:,} wrong</span>"
        f"<span>loss {classification.log_loss(probabilities, labels):.3f}</span></div>",
        width="content",
    )


def clicked(key: str) -> None:
    points = st.session_state[key].selection.points
    if points:
        true, read = points[0]["customdata"]
        digit_filters.choose(true, read)
    else:
        digit_filters.change(**digit_filters.DEFAULTS)


# Plotly greys its texts, and over vivid cells they need the page's own ink.
INK = "<style>.js-plotly-plot .annotation-text { fill: currentColor !important }</style>"


def confusion_matrix(probabilities: np.ndarray, labels: np.ndarray) -> None:
    matrix = classification.confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown(
            "**Confusion**",
            width="content",
            help="Shade: the share of its row, that is of the true digit's images.",
        )
        cells = choice("Cells", ("counts", "row shares"), "explore_cells")
    st.html(INK)
    key = f"confusion-{st.session_state.get('explore_chart', 0)}"
    st.plotly_chart(
        confusion_heatmap(matrix, cells == "row shares", digit_filters.cell()),
        key=key,
        on_select=lambda: clicked(key),
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Confusion matrix: true digits by rows, what they were read as by columns",
    )


def browse(
    probabilities: np.ndarray, split: Split, asked: dict[str, Any], key: str
) -> tuple[np.ndarray, int | None]:
    """Draws the gallery; the indices that pass the filters, and the one that is opened.

    `key` names the run and the split.
    """
    found = classification.select(probabilities, split.labels, **asked)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown(digit_filters.title(asked, len(found)), width="content")
        st.button(
            "Clear filters",
            type="tertiary",
            icon=":material/filter_alt_off:",
            on_click=digit_filters.change,
            kwargs=digit_filters.DEFAULTS,
            disabled=digit_filters.unchanged(),
        )
    if not len(found):
        st.markdown("No digit matches these filters.")
        return found, None
    pages = -(-len(found) // PAGE_SIZE)
    grid = st.container()
    page = 1
    if pages > 1:
        # Its own key for each set of digits: another set begins at its first page.
        page = st.pagination(pages, key=f"explore_page-{key}-{asked}", max_visible_pages=5)
    with grid:
        shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        return found, gallery(tiles_of(shown, probabilities, split), key="explore_gallery")


def tiles_of(indices: np.ndarray, probabilities: np.ndarray, split: Split) -> list[Tile]:
    read, sure = probabilities[indices].argmax(axis=1), probabilities[indices].max(axis=1)
    return [
        Tile(int(i), split.images[i], int(split.labels[i]), int(r), float(s))
        for i, r, s in zip(indices, read, sure, strict=True)
    ]


def the_digit(index: int, probabilities: np.ndarray, split: Split, name: str) -> None:
    true, row = int(split.labels[index]), probabilities[index]
    loss = float(classification.losses(row[None], split.labels[index : index + 1])[0])
    read = int(row.argmax())
    verdict = f"{true} read right" if read == true else f"{true} read as {read}"
    image, facts = st.columns([1, 2], gap="medium")
    image.html(
        f'<img src="{tile_uri(split.images[index])}" alt="A {true}" style="width: 100%; '
        'max-width: 15rem; image-rendering: pixelated; border-radius: 3px">'
    )
    with facts:
        st.markdown(f"**{verdict}** · loss {loss:.2f} · image {index:,} of {name}")
        st.html(probability_bars(row, true))


def per_digit(probabilities: np.ndarray, labels: np.ndarray) -> None:
    scores = pd.DataFrame(
        classification.per_class(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    )
    scores[["precision", "recall", "f1"]] *= 100
    share = st.column_config.NumberColumn(format="%.2f %%")
    st.markdown("**Per digit**")
    st.dataframe(
        scores,
        hide_index=True,
        height="content",
        column_config={
            "label": st.column_config.NumberColumn("Digit"),
            "precision": {**share, "label": "Precision"},
            "recall": {**share, "label": "Recall"},
            "f1": {**share, "label": "F1"},
            "support": st.column_config.NumberColumn("Images", format="localized"),
        },
    )


def downloads(
    run: Run, name: str, probabilities: np.ndarray, split: Split, found: np.ndarray
) -> None:
    read = probabilities.argmax(axis=1)
    some = found[:IN_FILE]
    # Read here, because a file is made in another thread, which has no session.
    rows = st.session_state.get("explore_cells") == "row shares"

    def predictions() -> bytes:
        rows = classification.table(probabilities, split.labels)
        return pd.DataFrame(rows).to_csv(index=False).encode()

    def confusion() -> bytes:
        from digitcore.figures import static

        matrix = classification.confusion(split.labels, read, probabilities.shape[1])
        return static.to_bytes(static.confusion_file(matrix, rows, title), "png")

    def digits() -> bytes:
        from digitcore.figures import static

        figure = static.digits_file(split.images[some], split.labels[some], read[some], title)
        return static.to_bytes(figure, "png")

    title = f"{run.name}, {name}"
    with st.container(horizontal=True):
        for label, data, ending in (
            ("Predictions, CSV", predictions, "predictions.csv"),
            ("Confusion, PNG", confusion, "confusion.png"),
            (f"First {len(some)} shown, PNG", digits, "digits.png"),
        ):
            st.download_button(
                label,
                data,
                file_name=f"{run.id}-{name}-{ending}",
                on_click="ignore",
                icon=":material/download:",
                disabled=ending == "digits.png" and not len(some),
            )


@st.fragment
def study(
    run: Run,
    tables: dict[str, np.ndarray],
    splits: dict[str, Split],
    writers: dict[str, np.ndarray],
) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        place = st.container(width="content")
        name = choice("Split", ("test", "validation"), "explore_split")
    probabilities, split, known = tables[name], splits[name], writers.get(name)
    with place:
        headline(probabilities, split.labels, name)
    asked = digit_filters.filters()
    left, right = st.columns([5, 6], gap="large")
    with left:
        confusion_matrix(probabilities, split.labels)
    with right:
        found, opened = browse(probabilities, split, asked, f"{run.id}-{name}")
    left, right = st.columns([5, 6], gap="large")
    with left:
        if opened is not None:
            the_digit(opened, probabilities, split, name)
        if known is not None:
            errors_by_writer(known, probabilities.argmax(axis=1) == split.labels)
    with right:
        per_digit(probabilities, split.labels)
    downloads(run, name, probabilities, split, found)


run = pick_run(need="probabilities.npz")
digit_filters.start()
metrics: Metrics | None = None
try:
    metrics = run.metrics
    dataset = caching.dataset(run)
    tables = caching.tables(run)
except DataError as error:
    unlabelled(metrics, text.plain(str(error)).rstrip("."))
except RunError as error:
    st.error(text.plain(str(error)))
    st.stop()
if metrics is None or dataset.checksum != metrics.data_checksum:
    way = "" if datasets.available() else "Download MNIST above."
    unlabelled(metrics, "This run read other digits than those that are on this machine", way)
splits = {"test": dataset.test, "validation": dataset.validation}
if any(len(tables[name]) != len(split) for name, split in splits.items()):
    st.error(
        text.plain(f"probabilities.npz of run {run.id} is of other images than its metrics.json.")
    )
    st.stop()
study(run, tables, splits, writers_of(dataset))
short_jobs(run)
