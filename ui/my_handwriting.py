"""A person draws the digits that are asked for, and the network is fine-tuned on them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import streamlit as st

from digitcore import drawing, runs
from digitcore.analysis import written
from digitcore.analysis.written import confidence
from digitcore.datasets.info import DIGITS
from digitcore.drawing import DrawingInput, Floats, canvas
from digitcore.drawing.samples import HandwritingSamples, SamplesError
from digitcore.jobs import fine_tuning
from digitcore.runs import ACTIVE, Run, RunError
from ui import caching, kept_samples, text
from ui.canvas import SIDE, clear_canvas, drawing_canvas
from ui.gallery import Tile, gallery
from ui.run_progress import progress
from ui.shown_run import show_started

# Three of each digit: two to train on, and one to measure on.
ENOUGH = 3 * len(DIGITS)
_PROMPT = """<style>
.prompt { font-size: 1.25rem; line-height: 2.5rem; font-variant-numeric: tabular-nums; }
.prompt b { font-size: 2rem; font-weight: 600; }
</style>"""


def my_handwriting(run: Run, like: DrawingInput) -> None:
    """The body of a fragment: asks for digits, shows those kept, and fine-tunes `run` on them.

    `like` says how they become input images. For a run of other classes than the digits, it says so.
    """
    info = run.recipe.info
    if not info.is_of_digits:
        st.markdown(
            f"Handwriting is kept as digits, and this network predicts the {info.class_count} classes "
            f"of {info.title}: choose a run of MNIST or of another dataset of digits above to "
            f"fine-tune it on your handwriting, or draw a {like.item} here to see what this one "
            "predicts."
        )
        return
    try:
        samples = kept_samples.my_samples()
    except (SamplesError, OSError) as error:
        st.error(f"Your drawings cannot be read: {text.plain(str(error))}")
        st.button("Delete them", on_click=_done, args=(kept_samples.forget,))
        return
    with st.container(horizontal=True, gap="large"):
        with st.container(width=SIDE):
            _ask_for_one(run, samples, like)
        with st.container(width=560):
            _kept(run, samples, like)
    _fine_tune(run, samples)


def correct(strokes: list[Floats]) -> None:
    """`Wrong? It is a …`: keeps a drawing as what the person says it is."""
    # Another drawing is another question.
    drawn = hashlib.sha256(b"".join(stroke.tobytes() for stroke in strokes)).hexdigest()[:12]
    key = f"truth-{drawn}"
    with st.container(height=110, border=False):
        if not strokes:
            return
        st.pills(
            "Wrong? It is a",
            list(range(len(DIGITS))),
            key=key,
            on_change=_correct,
            args=(key, strokes),
            help="Keeps the drawing in My handwriting, from which a network can learn.",
        )
        if st.session_state.get(key) is not None:
            st.caption(f"Kept as a {st.session_state[key]} in My handwriting")


def _correct(key: str, strokes: list[Floats]) -> None:
    digit = st.session_state[key]
    if digit is None:
        return
    if not _done(kept_samples.change, lambda samples: kept_samples.keep(samples, digit, strokes)):
        st.session_state[key] = None  # nothing was kept


def _ask_for_one(run: Run, samples: HandwritingSamples, like: DrawingInput) -> None:
    counts = samples.counts
    wanted = counts.index(min(counts))
    st.html(f'{_PROMPT}<div class="prompt">Write a <b>{wanted}</b>, as you always do</div>')
    sketch = drawing_canvas("samples")
    strokes: list[Floats] = []
    said = "&nbsp;"
    try:
        strokes = canvas.strokes(sketch)
        if strokes:
            image = drawing.from_strokes(strokes, like=like)
            table = caching.predictor(run).probabilities(image[np.newaxis])[0]
            said = f"Predicted: {table.argmax()}, {confidence(table.max())}"
    except (drawing.DrawingError, RunError) as error:
        said = text.plain(str(error))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Keep as {wanted}",
            type="primary" if len(samples) < ENOUGH else "secondary",
            icon=":material/check:",
            disabled=not strokes,
            on_click=_keep,
            args=(wanted, strokes),
        )
        st.caption(said)


def _keep(digit: int, strokes: list[Floats]) -> None:
    if _done(kept_samples.change, lambda samples: kept_samples.keep(samples, digit, strokes)):
        clear_canvas("samples")


def _kept(run: Run, samples: HandwritingSamples, like: DrawingInput) -> None:
    if not len(samples):
        st.markdown("#### No drawings yet")
        st.markdown(
            f"Write {ENOUGH} digits, or correct wrong predictions under {like.item.capitalize()}. The "
            "network is then fine-tuned on two thirds of them; the rest measure what that gains."
        )
    else:
        _tiles(run, samples, like)
    _file(samples)


def _tiles(run: Run, samples: HandwritingSamples, like: DrawingInput) -> None:
    images, labels = samples.images(like)
    try:
        table = caching.predictor(run).probabilities(images)
    except RunError as error:
        st.error(text.plain(str(error)))
        return
    predicted = table.argmax(axis=1)
    correct = int((predicted == labels).sum())
    st.markdown(
        f"**{correct}** of {text.counted(len(samples), 'drawing')} correct by {text.plain(text.named(run))}"
        + (f" · {ENOUGH - len(samples)} to go" if len(samples) < ENOUGH else "")
    )
    with st.container(height=300, border=False):
        tiles = [
            Tile(i, images[i], int(labels[i]), int(predicted[i]), float(table[i].max()))
            for i in reversed(range(len(samples)))  # newest first
        ]
        opened = gallery(tiles, key=f"samples-tiles-{len(samples)}", names=DIGITS)
    if opened is not None:
        one = samples.examples[opened]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"A {one.digit}: {'held out from training' if one.held_out else 'for training'}"
            )
            st.button(
                "Remove",
                icon=":material/delete:",
                type="tertiary",
                on_click=_done,
                args=(kept_samples.change, lambda samples: kept_samples.remove(samples, one)),
            )


def _file(samples: HandwritingSamples) -> None:
    with st.container(horizontal=True):
        st.download_button(
            "Export",
            samples.to_json() if len(samples) else "",
            "my-handwriting.json",
            "application/json",
            icon=":material/download:",
            disabled=not len(samples),
            on_click="ignore",
        )
        with st.popover("Import", icon=":material/upload:"):
            st.file_uploader(
                "A file that Export made",
                type="json",
                key="samples_file",
                on_change=_import,
                help="Adds its drawings to those that are here.",
            )
        with st.popover("Delete all", icon=":material/delete:", disabled=not len(samples)):
            st.markdown(
                f"Deletes {text.counted(len(samples), 'drawing')}. Runs that were fine-tuned on them stay."
            )
            st.button("Delete", on_click=_done, args=(kept_samples.forget,))


def _import() -> None:
    file = st.session_state["samples_file"]
    if file is None:
        return

    def merged(samples: HandwritingSamples) -> HandwritingSamples:
        for one in HandwritingSamples.from_json(file.getvalue()).examples:
            samples = samples.added(one.digit, one.strokes, one.held_out)
        return samples

    _done(kept_samples.change, merged)


def _fine_tune(run: Run, samples: HandwritingSamples) -> None:
    child = _fine_tuned()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Fine-tune on my handwriting",
            type="primary" if len(samples) >= ENOUGH else "secondary",
            icon=":material/tune:",
            disabled=not len(samples.training) or bool(child and child.active),
            on_click=_done,
            args=(_start, run, samples),
        )
        missing = ENOUGH - len(samples)
        said = f"{text.counted(missing, 'drawing')} of {ENOUGH} missing. " if missing > 0 else ""
        if samples.training:
            said += (
                f"A new run: {text.plain(text.named(run))}, fine-tuned on "
                f"{text.counted(len(samples.training), 'drawing')} beside {run.recipe.info.title}. "
                f"Held out: {len(samples.held_out)}."
            )
        st.caption(said)
    if child:
        polls = child.active
        st.fragment(_follow, run_every=0.5 if polls else None)(child, polls)
    if gained := _gain(run):
        st.markdown(gained)


def _start(run: Run, samples: HandwritingSamples) -> None:
    st.session_state["fine_tuned_run"] = fine_tuning.fine_tune(run, samples).id


def _fine_tuned() -> Run | None:
    """The run that was last fine-tuned on these samples, until the page turns to it."""
    try:
        run_id = st.session_state.get("fine_tuned_run")
        return runs.load(run_id) if run_id else None
    except RunError:
        return None


def _follow(child: Run, polls: bool) -> None:
    state = child.state
    if state.status == "finished":
        del st.session_state["fine_tuned_run"]
        show_started(child.id)
        st.rerun()
    fraction, words = progress(child, state, caching.events(child).last)
    st.progress(fraction, text=words)
    if state.status not in ACTIVE and polls:
        st.rerun()  # it can be started again
    if (child.path / "model.tflite").exists():
        st.caption("Its network so far is in Runs.")


def _gain(run: Run) -> str:
    """Before and after fine-tuning, as a table in Markdown; "" of a run that was not."""
    try:
        metrics = run.metrics
    except RunError:
        return ""
    if not metrics or not (measured := metrics.fine_tuning):
        return ""
    test = written.accuracy(metrics.test_accuracy, metrics.test_interval)
    held_out = text.counted(measured.held_out, "held-out drawing")
    # The parent was tested on the same images.
    before_all = written.accuracy_of(measured.test_accuracy_before, metrics.test_images)
    before, after = measured.correct_before, measured.correct_after
    return (
        f"| {text.counted(measured.samples, 'drawing')} trained on | before | after |\n"
        "|---|--:|--:|\n"
        f"| {held_out} | {before} correct | {after} correct |\n"
        f"| {run.recipe.info.title} test | {before_all} | {test} |"
    )


def _done(action: Any, *arguments: Any) -> bool:
    """Does it, or shows why not; returns whether it was done."""
    try:
        action(*arguments)
    except (ValueError, OSError) as error:
        st.toast(text.plain(str(error)), icon=":material/error:")
        return False
    return True
