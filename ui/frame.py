"""Which pages there are, and a guard for links that lead straight to one of them."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage


def navigation() -> StreamlitPage:
    """Declares the pages, and gives the one that was asked for."""
    st.set_page_config(page_title="Digit Studio", page_icon="ui/icon.png", layout="wide")
    st.session_state["framed"] = True
    return st.navigation(
        [
            st.Page(
                "pages/train.py", title="Train", icon=":material/model_training:", default=True
            ),
            st.Page("pages/explore.py", title="Explore", icon=":material/grid_on:"),
            st.Page("pages/draw.py", title="Draw", icon=":material/draw:"),
            st.Page("pages/runs.py", title="Runs", icon=":material/table_rows:"),
        ],
        position="top",
    )


def require_frame() -> None:
    """The first line of every page: begins again with the frame if Streamlit left it out.

    Until `st.navigation` was called once in a server's life, Streamlit takes a folder named
    `pages` for an app without a frame, and a link to a page shows that page alone.
    """
    if "framed" not in st.session_state:
        navigation()
        st.rerun()
