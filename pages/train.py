"""Train: choose a recipe, start it, watch it, stop it."""

import time
from collections.abc import Callable

import streamlit as st

from digitcore import data, figures, runs
from digitcore.recipe import Recipe
from ui import caching, text
from ui.frame import require_frame
from ui.network_view import layer_table, network_html
from ui.notices import run_notice
from ui.recipe_form import recipe_form
from ui.run_picker import chosen_id, remember, when

require_frame()

STAGES = {
    "TensorFlow": "Loading TensorFlow",
    "data": "Reading the digits",
    "training": "Preparing the first step",
    "testing": "Reading the test digits",
}


def watched() -> runs.Run | None:
    """The run in the URL, else the newest that trains or waits, else none."""
    try:
        if wanted := chosen_id():
            return runs.load(wanted)
    except runs.RunError as error:
        st.caption(f":material/link_off: {text.plain(str(error))}")
    return next((run for run in runs.list_runs()[:50] if run.active), None)


def split_sizes(recipe: Recipe) -> tuple[int, int]:
    """Training and validation images; of MNIST, while no digits are on this machine."""
    try:
        if data.available():
            digits = data.load_dataset(
                validation_share=recipe.validation_share,
                training_images=recipe.training_images,
                download=False,
            )
            return len(digits.train), len(digits.validation)
    except data.DataError:
        pass  # the frame says it
    validation = round(recipe.training_images * recipe.validation_share)
    return recipe.training_images - validation, validation


def images_per_second(recipe: Recipe) -> float | None:
    """How fast this network trained here the last time, or None if it never did."""
    alike = ("layers", "batch_size", "precision")
    for run in runs.list_runs()[:50]:
        try:
            asked, metrics = run.recipe, run.metrics
        except runs.RunError:
            continue
        if metrics and all(getattr(asked, name) == getattr(recipe, name) for name in alike):
            return metrics["images_per_second"]
    return None


def start(recipe: Recipe) -> None:
    try:
        remember(runs.submit(recipe).id)
    except OSError as error:
        st.session_state["start_error"] = f"The run cannot be written: {error}"


def ask(action: Callable[[], None]) -> None:
    """Stops or resumes, or says why not: the run may have ended while the page showed it."""
    try:
        action()
    except (runs.RunError, OSError) as error:
        st.toast(text.plain(str(error)), icon=":material/error:")


def live(run: runs.Run, polls: bool) -> None:
    """The run as it is now; `polls` says whether this is drawn anew each second."""
    state, log = run.state, caching.events(run)
    active = state.status in ("queued", "running", "stopping")
    if active != polls:
        st.rerun()  # the whole page, to begin or to end the polling
    last = {event["kind"]: event for event in log}
    begun, batch = last.get("start"), last.get("batch")
    epochs = [event for event in log if event["kind"] == "epoch"]

    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(text.plain(run.name), anchor=False, width="content")
        st.caption(f"started {when(state.created)} · {run.recipe.parameters:,} parameters")
    share, words = progress(run, state, last)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share, text=words)
        if active:
            st.button(
                "Stop",
                icon=":material/stop:",
                on_click=ask,
                args=(run.stop,),
                disabled=state.status == "stopping",
                help="Ends after this step and keeps the best epoch so far.",
            )
        elif state.status in ("stopped", "failed"):
            st.button("Resume", icon=":material/resume:", on_click=ask, args=(run.resume,))

    batches = [event for event in log if event["kind"] == "batch"]
    columns = st.columns(2, gap="medium")
    for column, quantity in zip(columns, ("loss", "accuracy"), strict=True):
        figure = figures.learning_curves(
            batches, epochs, quantity, total_steps=begun["steps"] if begun else None
        )
        with column:
            st.plotly_chart(
                figure,
                key=f"curve-{quantity}",
                config={"displaylogo": False, "displayModeBar": False},
                alt=f"{quantity} of training and validation by step",
            )
    numbers = [f"best epoch {best['epoch']}" for best in epochs if best["best"]][-1:]
    if epochs:
        best = max(epochs, key=lambda event: (event["validation_accuracy"], event["best"]))
        numbers.insert(0, f"**{text.percent(best['validation_accuracy'])}** validation")
    try:
        metrics = run.metrics
    except runs.RunError as error:
        metrics = None
        st.caption(f":material/error: {text.plain(str(error))}")
    if active and epochs:
        numbers.append(f"learning rate {epochs[-1]['learning_rate']:.3g}")
    if active and batch:
        numbers.append(f"{batch['images_per_second']:,.0f} images/s")
    elif metrics:
        numbers.append(f"{metrics['images_per_second']:,.0f} images/s")
    st.markdown(" · ".join(numbers) or "&nbsp;")

    if metrics and not active:
        accuracy = text.with_interval(metrics["test_accuracy"], metrics["test_interval"])
        seconds = text.duration(metrics["fit_seconds"])
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{accuracy}** test · {seconds} of training", width="content")
            st.page_link(
                "pages/explore.py",
                label="Explore its errors",
                icon=":material/grid_on:",
                query_params={"run": run.id},
            )
            st.page_link(
                "pages/draw.py",
                label="Draw a digit",
                icon=":material/draw:",
                query_params={"run": run.id},
            )
    if state.status == "failed" and (tail := run.log_tail()):
        with st.expander("Last lines of its log"):
            st.code(tail, language=None)


def progress(run: runs.Run, state: runs.State, last: dict) -> tuple[float, str]:
    """How much of the run is done, between 0 and 1, and a sentence about it."""
    begun, batch = last.get("start"), last.get("batch")
    share = batch["step"] / begun["steps"] if batch and begun else 0.0
    if state.status == "queued":
        runs.ensure_worker()
        place = next((n for n, other in enumerate(runs.queued(), 1) if other == run), 1)
        return share, f"Waiting, {text.ordinal(place)} in the queue"
    if state.status == "stopping":
        return share, "Stopping; the best epoch is kept"
    if state.status in ("failed", "broken"):
        return share, f":material/error: {text.plain(state.message)}"
    if state.status != "running":
        done = max((e["epoch"] for e in (last.get("batch"), last.get("epoch")) if e), default=0)
        end = f"{state.status.capitalize()} in epoch {done} of {run.recipe.epochs}"
        return share, state.message or end
    stage = last.get("stage", {}).get("stage", "TensorFlow")
    download = last.get("download")
    if stage == "data" and download and download["done"] < download["total"]:
        done, total = download["done"] / 1e6, download["total"] / 1e6
        return done / total, f"Downloading MNIST: {done:.1f} of {total:.1f} MB"
    if stage != "training" or not batch or not begun or batch["time"] < begun["time"]:
        return share, STAGES.get(stage, stage)
    steps = batch["step"] - begun.get("step", 0)
    left = (time.time() - begun["time"]) / max(steps, 1) * (begun["steps"] - batch["step"])
    epoch = f"Epoch {batch['epoch']} of {run.recipe.epochs}"
    return share, f"{epoch} · {share:.0%} · {text.duration(left)} left".replace("%", " %")


with st.sidebar:
    recipe = recipe_form()
run = watched()

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.header(recipe.name, anchor=False, width="content")
    st.button("Start", type="primary", icon=":material/play_arrow:", on_click=start, args=(recipe,))
if error := st.session_state.pop("start_error", None):
    st.error(error)
st.html(network_html(recipe))
images, validation = split_sizes(recipe)
facts = [
    f"{recipe.parameters:,} parameters",
    f"{images:,} training and {validation:,} validation images",
    f"{-(-images // recipe.batch_size):,} steps an epoch",
]
if speed := images_per_second(recipe):
    facts.append(f"about {text.duration(images / speed)} an epoch, as the last time")
st.caption(" · ".join(facts))
with st.expander("Layers", expanded=run is None):
    st.dataframe(
        layer_table(recipe),
        hide_index=True,
        column_config={"Parameters": st.column_config.NumberColumn(format="localized")},
        width=560,
    )

st.divider()
if run is None:
    st.markdown(
        "**Start** trains this network in a process of its own: close the page if you like, "
        "it goes on, and you find it again here."
    )
    if runs.list_runs():
        st.page_link("pages/runs.py", label="Earlier runs", icon=":material/table_rows:")
elif run.status == "broken":
    st.error(f"This run cannot be shown. {text.plain(run.state.message)}")
else:
    remember(run.id)
    run_notice(run)
    active = run.active
    st.fragment(live, run_every=1.0 if active else None)(run, polls=active)
