"""What a page says about its digits when they are not MNIST, or not here yet."""

import streamlit as st

from digitcore import data
from digitcore.runs import Run


def data_notice() -> None:
    """One line while MNIST is not on this machine."""
    try:
        missing = data.available() is None
    except data.DataError as error:
        st.error(str(error), icon=":material/folder_off:")
        return
    if missing:
        st.caption(
            ":material/cloud_download: MNIST is not on this machine yet. "
            "The first training downloads it (11 MB)."
        )


def run_notice(run: Run) -> None:
    """One line when the run learned other digits than MNIST's."""
    notice = (run.metrics or {}).get("data_notice")
    if notice:
        st.caption(f":material/info: {notice}")
