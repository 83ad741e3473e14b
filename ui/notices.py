"""What a page says about its digits when they are not MNIST, or not here yet."""

import streamlit as st

from digitcore import datasets
from digitcore.runs import Run, RunError
from ui import text


def data_notice() -> None:
    """One line while the digits on this machine are not MNIST's, or are not here yet."""
    try:
        if datasets.available() is None:
            _offer_download()
            return
        notice = datasets.load_dataset(download=False).notice
    except datasets.DataError as error:
        st.error(text.plain(str(error)), icon=":material/folder_off:")
        return
    if notice:
        st.caption(f":material/info: {text.plain(notice)}")


def _offer_download() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            ":material/cloud_download: MNIST is not on this machine yet. "
            "The first training downloads it (11 MB).",
            width="content",
        )
        asked = st.button("Download it now", type="tertiary", icon=":material/download:")
    if not asked:
        return
    bar = st.progress(0.0, "Downloading MNIST")

    def progress(done: int, total: int) -> None:
        words = f"Downloading MNIST: {done / 1e6:.1f} of {total / 1e6:.1f} MB"
        bar.progress(min(1.0, done / total), words)

    try:
        datasets.fetch(progress)
    except OSError as error:
        bar.empty()
        st.error(
            f"MNIST could not be downloaded ({text.plain(str(error))}). Try again where there is a "
            f"network, or set `{datasets.VARIABLE}` to a folder that has `mnist.npz`."
        )
    else:
        st.rerun()


def run_notice(run: Run) -> None:
    """One line when the run learned other digits than MNIST's."""
    try:
        notice = run.metrics and run.metrics.data_notice
    except RunError:
        return  # the page says so where it needs the numbers
    if notice:
        st.caption(f":material/info: This run: {text.plain(notice)}")
