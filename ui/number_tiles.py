"""A number as it was read, and its digits as tiles, as HTML; show it with `st.html`."""

from __future__ import annotations

import html

from digitcore.numbers import Digit, Number
from ui import digits

# A digit that is less sure asks for a second look.
SURE = 0.6

_STYLE = f"""<style>
.number {{ display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1.5rem; min-height: 4.5rem;
  line-height: 4.5rem; font-variant-numeric: tabular-nums; }}
.number .digits {{ font-size: 4rem; font-weight: 600; overflow-wrap: anywhere; }}
.number .percent {{ font-size: 2rem; white-space: nowrap; }}
.number .hint {{ line-height: 1.5; align-self: center; opacity: 0.75; }}
.number-tiles {{ display: flex; flex-wrap: wrap; gap: 0.6rem 1.2rem; margin: 0;
  min-height: 7.5rem;
  font-variant-numeric: tabular-nums; }}
.number-tiles figure {{ margin: 0; width: 84px; }}
.number-tiles img {{ display: block; width: 84px; height: 84px; image-rendering: pixelated;
  background: #000; border-radius: 3px; }}
.number-tiles figcaption {{ display: flex; justify-content: space-between; font-weight: 600;
  font-size: 1.2rem; line-height: 1.7; white-space: nowrap; }}
.number-tiles .unsure {{ color: {digits.WRONG}; }}
</style>"""


def number_html(number: Number | None, message: str) -> str:
    """The number in large figures with its confidence, and its digits as tiles.

    Without a number the message stands in its place, and that of the tiles is kept.
    """
    reading = f'<span class="hint">{html.escape(message)}</span>'
    tiles = ""
    if number is not None:
        reading = (
            f'<span class="digits">{number.text}</span>'
            f'<span class="percent">{digits.percent(number.confidence)}</span>'
        )
        tiles = "".join(map(_tile, number.digits))
    return (
        f'{_STYLE}<div class="number" aria-live="polite">{reading}</div>'
        f'<div class="number-tiles">{tiles}</div>'
    )


def _tile(digit: Digit) -> str:
    unsure = ' class="unsure"' if digit.confidence < SURE else ""
    return (
        f'<figure><img alt="The digit image that is read as {digit.value}"'
        f' src="{digits.tile_uri(digit.image)}">'
        f"<figcaption{unsure}><span>{digit.value}</span>"
        f"<span>{digits.percent(digit.confidence)}</span></figcaption></figure>"
    )
