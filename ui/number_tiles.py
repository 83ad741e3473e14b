"""A number as it was read, and its digits as tiles, as HTML; show it with `st.html`."""

from __future__ import annotations

import html

from digitcore.drawing.sequence import Digit, Number
from ui import digits

_STYLE = f"""<style>
.number {{ display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1.5rem; min-height: 4.5rem;
  line-height: 4.5rem; font-variant-numeric: tabular-nums; }}
.number .digits {{ font-size: 4rem; font-weight: 600; overflow-wrap: anywhere; }}
.number .percent {{ font-size: 2rem; white-space: nowrap; }}
.number .unsure {{ color: {digits.WRONG}; font-weight: 600; align-self: center; line-height: 1.3; }}
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


def number_html(number: Number | None, message: str, doubt: float | None = None) -> str:
    """The number in large figures with its confidence, and its digits as tiles.

    Without a number the message stands in its place, and that of the tiles is kept.

    Args:
        number: what was read, or None.
        message: what to say where there is no number.
        doubt: the probability below which the network is not sure that it sees a digit.
    """
    reading = f'<span class="hint">{html.escape(message)}</span>'
    tiles = ""
    if number is not None:
        doubted = [doubt is not None and one.confidence < doubt for one in number.digits]
        reading = (
            f'<span class="digits">{number.text}</span>'
            f'<span class="percent">{digits.confidence(number.confidence)}</span>'
        )
        if any(doubted):
            reading += f'<span class="unsure">{_unsure(doubted)}</span>'
        tiles = "".join(map(_tile, number.digits, doubted))
    return (
        f'{_STYLE}<div class="number" aria-live="polite">{reading}</div>'
        f'<div class="number-tiles">{tiles}</div>'
    )


def _unsure(doubted: list[bool]) -> str:
    if all(doubted):
        return "Not sure it is a number" if len(doubted) > 1 else "Not sure it is a digit"
    places = [str(place) for place, one in enumerate(doubted, 1) if one]
    if len(places) == 1:
        return f"Not sure that place {places[0]} is a digit"
    return f"Not sure that places {', '.join(places[:-1])} and {places[-1]} are digits"


def _tile(digit: Digit, doubted: bool) -> str:
    unsure = ' class="unsure"' if doubted else ""
    return (
        f'<figure><img alt="The digit image that is read as {digit.value}"'
        f' src="{digits.tile_uri(digit.image)}">'
        f"<figcaption{unsure}><span>{digit.value}</span>"
        f"<span>{digits.confidence(digit.confidence)}</span></figcaption></figure>"
    )
