"""The frame around every page. Start it with `streamlit run streamlit_app.py`."""

import streamlit as st

from ui.frame import navigation
from ui.notices import data_notice

# Streamlit leaves a hand's breadth above a page; an instrument has no room for that. It
# also writes white on a primary button, which the dark theme's pale one cannot bear.
STYLE = """<style>
.stMainBlockContainer { padding-top: 4rem; padding-bottom: 3rem; }
[data-testid="stBaseButton-primary"] { color: light-dark(#ffffff, #14181b); }
</style>"""

page = navigation()
st.html(STYLE)
data_notice()
page.run()
