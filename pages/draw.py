"""Draw or photograph digits, see what the network predicts, and fine-tune it on your handwriting."""

import streamlit as st

from ui.choice import choice
from ui.draw_digit import draw_digit
from ui.draw_number import draw_number
from ui.frame import require_frame
from ui.my_handwriting import my_handwriting
from ui.read_photo import read_photo
from ui.shown_run import choose_run

require_frame()

WAYS = {
    "Digit": draw_digit,
    "Number": draw_number,
    "Photo": read_photo,
    "My handwriting": my_handwriting,
}

run = choose_run(need="model.tflite")
if (info := run.recipe.info).drawing is None:
    st.markdown(
        f"No drawing can be made like the images of {info.title}, which this network was trained "
        "on: choose a run of another dataset above, or see on Explore what it predicts."
    )
    st.page_link("pages/explore.py", label="Explore its errors", icon=":material/grid_on:")
    st.stop()
way = choice("What is read", list(WAYS), "draw_way")
st.fragment(WAYS[way])(run)
