"""A person writes the digits that they are asked for, and the network learns their hand."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import streamlit as st

from digitcore import drawing, runs
from digitcore.drawing import Floats, canvas
from digitcore.drawing.samples import Hand, HandError
from digitcore.jobs import queue
from digitcore.runs import ACTIVE, Run, RunError
from ui import caching, digits, hands, text
from ui.canvas import SIDE, clear_canvas, drawing_canvas
from ui.gallery import Tile, gallery
from ui.live_run import progress
from ui.run_picker import turn_to

# Three of each digit: two that are learned, and one that tells what was gained.
ENOUGH = 30
_PROMPT = """<style>
.prompt { font-size: 1.25rem; line-height: 2.5rem; font-variant-numeric: tabular-nums; }
.prompt b { font-size: 2rem; font-weight: 600; }
</style>"""


def draw_hand(run: Run) -> None:
    """The body of a fragment: asks for digits, shows those that are kept, and lets `run` learn them."""
    try:
        hand = hands.my_hand()
    except (HandError, OSError) as error:
        st.error(f"Your drawings cannot be read: {text.plain(str(error))}")
        st.button("Delete them", on_click=_told, args=(hands.forget,))
        return
    with st.container(horizontal=True, gap="large"):
        with st.container(width=SIDE):
            _ask_for_one(run, hand)
        with st.container(width=560):
            _kept(run, hand)
    _learn(run, hand)


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
            list(range(10)),
            key=key,
            on_change=_correct,
            args=(key, strokes),
            help="Keeps the drawing in My hand, from which a network can learn.",
        )
        if st.session_state.get(key) is not None:
            st.caption(f"Kept as a {st.session_state[key]} in My hand")


def _correct(key: str, strokes: list[Floats]) -> None:
    digit = st.session_state[key]
    if digit is None:
        return
    if not _told(hands.change, lambda hand: hands.keep(hand, digit, strokes)):
        st.session_state[key] = None  # nothing was kept


def _ask_for_one(run: Run, hand: Hand) -> None:
    counts = hand.counts
    wanted = counts.index(min(counts))
    st.html(f'{_PROMPT}<div class="prompt">Write a <b>{wanted}</b>, as you always do</div>')
    sketch = drawing_canvas("hand")
    strokes: list[Floats] = []
    said = "&nbsp;"
    try:
        strokes = canvas.strokes(sketch)
        if strokes:
            image = drawing.from_strokes(strokes)
            table = caching.predictor(run).probabilities(image[np.newaxis])[0]
            said = f"Read as {table.argmax()}, {digits.confidence(table.max())}"
    except (drawing.DrawingError, RunError) as error:
        said = text.plain(str(error))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Keep as {wanted}",
            type="primary" if len(hand) < ENOUGH else "secondary",
            icon=":material/check:",
            disabled=not strokes,
            on_click=_keep,
            args=(wanted, strokes),
        )
        st.caption(said)


def _keep(digit: int, strokes: list[Floats]) -> None:
    if _told(hands.change, lambda hand: hands.keep(hand, digit, strokes)):
        clear_canvas("hand")


def _kept(run: Run, hand: Hand) -> None:
    if not len(hand):
        st.markdown("#### No drawings yet")
        st.markdown(
            f"Write {ENOUGH} digits, or correct wrong answers under Digit. The network then learns "
            "your hand from two thirds of them; the rest show what that gained."
        )
    else:
        _tiles(run, hand)
    _file(hand)


def _tiles(run: Run, hand: Hand) -> None:
    images, labels = hand.images()
    try:
        table = caching.predictor(run).probabilities(images)
    except RunError as error:
        st.error(text.plain(str(error)))
        return
    read = table.argmax(axis=1)
    right = int((read == labels).sum())
    st.markdown(
        f"**{right}** of {text.counted(len(hand), 'drawing')} read right by {text.plain(run.name)}"
        + (f" · {ENOUGH - len(hand)} to go" if len(hand) < ENOUGH else "")
    )
    with st.container(height=300, border=False):
        tiles = [
            Tile(i, images[i], int(labels[i]), int(read[i]), float(table[i].max()))
            for i in reversed(range(len(hand)))  # the newest one first
        ]
        opened = gallery(tiles, key=f"hand-tiles-{len(hand)}")
    if opened is not None:
        one = hand.examples[opened]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"A {one.digit}: {'held out, never learned' if one.held_out else 'is learned'}"
            )
            st.button(
                "Remove",
                icon=":material/delete:",
                type="tertiary",
                on_click=_told,
                args=(hands.change, lambda hand: hands.remove(hand, one)),
            )


def _file(hand: Hand) -> None:
    with st.container(horizontal=True):
        st.download_button(
            "Export",
            hand.to_json() if len(hand) else "",
            "my-hand.json",
            "application/json",
            icon=":material/download:",
            disabled=not len(hand),
            on_click="ignore",
        )
        with st.popover("Import", icon=":material/upload:"):
            st.file_uploader(
                "A file that Export made",
                type="json",
                key="hand_file",
                on_change=_import,
                help="Its drawings are added to those that are here.",
            )
        with st.popover("Delete all", icon=":material/delete:", disabled=not len(hand)):
            st.markdown(
                f"Deletes {text.counted(len(hand), 'drawing')}. Runs that learned them stay."
            )
            st.button("Delete", on_click=_told, args=(hands.forget,))


def _import() -> None:
    file = st.session_state["hand_file"]
    if file is None:
        return

    def merged(hand: Hand) -> Hand:
        for one in Hand.from_json(file.getvalue()).examples:
            hand = hand.added(one.digit, one.strokes, one.held_out)
        return hand

    _told(hands.change, merged)


def _learn(run: Run, hand: Hand) -> None:
    child = _learning()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Learn my hand",
            type="primary" if len(hand) >= ENOUGH else "secondary",
            icon=":material/school:",
            disabled=not len(hand.taught) or bool(child and child.active),
            on_click=_told,
            args=(_teach, run, hand),
        )
        st.caption(
            f"{text.plain(run.name)} learns {text.counted(len(hand.taught), 'drawing')} beside MNIST, "
            f"as a new run. Held out: {len(hand.held_out)}."
        )
    if child:
        polls = child.active
        st.fragment(_follow, run_every=0.5 if polls else None)(child, polls)
    if gained := _gain(run):
        st.markdown(gained)


def _teach(run: Run, hand: Hand) -> None:
    st.session_state["hand_run"] = queue.teach(run, hand).id


def _learning() -> Run | None:
    """The run that was last asked to learn this person's hand, until it was turned to."""
    try:
        return runs.load(asked) if (asked := st.session_state.get("hand_run")) else None
    except RunError:
        return None


def _follow(child: Run, polls: bool) -> None:
    state = child.state
    if state.status == "finished":
        del st.session_state["hand_run"]
        turn_to(child.id)
        st.rerun()
    share, words = progress(child, state, caching.events(child).last)
    st.progress(share, text=words)
    if state.status not in ACTIVE and polls:
        st.rerun()  # it may be asked to learn again
    if (child.path / "model.tflite").exists():
        st.caption("What it learned so far is in Runs.")


def _gain(run: Run) -> str:
    """Before and after of a run that learned a hand, as a table in Markdown; "" of any other."""
    try:
        metrics: dict[str, Any] = run.metrics or {}
    except RunError:
        return ""
    if not (told := metrics.get("hand")):
        return ""
    test = text.with_interval(metrics["test_accuracy"], metrics["test_interval"])
    held = text.counted(told["held_out"], "held-out drawing")
    return (
        f"| {text.counted(told['taught'], 'drawing')} learned | before | after |\n|---|--:|--:|\n"
        f"| {held} | {told['right_before']} right | {told['right_after']} right |\n"
        f"| MNIST test | {text.percent(told['test_accuracy_before'])} | {test} |"
    )


def _told(action: Any, *arguments: Any) -> bool:
    """Does it, or says why not; whether it was done."""
    try:
        action(*arguments)
    except (ValueError, OSError) as error:
        st.toast(text.plain(str(error)), icon=":material/error:")
        return False
    return True
