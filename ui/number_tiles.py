"""A recognised number and its digits as tiles, as HTML for `st.html`."""

from __future__ import annotations

import html
from collections.abc import Sequence

from digitcore.analysis.written import confidence
from digitcore.drawing.sequence import Digit, Number
from ui import text
from ui.prediction_html import WRONG, tile_uri

_STYLE = f"""<style>
.number {{ display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1.5rem; min-height: 4.5rem;
  line-height: 4.5rem; font-variant-numeric: tabular-nums; }}
.number .digits {{ font-size: 4rem; font-weight: 600; overflow-wrap: anywhere; }}
.number .percent {{ font-size: 2rem; white-space: nowrap; }}
.number .unsure {{ color: {WRONG}; font-weight: 600; align-self: center; line-height: 1.3; }}
.number .hint {{ line-height: 1.5; align-self: center; opacity: 0.75; }}
.number-tiles {{ display: flex; flex-wrap: wrap; gap: 0.6rem 1.2rem; margin: 0;
  min-height: 7.5rem;
  font-variant-numeric: tabular-nums; }}
.number-tiles figure {{ margin: 0; width: 84px; }}
.number-tiles img {{ display: block; width: 84px; height: 84px; image-rendering: pixelated;
  background: #000; border-radius: 3px; }}
.number-tiles figcaption {{ display: flex; justify-content: space-between; font-weight: 600;
  font-size: 1.2rem; line-height: 1.7; white-space: nowrap; }}
.number-tiles .unsure {{ color: {WRONG}; }}
</style>"""


def number_html(
    number: Number | None,
    message: str,
    rejection_threshold: float | None = None,
    unsure: bool = False,
) -> str:
    """The number in large figures with its confidence, and its digits as tiles.

    The layout keeps its height without a number.

    Args:
        number: the recognised number, or None.
        message: shown instead of a number.
        rejection_threshold: confidence below which a digit is marked as not sure.
        unsure: whether the number as a whole may be wrong.
    """
    heading = f'<span class="hint">{html.escape(message)}</span>'
    tiles = ""
    if number is not None:
        threshold = rejection_threshold or 0.0
        rejected = [digit.confidence < threshold for digit in number.digits]
        heading = (
            f'<span class="digits">{number.text}</span>'
            f'<span class="percent">{confidence(number.confidence)}</span>'
        )
        if any(rejected):
            heading += f'<span class="unsure">{_unsure(rejected)}</span>'
        elif unsure:
            whole = "number" if len(rejected) > 1 else "digit"
            heading += f'<span class="unsure">Not sure that this is the whole {whole}</span>'
        tiles = "".join(map(_tile, number.digits, rejected))
    return (
        f'{_STYLE}<div class="number" aria-live="polite">{heading}</div>'
        f'<div class="number-tiles">{tiles}</div>'
    )


def tiles_html(digits: Sequence[Digit], rejection_threshold: float) -> str:
    """The digits as tiles, those below the threshold marked."""
    rejected = [digit.confidence < rejection_threshold for digit in digits]
    return f'{_STYLE}<div class="number-tiles">{"".join(map(_tile, digits, rejected))}</div>'


def _unsure(rejected: list[bool]) -> str:
    if all(rejected):
        return "Not sure it is a number" if len(rejected) > 1 else "Not sure it is a digit"
    which = [text.ordinal(number) for number, one in enumerate(rejected, 1) if one]
    if len(which) == 1:
        return f"Not sure that the {which[0]} is a digit"
    return f"Not sure that the {', '.join(which[:-1])} and {which[-1]} are digits"


def _tile(digit: Digit, rejected: bool) -> str:
    unsure = ' class="unsure"' if rejected else ""
    return (
        f'<figure><img alt="Input image, predicted as {digit.value}"'
        f' src="{tile_uri(digit.image)}">'
        f"<figcaption{unsure}><span>{digit.value}</span>"
        f"<span>{confidence(digit.confidence)}</span></figcaption></figure>"
    )
