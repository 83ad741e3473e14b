"""Draw a digit or a number, or photograph one, and see what the network reads and why."""

import streamlit as st

from ui.draw_digit import draw_digit
from ui.draw_number import draw_number
from ui.frame import require_frame
from ui.read_photo import read_photo
from ui.run_picker import pick_run

require_frame()

WAYS = {"Digit": draw_digit, "Number": draw_number, "Photo": read_photo}

run = pick_run(need="model.tflite")
way = st.segmented_control(
    "What is read",
    list(WAYS),
    default="Digit",
    required=True,
    key="draw_way",
    persist_state="session",
    label_visibility="collapsed",
)
st.fragment(WAYS[way])(run)
