"""A grid of image tiles to open one from: one element however many tiles, for mouse and keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from digitcore.analysis.written import confidence
from ui import address
from ui.prediction_html import RIGHT, WRONG, tile_uri


class Tile(NamedTuple):
    """An image, its true and predicted class; `index` is its place in the split, `confidence` 0 to 1."""

    index: int
    image: np.ndarray
    true: int
    predicted: int
    confidence: float


_CSS = f"""
.tiles {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(5rem, 1fr));
  align-items: start; gap: 0.6rem 0.5rem; padding: 3px; font-family: var(--st-font); }}
button {{ all: unset; box-sizing: border-box; cursor: pointer; border-radius: 3px;
  color: var(--st-text-color); display: block; }}
img {{ display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated;
  background: #000; border-radius: 3px 3px 0 0; border-bottom: 3px solid {WRONG}; }}
.right img {{ border-bottom-color: {RIGHT}; }}
.caption {{ display: flex; justify-content: space-between; gap: 0 0.25rem; flex-wrap: wrap;
  font-size: 0.75rem; line-height: 1.5; padding: 0.1rem 0.1rem 0;
  font-variant-numeric: tabular-nums; }}
/* Beside the matrix a grid keeps its place when a filter leaves few tiles. */
@media (min-width: 60rem) {{ .tiles {{ min-height: 26.5rem; align-content: start; }} }}
.caption b {{ font-weight: 600; }}
button:hover {{ background: var(--st-secondary-background-color); }}
button[aria-pressed="true"] {{ outline: 2px solid var(--st-text-color); outline-offset: 1px; }}
button:focus-visible {{ outline: 2px dashed var(--st-text-color); outline-offset: 1px; }}
"""

_HTML = '<div class="tiles" role="group" aria-label="Images"></div>'

# Tiles are kept and refilled, so that the focus stays where a person put it. Arrow
# keys go from tile to tile; Tab leaves the grid.
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".tiles");
  while (grid.children.length > data.tiles.length) grid.lastChild.remove();
  while (grid.children.length < data.tiles.length) grid.append(blank());
  const buttons = [...grid.children];
  const press = (pressed) => buttons.forEach((button) => {
    button.setAttribute("aria-pressed", String(button === pressed));
    button.tabIndex = button === pressed ? 0 : -1;
  });
  buttons.forEach((button, place) => {
    const tile = data.tiles[place];
    button.className = tile.right ? "right" : "wrong";
    button.setAttribute("aria-label", tile.label);
    button.querySelector("img").src = tile.uri;
    button.querySelector("b").textContent = tile.reading;
    button.querySelector("span span").textContent = tile.confidence;
    button.onclick = () => { press(button); setTriggerValue("opened", tile.index); };
    button.onkeydown = (event) => {
      const row = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[event.key];
      const next = step && buttons[place + step];
      if (next) { event.preventDefault(); next.focus(); }
    };
  });
  press(buttons.find((_, place) => data.tiles[place].index === data.opened) ?? buttons[0]);
}

function blank() {
  const button = document.createElement("button");
  button.type = "button";
  const image = document.createElement("img");
  image.alt = "";
  const caption = document.createElement("span");
  caption.className = "caption";
  caption.append(document.createElement("b"), document.createElement("span"));
  button.append(image, caption);
  return button;
}
"""

_grid = st.components.v2.component("image_gallery", html=_HTML, css=_CSS, js=_JS)


def gallery(
    tiles: list[Tile], key: str, names: Sequence[str], parameter: str | None = None
) -> int | None:
    """Draws the tiles and returns the index of the opened one; the first until one is.

    Args:
        tiles: what is shown, some dozens at most.
        key: of this gallery in the page.
        names: of the classes.
        parameter: of the address, where the opened one is kept; none keeps it in the session.
    """
    if not tiles:
        return None
    memory = f"{key}-opened"
    asked = address.read(parameter) if parameter else st.session_state.get(memory)
    by_name = {str(tile.index): tile.index for tile in tiles}
    # A tile that was opened may have gone with a filter or to another page of the grid.
    opened = by_name.get(str(asked), tiles[0].index)

    def keep() -> None:
        index = str(st.session_state[key].opened)
        if parameter:
            address.keep(parameter, index)
        else:
            st.session_state[memory] = index

    if parameter and asked not in by_name:
        address.keep(parameter, None)
    data = {"opened": opened, "tiles": [_plain(tile, names) for tile in tiles]}
    _grid(key=key, data=data, on_opened_change=keep)
    return opened


def _plain(tile: Tile, names: Sequence[str]) -> dict[str, object]:
    sure = confidence(tile.confidence)
    true, predicted = names[tile.true], names[tile.predicted]
    return {
        "index": tile.index,
        "uri": tile_uri(tile.image),
        "right": tile.true == tile.predicted,
        "reading": f"{true} → {predicted}",
        "confidence": sure,
        "label": f"{true} predicted as {predicted}, {sure} sure, image {tile.index}",
    }
