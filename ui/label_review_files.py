"""Reviews of labels as a file to take away, and those from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from digitcore.datasets import Dataset
from digitcore.jobs import out_of_sample
from digitcore.jobs.out_of_sample import SPLITS
from digitcore.runs import label_reviews
from digitcore.runs.label_reviews import LabelReview, LabelReviewError, Reviews
from ui import text
from ui.frame import section


def added(name: str, reviews: Sequence[LabelReview]) -> bool:
    """Keeps reviews of that dataset's labels; says why where that cannot be done."""
    try:
        label_reviews.add(name, reviews)
    except (LabelReviewError, OSError) as error:
        st.toast(f"It was not kept. {text.plain(str(error))}", icon=":material/error:")
        return False
    return True


def review_files(name: str, dataset: Dataset, reviews: Reviews) -> None:
    """Reviews to take away, and those from elsewhere."""
    section("Reviews as a file")
    damaged = label_reviews.read(name).damaged
    if damaged:
        st.caption(
            f":material/warning: {text.counted(damaged, 'line')} of "
            f"{text.plain(str(label_reviews.path_of(name)))} cannot be read and "
            f"{'is' if damaged == 1 else 'are'} passed over. The file keeps them."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"Download {text.counted(len(reviews), 'review')}",
            label_reviews.to_csv(reviews),
            file_name=f"{name}-label-reviews.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            disabled=not reviews,
        )
        with st.popover("Import reviews", icon=":material/upload:"):
            st.file_uploader(
                "A file that was downloaded here, of the same images",
                "csv",
                key="label_reviews_file",
                on_change=_import,
                args=(name, dataset),
            )
            st.caption("An imported review replaces that of the same image.")


def _import(name: str, dataset: Dataset) -> None:
    if (file := st.session_state["label_reviews_file"]) is None:
        return
    given = {split: out_of_sample.labels_of(split, dataset) for split in SPLITS}
    try:
        imported = label_reviews.from_csv(
            file.getvalue(), dataset.checksum, given, dataset.info.class_count
        )
    except LabelReviewError as error:
        st.toast(f"Nothing was imported. {text.plain(str(error))}", icon=":material/error:")
        return
    if added(name, imported):
        st.toast(f"{text.counted(len(imported), 'review')} imported.", icon=":material/upload:")
