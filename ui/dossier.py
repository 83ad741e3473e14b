"""All that is known of one image: what this run and others make of it, what it is like, who wrote it.

Each part is a function of the image's index and the study, and draws nothing where it has nothing to say.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from digitcore.analysis import projection, written
from digitcore.datasets import DataError, Split
from digitcore.runs import RunError
from ui import caching, image_epochs, image_features, image_filters, text
from ui.choice import choice
from ui.prediction_html import MOST_BARS, RIGHT, WRONG, probability_bars, tile_uri
from ui.study import Study

NEAREST = 6
WRITTEN = 12  # a writer's images that are shown
OTHERS = 8  # runs
# Columns of their table: of classes with long names, only so many stand beside each other.
SHORT_NAME, LONG_COLUMNS = 3, 5
_TILES_CSS = f"""<style>
.near {{ display: grid; grid-template-columns: repeat(6, minmax(0, 4.5rem)); gap: 0.5rem; margin: 0; }}
.near img {{ width: 100%; image-rendering: pixelated; border-radius: 3px; display: block; }}
.near .wrong {{ border-bottom: 3px solid {WRONG}; }}
.near .right {{ border-bottom: 3px solid {RIGHT}; }}
.near-of {{ font-size: 0.875rem; margin: 0.75rem 0 0.25rem; }}
</style>"""
_RUNS_CSS = f"""<style>
.runs {{ overflow-x: auto; }}
.runs table {{ border-collapse: collapse; font-size: 0.8125rem; font-variant-numeric: tabular-nums; width: 100%; }}
.runs th, .runs td {{ padding: 0.15rem 0.3rem; text-align: right; white-space: nowrap; font-weight: 400; }}
.runs tbody th {{ text-align: left; max-width: 9rem; overflow: hidden; text-overflow: ellipsis; }}
.runs .truth {{ font-weight: 600; text-decoration: underline; text-underline-offset: 0.2em; }}
.runs .right {{ font-weight: 600; box-shadow: inset 0 -3px {RIGHT}; }}
.runs .wrong {{ font-weight: 600; box-shadow: inset 0 -3px {WRONG}; }}
</style>"""


def show(index: int | None, study: Study) -> None:
    """Draws what is known of an image of the study's split; of none, how to open one."""
    if index is None:
        if len(study.shown):
            st.caption("Enter or a click opens an image, Escape closes it.")
        return
    with st.container(key="opened-image"):  # `gallery` scrolls to it
        _answer(index, study)
    _other_runs(index, study)
    image_epochs.show(index, study)
    _nearest(index, study)
    _writer(index, study)


def _answer(index: int, study: Study) -> None:
    names, of = study.names, study.images
    true, guess = int(of.labels[index]), int(of.predicted[index])
    what = text.plain(names[true])
    verdict = (
        f"{what} correct" if guess == true else f"{what} predicted as {text.plain(names[guess])}"
    )
    image, facts = st.columns([1, 2], gap="medium")
    image.html(
        f'<img src="{tile_uri(study.split.images[index])}" alt="{html.escape(names[true])}" '
        'style="width: 100%; max-width: 15rem; image-rendering: pixelated; border-radius: 3px">'
    )
    with facts:
        st.markdown(
            f"**{verdict}** · loss {of.losses[index]:.2f} · image {index:,} of {study.split_name}"
        )
        st.html(probability_bars(study.probabilities[index], true, names))


def _other_runs(index: int, study: Study) -> None:
    """A row for each run that saw the image, this one first, with its probability of each class."""
    rows = [("this run", study.probabilities[index])]
    for run in study.others[:OTHERS]:
        try:
            table = caching.tables(run)[study.split_name]
        except RunError:
            continue  # its own page says why
        if len(table) >= len(study.split):
            rows.append((text.named(run), table[len(table) - len(study.split) + index]))
    if len(rows) == 1:
        return
    true = int(study.images.labels[index])
    right = sum(int(row.argmax()) == true for _, row in rows[1:])
    more = len(study.others) - OTHERS
    st.markdown(
        f"**Other runs** · {right} of {len(rows) - 1} predict it correctly"
        + (f" · {more} more are not shown" if more > 0 else "")
    )
    st.html(_RUNS_CSS + _table(rows, true, study.names))


def _table(rows: Sequence[tuple[str, np.ndarray]], true: int, names: Sequence[str]) -> str:
    """Probabilities in percent: runs by rows, classes by columns; of many classes, or long names, the likeliest."""
    most = np.max([row for _, row in rows], axis=0)
    most[true] = 2  # it always has a column
    columns = MOST_BARS if max(map(len, names)) <= SHORT_NAME else LONG_COLUMNS
    classes = np.sort(np.argsort(-most, kind="stable")[:columns])
    head = "".join(
        f'<th scope="col"{" class=truth" if place == true else ""}>{html.escape(names[place])}</th>'
        for place in classes
    )
    body = ""
    for called, row in rows:
        top = int(row.argmax())
        cells = ""
        for place in classes:
            kind = ("right" if top == true else "wrong") if place == top else ""
            percent = written.confidence(row[place]) if place == top else f"{100 * row[place]:.0f}"
            faint = ' style="opacity: 0.7"' if row[place] < 0.005 and place != top else ""
            cells += f'<td class="{kind}"{faint}>{html.escape(percent)}</td>'
        body += f'<tr><th scope="row">{html.escape(called)}</th>{cells}</tr>'
    return (
        '<div class="runs" tabindex="0" role="region" aria-label="Probabilities by other runs, percent">'
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _nearest(index: int, study: Study) -> None:
    """Training images most like this one, of its true and of its predicted class."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Nearest training images** by", width="content")
        way = choice("Nearest by", ("features", "pixels"), "nearest_by")
    try:
        found = _by_features(index, study) if way == "features" else None
        rows, train = found or _by_pixels(index, study)
    except DataError as error:
        st.caption(text.plain(str(error)))
        return
    true, predicted = study.images.labels[index], study.images.predicted[index]
    shown = []
    for of, indices in rows.items():
        name = html.escape(study.names[of])
        which = "the predicted class" if of == predicted != true else "the true class"
        if true == predicted:
            which = "its class"
        tiles = "".join(
            f'<img alt="" title="training image {i:,}" src="{tile_uri(train.images[i])}">'
            for i in indices
        )
        shown.append(
            f'<p class="near-of">Of {which}, <b>{name}</b></p><div class="near" '
            f'role="img" aria-label="{len(indices)} training images of {name}">{tiles}</div>'
        )
    if shown:
        st.html(_TILES_CSS + "".join(shown))
        if found:
            told = "By the features that the network's last layer is given."
        else:
            told = "By their pixels, blurred a little; the network has no part in it."
        st.caption(told)


def _classes(index: int, study: Study) -> list[int]:
    return list(
        dict.fromkeys((int(study.images.labels[index]), int(study.images.predicted[index])))
    )


def _by_features(index: int, study: Study) -> tuple[dict[int, np.ndarray], Split] | None:
    """Indices of training images by class, best first; None while the features are not there."""
    train = caching.dataset(study.run).train
    known = image_features.computed(
        study.run, "Find them by features", training=True, at_once=False
    )
    if known is None:
        return None
    indices = known.training_indices
    if indices[-1] >= len(train):
        st.caption("The training images on this machine are others than those of the run.")
        return {}, train
    point = getattr(known, study.split_name)[index]
    rows = {}
    for of in _classes(index, study):
        own = np.flatnonzero(train.labels[indices] == of)
        rows[of] = indices[own[projection.nearest(known.training[own], point, NEAREST)]]
    return rows, train


def _by_pixels(index: int, study: Study) -> tuple[dict[int, np.ndarray], Split]:
    train, nearest = caching.nearest_trained(study.run)
    image = study.split.images[index]
    return {of: nearest(image, NEAREST, train.labels == of) for of in _classes(index, study)}, train


def _writer(index: int, study: Study) -> None:
    """Who wrote it, and how that writer's other images were predicted: errors first."""
    if study.writers is None:
        return
    of, writer = study.images, int(study.writers[index])
    own = np.flatnonzero(study.writers == writer)
    own = own[own != index]
    wrong = of.wrong[own]
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown(
            f"**Writer {writer}** · {text.counted(len(own), 'other image')}, {wrong.sum():,} wrong",
            width="content",
        )
        st.button(
            "Select them",
            type="tertiary",
            icon=":material/draw:",
            key="select_writer",
            on_click=image_filters.choose_writer,
            args=(writer,),
        )
    some = own[np.argsort(-of.losses[own], kind="stable")][:WRITTEN]
    if not len(some):
        return
    tiles = "".join(
        f'<img class="{"wrong" if of.wrong[i] else "right"}" alt="" '
        f'title="{html.escape(_told(i, study))}" src="{tile_uri(study.split.images[i])}">'
        for i in some
    )
    spoken = html.escape("; ".join(_told(i, study) for i in some))
    st.html(f'{_TILES_CSS}<div class="near" role="img" aria-label="{spoken}">{tiles}</div>')
    st.caption("Those with the highest loss.")


def _told(index: int, study: Study) -> str:
    of, names = study.images, study.names
    true, guess = names[of.labels[index]], names[of.predicted[index]]
    return f"{true} → {guess} · {written.confidence(of.confidence[index])} · image {index:,}"
