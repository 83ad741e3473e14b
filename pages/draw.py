"""Draw or photograph what a network predicts, and fine-tune it on your handwriting."""

import streamlit as st

from ui.choice import choice
from ui.draw_character import draw_character
from ui.draw_number import draw_number
from ui.my_handwriting import my_handwriting
from ui.read_photo import read_photo
from ui.shown_run import choose_run

run = choose_run(need="model.tflite")
info = run.recipe.info
if (like := info.drawing) is None:
    st.markdown(
        f"No drawing can be made like the images of {info.title}, which this network was trained "
        "on: choose a run of another dataset above, or see on Explore what it predicts."
    )
    st.page_link("pages/explore.py", label="Explore its errors", icon=":material/grid_on:")
    st.stop()
ways = {
    like.item.capitalize(): draw_character if like.strokes else None,
    "Number": draw_number if like.strokes and info.is_of_digits else None,
    "Photo": read_photo,
    "My handwriting": my_handwriting if like.strokes else None,
}
ways = {name: body for name, body in ways.items() if body}
way = choice("What is read", list(ways), "input")
st.fragment(ways[way])(run, like)
