"""The frame around every page. Start it with `streamlit run streamlit_app.py`."""

import streamlit as st

from digitcore.jobs import queue
from ui.frame import navigation
from ui.memory import keep_small
from ui.notices import data_notice

# Streamlit leaves a wide margin above a page; an instrument has no room for that. It
# also writes white on a primary button, which the dark theme's pale one cannot bear.
STYLE = """<style>
.stMainBlockContainer { padding-top: 4rem; padding-bottom: 3rem; }
[data-testid="stBaseButton-primary"] { color: light-dark(#ffffff, #14181b); }
</style>"""


@st.cache_resource(show_spinner=False)
def go_on() -> None:
    """Once in a server's life: what was queued when the last one ended is trained."""
    queue.keep_warm()
    if queue.queued():
        queue.ensure_worker()
    keep_small()


page = navigation()
go_on()
st.html(STYLE)
data_notice()
page.run()
