"""Which pages there are, and what all of them have."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

NAME = "Digit Studio"
ICON = "ui/icon.png"
STYLE = Path(__file__).parent / "style.css"
# Titles and icons, the first page first. Its file in `pages` and its address are named as its title.
PAGES = {
    "Train": ":material/model_training:",
    "Explore": ":material/grid_on:",
    "Draw": ":material/draw:",
    "Runs": ":material/table_rows:",
}


def tab_title(page: str) -> str:
    """What the browser's tab is called while it shows the page with this title."""
    return f"{page} · {NAME}"


def navigation() -> StreamlitPage:
    """Declares the pages, and gives the one that was asked for."""
    # The browser would call a new session's tab by the name of the page alone.
    new = not st.session_state.get("framed")
    st.set_page_config(page_title=NAME if new else None, page_icon=ICON, layout="wide")
    st.session_state["framed"] = True
    page = st.navigation(
        [
            st.Page(
                f"pages/{title.lower()}.py",
                title=title,
                icon=icon,
                default=title == next(iter(PAGES)),
            )
            for title, icon in PAGES.items()
        ],
        position="top",
    )
    st.set_page_config(page_title=tab_title(page.title))
    return page


def section(title: str) -> None:
    """The heading of a section of the page, in the size of its text."""
    with st.container(key=f"section-{title}"):
        st.header(title, anchor=False)


def heard(title: str, level: int = 2) -> None:
    """A heading that only a screen reader tells, where the eye needs none."""
    st.html(f'<h{level} class="heard">{title}</h{level}>')


def end() -> None:
    """To be called at the very end of the script; does not return where the person has gone on.

    Streamlit tells a script that another one took its place only when it next touches the page. One
    that computes to its end without that would unregister its successor's fragments, and every press
    in them would do nothing: `ScriptRunner._run_script` clears what this script did not register.
    """
    st.session_state.get("framed")
