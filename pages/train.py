"""Train: choose a recipe, start it, watch it, stop it."""

import time

import streamlit as st

from digitcore import datasets, runs
from digitcore.jobs import estimates, queue, teacher
from digitcore.recipes import Recipe, RecipeError
from ui import browsers, reach, text
from ui.live_run import live, pace
from ui.network_view import layer_table, network_html
from ui.notices import run_notice
from ui.recipe_form import recipe_form
from ui.shown_run import IMPATIENCE, show, show_started, shown_run

_LINKS = 3


def others_at_work(shown: runs.Run | None) -> None:
    """Links to the runs that train or wait, besides the one that is shown."""
    active = [(run, state) for run, state in runs.list_active() if run != shown]
    active.sort(key=lambda each: each[1].status == "queued")
    for run, state in active[:_LINKS]:
        other = browsers.someone_else(state)
        st.page_link(
            "pages/train.py",
            label=f"{text.plain(text.named(run, state))} {'waits' if state.status == 'queued' else 'trains'}"
            + (f" · {other}" if other else ""),
            icon=":material/visibility:",
            query_params={"run": run.id},
        )
    if len(active) > _LINKS:
        st.caption(f"and {len(active) - _LINKS} more")


def split_sizes(recipe: Recipe) -> tuple[int, int, int]:
    """Training and validation images, and how many an epoch has, synthetic ones included.

    While its dataset is not on this machine, of what Start would train on.
    """
    try:
        if datasets.available(recipe.dataset):
            images = datasets.load_dataset(
                recipe.dataset,
                validation_split=recipe.validation_split,
                training_images=recipe.training_images,
                download=False,
            )
            given = len(images.train)
            return given, len(images.validation), recipe.images_an_epoch(given)
    except datasets.DataError:
        pass  # the frame says it
    info = substitute(recipe) or recipe.info
    given, validation = datasets.split_sizes(
        info.train_images, recipe.training_images, recipe.validation_split
    )
    return given, validation, recipe.images_an_epoch(given)


def substitute(recipe: Recipe) -> datasets.DatasetInfo | None:
    """What Start trains on where the recipe's dataset is neither here nor to be downloaded."""
    try:
        here = datasets.available(recipe.dataset)
    except datasets.DataError:
        return None  # the frame says it
    instead = datasets.substitute(recipe.dataset)
    return None if here or not instead or reach.can_be_downloaded(recipe.dataset) else instead


def refusal(recipe: Recipe) -> str | None:
    """Why this recipe cannot be trained, or None if it can."""
    try:
        teacher.check(recipe)
    except RecipeError as error:
        return str(error)
    return None


def start(recipe: Recipe) -> None:
    # A second click of an impatient finger is not a second training.
    before, at = st.session_state.get("last_start", (None, 0.0))
    if before == recipe.to_toml() and time.monotonic() - at < IMPATIENCE:
        return
    st.session_state["last_start"] = (recipe.to_toml(), time.monotonic())
    try:
        show_started(queue.submit(recipe).id)
    except OSError as error:
        st.session_state["start_error"] = f"The run cannot be written: {error}"


with st.sidebar:
    recipe = recipe_form()
run = shown_run()
refused = refusal(recipe)

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.header(recipe.name, anchor=False, width="content")
    st.button(
        "Start",
        type="primary",
        icon=":material/play_arrow:",
        on_click=start,
        args=(recipe,),
        disabled=refused is not None,
    )
if error := refused or st.session_state.pop("start_error", None):
    st.error(error)
images, validation, an_epoch = split_sizes(recipe)
instead = substitute(recipe)
steps = f"{-(-an_epoch // recipe.batch_size):,} steps an epoch"
facts = [
    f"{recipe.parameters:,} parameters",
    f"{images:,} training and {validation:,} validation images"
    + (f" of {instead.title}" if instead else ""),
    steps if an_epoch == images else f"{an_epoch:,} images in {steps}",
]
if speed := estimates.images_per_second(recipe):
    facts.append(f"about {text.duration(an_epoch / speed)} an epoch on this machine")
st.caption(" · ".join(facts))
# Beside a run it is closed, so that the run's curves are on the first screen.
network = st.expander("Network", expanded=run is None)
network.html(network_html(recipe))
network.html(layer_table(recipe))
others_at_work(run)
if run is None:
    st.markdown(
        "**Start** trains this network in the background. You can close this page and come back."
    )
    if runs.list_runs():
        with st.container(horizontal=True):
            st.page_link("pages/draw.py", label="Draw", icon=":material/draw:")
            st.page_link("pages/runs.py", label="Earlier runs", icon=":material/table_rows:")
elif (state := run.judged()).status in runs.UNREADABLE:
    st.error(f"This run cannot be shown. {text.plain(state.message)}")
else:
    show(run.id)
    run_notice(run)
    seconds = pace(run)
    st.fragment(live, run_every=seconds)(run, seconds)
queue.keep_warm()  # at the end, because a worker that starts slows what is drawn
