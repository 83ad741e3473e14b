"""The app: `streamlit run streamlit_app.py` serves it.

The server imports this file once for `app`; each time somebody's page is drawn, it is run as a script.
"""

import streamlit as st
from starlette.middleware import Middleware

from digitcore.jobs import queue
from ui.frame import STYLE, end, heard, navigation
from ui.guard import OwnPagesOnly
from ui.notices import data_notice
from ui.server import first_page_drawn, lifespan, routes


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Once in a server's life, after its first page: all this would slow that."""
    first_page_drawn.set()
    queue.keep_warm()


if __name__ == "__main__":
    page = navigation()
    st.html(STYLE)
    heard(page.title, level=1)
    data_notice()
    page.run()
    warm_up()
    end()
else:
    app = st.App(
        __file__, routes=routes(), middleware=[Middleware(OwnPagesOnly)], lifespan=lifespan
    )
