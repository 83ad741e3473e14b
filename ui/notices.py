"""What a page says about its digits when they are not MNIST, or not here yet."""

import streamlit as st

from digitcore import data
from digitcore.runs import Run, RunError
from ui import text


def data_notice() -> None:
    """One line while the digits on this machine are not MNIST's, or are not here yet."""
    try:
        if data.available() is None:
            st.caption(
                ":material/cloud_download: MNIST is not on this machine yet. "
                "A training downloads it (11 MB) where there is a network."
            )
            return
        notice = data.load_dataset(download=False).notice
    except data.DataError as error:
        st.error(text.plain(str(error)), icon=":material/folder_off:")
        return
    if notice:
        st.caption(f":material/info: {text.plain(notice)}")


def run_notice(run: Run) -> None:
    """One line when the run learned other digits than MNIST's."""
    try:
        notice = (run.metrics or {}).get("data_notice")
    except RunError:
        return  # the page says so where it needs the numbers
    if notice:
        st.caption(f":material/info: This run: {text.plain(notice)}")
