"""A slider that takes one image through the severities of a corruption, with its probabilities following.

All severities are computed beforehand, some dozen predictions, and sent at once: the picture follows the slider
in the browser, without asking the server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from digitcore.analysis.corruptions import Corruption
from digitcore.analysis.robustness import Frames
from digitcore.analysis.written import confidence
from ui.prediction_html import BARS_CSS, MOST_BARS, RIGHT, WRONG, tile_uri

_CSS = f"""
.dial {{ display: grid; grid-template-columns: minmax(7rem, 13rem) minmax(12rem, 1fr);
  gap: 0.75rem 1.5rem; font-family: var(--st-font); color: var(--st-text-color); }}
.dial .turn {{ grid-column: 1 / -1; }}
.dial label {{ display: flex; justify-content: space-between; font-size: 0.875rem; }}
.dial label b {{ font-variant-numeric: tabular-nums; }}
.dial input {{ width: 100%; margin: 0.4rem 0 0.2rem; height: 1.5rem;
  accent-color: var(--st-text-color); cursor: pointer; }}
.dial input:focus-visible {{ outline: 2px solid currentColor; outline-offset: 2px; }}
.dial .track-of {{ position: relative; margin: 0 8px; }}
.dial .band {{ height: 0.4rem; border-radius: 2px; }}
.dial .none {{ position: absolute; top: -0.25rem; width: 2px; height: 0.9rem; margin-left: -1px;
  background: currentColor; }}
.dial canvas {{ width: 100%; aspect-ratio: 1; image-rendering: pixelated; border-radius: 3px;
  background: #000; display: block; }}
.dial .verdict {{ font-weight: 600; min-height: 1.6rem; margin: 0 0 0.4rem; }}
@media (max-width: 28rem) {{ .dial {{ grid-template-columns: 1fr; }} .dial canvas {{ max-width: 11rem; }} }}
{BARS_CSS}
.bars .fill {{ transition: none; }}
"""

_HTML = """<div class="dial">
  <div class="turn"><label><span></span><b></b></label><input type="range" min="0" step="1">
    <div class="track-of"><div class="band"></div><div class="none"></div></div></div>
  <canvas role="img"></canvas>
  <div><p class="verdict" aria-live="polite"></p><div class="bars" role="img"></div></div>
</div>"""

# The server is told where the slider was let go, so that a link shows the same.
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const dial = parentElement.querySelector(".dial"), at = (name) => dial.querySelector(name);
  const range = at("input"), canvas = at("canvas"), bars = at(".bars");
  const last = data.written.length - 1;
  if (dial.dataset.of !== data.of) {
    dial.dataset.of = data.of;
    range.max = last;
    range.value = data.start;
    range.setAttribute("aria-label", data.title);
    at("label span").textContent = data.title;
    [canvas.height, canvas.width] = data.shape;
    dial.frames = new Image();
    dial.frames.src = data.frames;
    bars.replaceChildren(...data.names.flatMap(row));
    const edges = data.right.flatMap((right, i) => {
      const colour = right ? "RIGHT" : "WRONG";
      return [`${colour} ${(100 * (i - 0.5)) / last}%`, `${colour} ${(100 * (i + 0.5)) / last}%`];
    });
    at(".band").style.background = `linear-gradient(to right, ${edges.join(", ")})`;
    at(".none").style.left = `${(100 * data.none) / last}%`;
    dial.frames.decode().then(show, () => {});
  }
  function show() {
    const i = Number(range.value), [height, width] = data.shape;
    const context = canvas.getContext("2d");
    context.drawImage(dial.frames, 0, i * height, width, height, 0, 0, width, height);
    at("label b").textContent = data.written[i];
    range.setAttribute("aria-valuetext", `${data.written[i]}: ${data.verdicts[i]}`);
    canvas.setAttribute("aria-label", `The image at ${data.written[i]}`);
    at(".verdict").textContent = data.verdicts[i];
    bars.setAttribute("aria-label", data.spoken[i]);
    [...bars.querySelectorAll(".fill")].forEach((fill, k) => {
      const top = k === data.top[i];
      fill.style.width = `${data.percents[i][k]}%`;
      fill.className = "fill" + (top ? (data.right[i] ? " right" : " wrong") : "");
      const [name, , percent] = [...bars.children].slice(3 * k, 3 * k + 3);
      name.className = (top ? "top " : "") + (k === data.truth ? "truth" : "");
      percent.className = "percent" + (top ? " top" : "");
      percent.textContent = data.texts[i][k];
    });
  }
  range.oninput = show;
  range.onchange = () => setTriggerValue("turned", Number(range.value));
  if (dial.frames.complete) show();
}

function row(name) {
  const label = document.createElement("span"), track = document.createElement("div");
  label.textContent = name;
  track.className = "track";
  track.append(document.createElement("div"));
  track.firstChild.className = "fill";
  return [label, track, document.createElement("span")];
}
""".replace("RIGHT", RIGHT).replace("WRONG", WRONG)

_dial = st.components.v2.component("severity_dial", html=_HTML, css=_CSS, js=_JS)


def dial(
    shown: Frames,
    corruption: Corruption,
    severity: float,
    true: int,
    names: Sequence[str],
    of: str,
    keep: Callable[[float], None],
) -> None:
    """Draws the slider, the image and its bars.

    Args:
        shown: the image at every severity of the dial.
        corruption: what is done to it.
        severity: where the slider stands at first.
        true: class of the image.
        names: of the classes.
        of: tells this image under this corruption and network from any other.
        keep: called with the severity where the slider was let go.
    """

    def turned() -> None:
        at = st.session_state["severity_dial"].turned
        if isinstance(at, int) and 0 <= at < len(shown.severities):
            keep(float(shown.severities[at]))

    data = _plain(shown, corruption, true, names)
    start = int(np.abs(shown.severities - severity).argmin())
    _dial(key="severity_dial", data=data | {"of": of, "start": start}, on_turned_change=turned)


def _plain(
    shown: Frames, corruption: Corruption, true: int, names: Sequence[str]
) -> dict[str, object]:
    table = shown.probabilities
    # Of many classes, those that are likely anywhere.
    drawn = np.argsort(-table.max(axis=0), kind="stable")[:MOST_BARS]
    drawn = np.unique(np.append(drawn[: MOST_BARS - 1] if true not in drawn else drawn, true))
    top = table.argmax(axis=1)
    rows = {int(label): row for row, label in enumerate(drawn)}
    verdicts = [
        f"{names[true]} correct" if label == true else f"{names[true]} predicted as {names[label]}"
        for label in top
    ]
    return {
        "title": corruption.title,
        "written": [corruption.written(s) for s in shown.severities],
        "none": int(np.abs(shown.severities).argmin()),
        "shape": list(shown.images.shape[1:]),
        "frames": tile_uri(shown.images.reshape(-1, shown.images.shape[2])),
        "names": [names[label] for label in drawn],
        "truth": rows[true],
        "top": [rows.get(int(label), -1) for label in top],
        "right": (top == true).tolist(),
        "verdicts": verdicts,
        "percents": (100 * table[:, drawn]).round(1).tolist(),
        "texts": [[confidence(p) for p in row] for row in table[:, drawn]],
        "spoken": [
            f"Probabilities: {names[label]} {confidence(row[label])}"
            for label, row in zip(top, table, strict=True)
        ],
    }
