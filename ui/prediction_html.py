"""One image and one answer as HTML: the same tile, answer and bars on every page.

Show them with `st.html`. Colours come from the theme, except the two that carry meaning.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from digitcore.analysis.written import confidence
from digitcore.figures import style

RIGHT, WRONG = style.BLUE, style.VERMILION
ANSWER_CSS = f"""
.answer {{ display: flex; align-items: center; gap: 1.5rem; height: 4.5rem;
  font-variant-numeric: tabular-nums; }}
.answer .class {{ font-size: 4rem; font-weight: 600; min-width: 1ch; line-height: 4.5rem; }}
.answer .percent {{ font-size: 2rem; }}
.answer .hint {{ line-height: 1.4; opacity: 0.8; }}
.answer .unsure {{ font-size: 1.375rem; line-height: 1.2; color: {WRONG}; font-weight: 600; }}
.answer .perhaps {{ font-size: 1rem; line-height: 1.3; opacity: 0.8; white-space: nowrap; }}
.answer .class.rejected {{ font-size: inherit; line-height: inherit; }}
"""
# Of more classes, only the most probable have a bar.
MOST_BARS = 12

BARS_CSS = f"""
.bars {{ display: grid; grid-template-columns: minmax(1ch, max-content) 1fr 7ch; gap: 0.2rem 0.6rem;
  align-items: center; font-size: 0.875rem; line-height: 1.2;
  font-variant-numeric: tabular-nums; }}
.bars .track {{ height: 0.8rem; border-radius: 2px;
  background: color-mix(in srgb, currentColor 8%, transparent); }}
.bars .fill {{ height: 100%; border-radius: 2px; transition: width 0.15s;
  background: color-mix(in srgb, currentColor 40%, transparent); }}
.bars .fill.right {{ background: {RIGHT}; }}
.bars .fill.wrong {{ background: {WRONG}; }}
.bars .percent {{ text-align: right; white-space: nowrap; }}
.bars .top, .bars .truth {{ font-weight: 600; }}
.bars .truth {{ text-decoration: underline; text-underline-offset: 0.2em; }}
"""
# Written once into each piece of HTML: styles of one st.html do not reach another.
_BARS_STYLE = f"<style>{BARS_CSS}</style>"


def tile_uri(image: np.ndarray) -> str:
    """An image as a `data:` URI of a PNG of its size; show it with `image-rendering: pixelated`.

    Args:
        image: uint8 (height, width), white on black.

    Raises:
        ValueError: the image has another shape or dtype.
    """
    image = np.asarray(image)
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(
            f"An image is uint8 (height, width). Received: {image.dtype} {image.shape}"
        )
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def answer(
    probabilities: np.ndarray, threshold: float | None, names: Sequence[str], item: str
) -> str:
    """The predicted class with its confidence, as HTML of constant height.

    Args:
        probabilities: float (classes,), each 0 to 1.
        threshold: confidence below which the answer is that it is not sure; None for never.
        names: of the classes.
        item: what an image of the dataset shows: digit, letter, character.
    """
    top = int(np.argmax(probabilities))
    name = html.escape(names[top])
    if threshold is not None and probabilities[top] < threshold:
        words = (
            f'<span class="unsure">Not sure it is a {html.escape(item)}</span>'
            f'<span class="perhaps">perhaps <span class="class rejected">{name}</span></span>'
        )
    else:
        sure = html.escape(confidence(probabilities[top]))
        words = f'<span class="class">{name}</span><span class="percent">{sure}</span>'
    return f'<style>{ANSWER_CSS}</style><div class="answer" aria-live="polite">{words}</div>'


def probability_bars(probabilities: np.ndarray, truth: int | None, names: Sequence[str]) -> str:
    """A horizontal bar for each class with its percent, as HTML of constant size.

    The highest one is blue, or vermilion where `truth` is given and is another class; the true
    class is underlined. Of more than `MOST_BARS` classes, the most probable are drawn, the highest first.

    Args:
        probabilities: float (classes,), each 0 to 1.
        truth: the true class; None where it is not known.
        names: of the classes.
    """
    top = int(np.argmax(probabilities))
    rows = []
    for label in _drawn(probabilities, truth, len(names)):
        fill = (
            ("wrong" if truth is not None and truth != label else "right") if label == top else ""
        )
        marks = " ".join(m for m, on in (("top", label == top), ("truth", truth == label)) if on)
        rows.append(_bar(names[label], float(probabilities[label]), fill, marks))
    spoken = html.escape(_spoken(probabilities, truth, names))
    return f'{_BARS_STYLE}<div class="bars" role="img" aria-label="{spoken}">{"".join(rows)}</div>'


def _drawn(probabilities: np.ndarray, truth: int | None, count: int) -> list[int]:
    """The classes that have a bar, in the order of the bars."""
    if count <= MOST_BARS:
        return list(range(count))
    order = [int(label) for label in np.argsort(-probabilities, kind="stable")]
    drawn = order[:MOST_BARS]
    return drawn if truth is None or truth in drawn else [*drawn[:-1], truth]


def _bar(name: str, p: float, fill: str, marks: str) -> str:
    return (
        f'<span class="{marks}">{html.escape(name)}</span>'
        f'<div class="track"><div class="fill {fill}" style="width: {100 * p:.1f}%"></div></div>'
        f'<span class="percent {"top" if "top" in marks else ""}">'
        f"{html.escape(confidence(p))}</span>"
    )


def _spoken(probabilities: np.ndarray, truth: int | None, names: Sequence[str]) -> str:
    order = np.argsort(probabilities)[::-1][:3]
    likely = ", ".join(f"{names[d]} {confidence(probabilities[d])}" for d in order)
    known = "" if truth is None else f"; true class {names[truth]}"
    return f"Probabilities, highest first: {likely}{known}"
