"""Errors by who wrote the images, where that is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from digitcore.analysis import written
from digitcore.analysis.classification import wilson
from digitcore.analysis.writers import Writer, by_writer, cluster_interval

_HELP = (
    "A writer's images succeed and fail together. The first interval takes all images for "
    "independent (Wilson); the second asks what other writers would have given: it draws writers "
    "anew, each with all their images (cluster bootstrap, 10,000 draws)."
)


def errors_by_writer(writers: np.ndarray, correct: np.ndarray) -> None:
    """How many writers have an error, an interval over writers, and a table of the writers.

    Args:
        writers: integer (N,), who wrote each image.
        correct: bool (N,), whether it was predicted correctly.
    """
    found, over_writers = _counted(writers, correct)
    wrong = sum(writer.errors > 0 for writer in found)
    accuracy = float(np.mean(correct))
    images = wilson(int(correct.sum()), len(correct))
    box = st.expander(
        f"Writers: {wrong:,} of {len(found):,} have an error",
        on_change="rerun",
        key="explore_writers",
    )
    if not box.open:  # a page switch does not wait for a closed table
        return
    with box:
        st.markdown(
            f"{written.accuracy(accuracy, images)} over images · "
            f"**{written.interval(over_writers)}** over writers",
            help=_HELP,
        )
        st.dataframe(
            pd.DataFrame(
                {
                    "Writer": [f"{writer.writer}" for writer in found],
                    "Images": [writer.images for writer in found],
                    "Errors": [writer.errors for writer in found],
                    "Error rate": [100 * writer.errors / writer.images for writer in found],
                }
            ),
            hide_index=True,
            height=250,
            column_config={"Error rate": st.column_config.NumberColumn(format="%.1f %%")},
        )


@st.cache_data(max_entries=32, show_spinner=False)
def _counted(writers: np.ndarray, correct: np.ndarray) -> tuple[list[Writer], tuple[float, float]]:
    return by_writer(writers, correct), cluster_interval(writers, correct)
