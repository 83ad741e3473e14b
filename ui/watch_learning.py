"""What a network was after each epoch: its first kernels, its confusions, ten images, norms of weights."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
import streamlit as st

from digitcore.analysis import weights, written
from digitcore.datasets import DataError
from digitcore.figures.confusion import confusion_heatmap
from digitcore.runs import Run, RunError, kept_epochs
from digitcore.runs.kept_epochs import KeptEpoch
from ui import caching, text
from ui.prediction_html import RIGHT, WRONG, tile_uri

MOST_KERNELS = 64
_CSS = f"""<style>
.kernels {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(2.5rem, 1fr)); gap: 0.3rem; max-width: 30rem; }}
.kernels img, .watched img {{ width: 100%; image-rendering: pixelated; border-radius: 2px; display: block; }}
.watched {{ display: grid; grid-template-columns: repeat(5, minmax(0, 5rem)); gap: 0.5rem; }}
.watched figure {{ margin: 0; font-size: 0.8125rem; font-variant-numeric: tabular-nums; }}
.watched figcaption {{ overflow-wrap: break-word; line-height: 1.3; }}
.watched .wrong img {{ border-bottom: 3px solid {WRONG}; }}
.watched .right img {{ border-bottom: 3px solid {RIGHT}; }}
.norms {{ border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }}
.norms :is(th, td) {{ padding: 0.2rem 0.6rem; text-align: right; font-weight: 400; }}
.norms th:first-child {{ text-align: left; }}
.norms thead th {{ opacity: 0.75; white-space: nowrap; }}
</style>"""


def show(run: Run) -> None:
    """An expander, as soon as an epoch is kept; what is in it is drawn only when it is open."""
    kept = kept_epochs.numbers(run)
    if not kept:
        return
    box = st.expander("Watch it learn", key="watch_learning", on_change="rerun")
    if not box.open:
        return
    with box:
        epoch = _epoch(kept)
        try:
            first, now = _read(run, kept[0]), _read(run, epoch)
            names = [*run.recipe.info.classes]
            left, right = st.columns([2, 3], gap="medium")
            with left:
                _kernels(run, now)
                _watched(run, now, names)
                _norms(run, first, now, kept[0], epoch)
            with right:
                _confusions(first, now, names, epoch)
        except (RunError, ValueError) as error:  # dropped since, or damaged
            st.caption(f":material/error: {text.plain(str(error))}")


def _epoch(kept: list[int]) -> int:
    """The epoch that is chosen; the newest until another is, and again when that one is chosen."""
    chosen, newest = (st.session_state.get(key) for key in ("watch_epoch", "watch_newest"))
    st.session_state["watch_newest"] = kept[-1]
    if chosen is None or chosen == newest:
        chosen = kept[-1]
    # What was chosen may have been dropped.
    st.session_state["watch_epoch"] = min(kept, key=lambda one: abs(one - chosen))
    if len(kept) == 1:
        st.caption(f"After epoch {kept[0]}")
        return kept[0]
    epoch: int = st.select_slider("After epoch", kept, key="watch_epoch")
    return epoch


def _read(run: Run, epoch: int) -> KeptEpoch:
    return _read_file(run.path, epoch, caching.changed(kept_epochs.path_of(run, epoch)))


@st.cache_resource(max_entries=16, show_spinner=False)
def _read_file(path: Path, epoch: int, changed: float) -> KeptEpoch:
    return kept_epochs.read(Run(path), epoch)


def _kernels(run: Run, now: KeptEpoch) -> None:
    kernels = weights.first_kernels(run.recipe, now.weights)[:MOST_KERNELS]
    if not len(kernels):
        return
    st.markdown("**Kernels of the first layer**")
    tiles = "".join(f'<img alt="" src="{tile_uri(one)}">' for one in weights.signed(kernels))
    spoken = f"{len(kernels)} kernels of {kernels.shape[1]} by {kernels.shape[2]} weights"
    st.html(f'{_CSS}<div class="kernels" role="img" aria-label="{spoken}">{tiles}</div>')
    st.caption("White weights are above zero, black ones below; grey is zero.")


def _watched(run: Run, now: KeptEpoch, names: list[str]) -> None:
    """The same few validation images in each epoch, each with what it is predicted as."""
    try:
        split = caching.dataset(run).validation
    except DataError:
        return  # the page says so
    if not len(now.watched) or now.watched.max() >= len(split):
        return
    st.markdown("**Validation images**")
    figures = ""
    for index, row in zip(now.watched.tolist(), now.probabilities, strict=True):
        true, top = int(split.labels[index]), int(row.argmax())
        told = f"{names[top]} {written.confidence(row[top])}"
        kind = "right" if top == true else "wrong"
        figures += (
            f'<figure class="{kind}" title="{html.escape(f"{names[true]}, predicted as {told}")}">'
            f'<img alt="{html.escape(names[true])}" src="{tile_uri(split.images[index])}">'
            f"<figcaption>{html.escape(told)}</figcaption></figure>"
        )
    st.html(f'{_CSS}<div class="watched">{figures}</div>')


def _norms(run: Run, first: KeptEpoch, now: KeptEpoch, since: int, epoch: int) -> None:
    rows = ""
    pairs = zip(
        weights.norms(run.recipe, first.weights),
        weights.norms(run.recipe, now.weights),
        strict=True,
    )
    for (name, before), (_, norm) in pairs:
        rows += f'<tr><th scope="row">{html.escape(name)}</th><td>{before:.2f}</td><td>{norm:.2f}</td></tr>'
    head = f'<tr><th scope="col">Norm of the kernels</th><th scope="col">epoch {since}</th><th scope="col">epoch {epoch}</th></tr>'
    st.html(f'{_CSS}<table class="norms"><thead>{head}</thead><tbody>{rows}</tbody></table>')


def _confusions(first: KeptEpoch, now: KeptEpoch, names: list[str], epoch: int) -> None:
    wrong = int(now.confusion.sum() - np.trace(now.confusion))
    st.markdown(f"**Confusion on validation** · {wrong:,} of {now.confusion.sum():,} images wrong")
    st.plotly_chart(
        confusion_heatmap(now.confusion, False, names=names, scale=first.confusion),
        key="watch_confusion",
        config={"displayModeBar": False},
        alt=f"confusion matrix on validation after epoch {epoch}",
    )
