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


class Pages(NamedTuple):
    """One page of tiles: which, of how many, from 1; `key` is that of the widget that turns them."""

    page: int
    pages: int
    key: str


CLOSED = "none"  # in the address, where no tile is opened

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
/* A line breaks between two names, and within one only where it is wider than the tile. */
.caption b span {{ display: inline-block; }}
button:hover {{ background: var(--st-secondary-background-color); }}
button[aria-pressed="true"] {{ outline: 2px solid var(--st-text-color); outline-offset: 1px; }}
button:focus-visible {{ outline: 2px dashed var(--st-text-color); outline-offset: 1px; }}
"""

_HTML = '<div class="tiles" role="group" aria-label="Images, arrow keys move, Enter opens, Escape closes"></div>'

# Tiles are kept and refilled, so that the focus stays where a person put it. Arrow keys go from tile to
# tile, and over the ends to the next page; Enter opens the tile, Escape closes it; Tab leaves the grid.
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".tiles");
  while (grid.children.length > data.tiles.length) grid.lastChild.remove();
  while (grid.children.length < data.tiles.length) grid.append(blank());
  const buttons = [...grid.children];
  const reachable = (one) => buttons.forEach((button) => { button.tabIndex = button === one ? 0 : -1; });
  const press = (pressed) => {
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button === pressed)));
    if (pressed) reachable(pressed);
  };
  const turn = (step, place) => {
    if (data.page + step < 1 || data.page + step > data.pages) return;
    grid.dataset.enters = place;
    setTriggerValue("turned", step);
  };
  const go = (place, step) => {
    if (place + step < 0) return turn(-1, Infinity);
    if (place + step >= buttons.length) return turn(1, 0);
    reachable(buttons[place + step]);
    buttons[place + step].focus();
  };
  buttons.forEach((button, place) => {
    const tile = data.tiles[place];
    button.className = tile.right ? "right" : "wrong";
    button.setAttribute("aria-label", tile.label);
    button.querySelector("img").src = tile.uri;
    const [names, sure] = button.querySelector(".caption").children;
    names.children[0].textContent = tile.true;
    names.children[1].textContent = `→ ${tile.predicted}`;
    sure.textContent = tile.confidence;
    button.onclick = (event) => {
      press(button);
      setTriggerValue("opened", tile.index);
      if (event.detail) show(); // by the pointer: keys stay with the tiles
    };
    button.onkeydown = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const row = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
      const way = { ArrowRight: () => go(place, 1), ArrowLeft: () => go(place, -1),
        ArrowDown: () => go(place, row), ArrowUp: () => go(place, -row),
        Home: () => go(0, 0), End: () => go(buttons.length - 1, 0),
        Escape: () => { press(null); setTriggerValue("opened", -1); } }[event.key];
      if (way) { event.preventDefault(); way(); }
    };
  });
  press(buttons.find((_, place) => data.tiles[place].index === data.opened) ?? null);
  if (!buttons.some((button) => button.tabIndex === 0)) reachable(buttons[0]);
  // A page that was turned with a key is entered where the last one was left.
  if (grid.dataset.enters && Number(grid.dataset.page) !== data.page) {
    buttons[Math.min(grid.dataset.enters, buttons.length - 1)].focus();
    delete grid.dataset.enters;
  }
  grid.dataset.page = data.page;
}

// What is said of the opened image may lie below the window's edge, and a click would seem to do nothing.
function show() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.querySelector(".st-key-opened-image")?.scrollIntoView(
    { block: "nearest", behavior: still ? "instant" : "smooth" });
}

function blank() {
  const button = document.createElement("button");
  button.type = "button";
  const image = document.createElement("img");
  image.alt = "";
  const caption = document.createElement("span");
  caption.className = "caption";
  const names = document.createElement("b");
  names.append(document.createElement("span"), " ", document.createElement("span"));
  caption.append(names, document.createElement("span"));
  button.append(image, caption);
  return button;
}
"""

_grid = st.components.v2.component("image_gallery", html=_HTML, css=_CSS, js=_JS)


def gallery(
    tiles: list[Tile],
    key: str,
    names: Sequence[str],
    parameter: str | None = None,
    pages: Pages | None = None,
) -> int | None:
    """Draws the tiles and returns the index of the opened one; the first until one is, None if it was closed.

    Args:
        tiles: what is shown, some dozens at most.
        key: of this gallery in the page.
        names: of the classes.
        parameter: of the address, where the opened one is kept; none keeps it in the session.
        pages: where these tiles are one page of several, which one.
    """
    if not tiles:
        return None
    memory = f"{key}-opened"
    asked = address.read(parameter) if parameter else st.session_state.get(memory)
    by_name = {str(tile.index): tile.index for tile in tiles}
    # A tile that was opened may have gone with a filter or to another page of the grid.
    opened = None if asked == CLOSED else by_name.get(str(asked), tiles[0].index)

    def keep() -> None:
        index = int(st.session_state[key].opened)
        value = CLOSED if index < 0 else str(index)
        if parameter:
            address.keep(parameter, value)
        else:
            st.session_state[memory] = value

    def turn() -> None:
        if pages:
            st.session_state[pages.key] = pages.page + int(st.session_state[key].turned)

    if parameter and asked not in by_name and asked != CLOSED:
        address.keep(parameter, None)
    data = {
        "opened": opened,
        "tiles": [_plain(tile, names) for tile in tiles],
        "page": pages.page if pages else 1,
        "pages": pages.pages if pages else 1,
    }
    _grid(key=key, data=data, on_opened_change=keep, on_turned_change=turn)
    return opened


def _plain(tile: Tile, names: Sequence[str]) -> dict[str, object]:
    sure = confidence(tile.confidence)
    true, predicted = names[tile.true], names[tile.predicted]
    return {
        "index": tile.index,
        "uri": tile_uri(tile.image),
        "right": tile.true == tile.predicted,
        "true": true,
        "predicted": predicted,
        "confidence": sure,
        "label": f"{true} predicted as {predicted}, {sure} sure, image {tile.index}",
    }
