"""One digit image and one answer as HTML: the same tile and the same bars on every page.

Show them with `st.html`. Colours come from the theme, except the two that carry meaning.
"""

from __future__ import annotations

import base64
import html
import io

import numpy as np
from PIL import Image

from digitcore.figures import style

RIGHT, WRONG = style.BLUE, style.VERMILION

# Written once into each piece of HTML: styles of one st.html do not reach another.
_BARS_CSS = f"""<style>
.bars {{ display: grid; grid-template-columns: 1ch 1fr 7ch; gap: 0.2rem 0.6rem;
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
</style>"""


def confidence(probability: float) -> str:
    """A probability in whole percent, `98 %`; never more than `99 %`, as no network is certain."""
    return f"{min(99, round(100 * probability))} %"


def tile_uri(image: np.ndarray) -> str:
    """A digit image as a `data:` URI of a 28×28 PNG; show it with `image-rendering: pixelated`.

    Args:
        image: uint8 (28, 28), white ink on black.

    Raises:
        ValueError: the image has another shape or dtype.
    """
    image = np.asarray(image)
    if image.shape != (28, 28) or image.dtype != np.uint8:
        raise ValueError(f"A digit image is uint8 (28, 28). Received: {image.dtype} {image.shape}")
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def probability_bars(probabilities: np.ndarray | None, truth: int | None = None) -> str:
    """Ten horizontal bars, 0 to 9, with their percent, as HTML of constant size.

    The highest one is blue, or vermilion where `truth` is given and is another
    digit; the true digit is underlined. None draws the bars empty, so that
    their place is kept.

    Args:
        probabilities: float (10,), each 0 to 1; or None.
        truth: the true digit, where it is known.
    """
    top = None if probabilities is None else int(np.argmax(probabilities))
    rows = []
    for digit in range(10):
        p = None if probabilities is None else float(probabilities[digit])
        rows.append(_bar(digit, p, digit == top, truth))
    spoken = html.escape(_spoken(probabilities, truth))
    return f'{_BARS_CSS}<div class="bars" role="img" aria-label="{spoken}">{"".join(rows)}</div>'


def _bar(digit: int, p: float | None, top: bool, truth: int | None) -> str:
    fill = ("wrong" if truth is not None and truth != digit else "right") if top else ""
    label = " ".join(name for name, on in (("top", top), ("truth", truth == digit)) if on)
    return (
        f'<span class="{label}">{digit}</span>'
        f'<div class="track"><div class="fill {fill}" style="width: {100 * (p or 0):.1f}%"></div></div>'
        f'<span class="percent {"top" if top else ""}">{"" if p is None else html.escape(confidence(p))}</span>'
    )


def _spoken(probabilities: np.ndarray | None, truth: int | None) -> str:
    if probabilities is None:
        return "Probabilities of the digits 0 to 9: none yet"
    order = np.argsort(probabilities)[::-1][:3]
    likely = ", ".join(f"{d} {confidence(probabilities[d])}" for d in order)
    known = "" if truth is None else f"; it is a {truth}"
    return f"Probabilities, highest first: {likely}{known}"
