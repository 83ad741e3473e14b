"""A network as a picture to scale, and as a table."""

from __future__ import annotations

import html
import math

from digitcore.recipes import Recipe
from digitcore.recipes.layers import LayerRow, Shape

_SHOWN = ("conv", "depthwise_conv", "pool", "global_pool", "dense")
_HEIGHT = 77  # screen pixels, of the input image

# Written in HTML, because st.html drops SVG.
_CSS = f"""<style>
.network {{ display: flex; flex-wrap: wrap; gap: 0.35rem; padding: 0.25rem 0;
  font-size: 0.75rem; line-height: 1.25; font-variant-numeric: tabular-nums; }}
.network figure {{ margin: 0; min-width: 4.2rem; text-align: center; flex: 0 0 auto; }}
.network .space {{ height: {_HEIGHT}px; display: flex; align-items: center;
  justify-content: center; margin-bottom: 0.3rem; }}
.network .box {{ border: 1px solid color-mix(in srgb, currentColor 45%, transparent);
  border-radius: 2px; background: color-mix(in srgb, currentColor 12%, transparent); }}
.network .what {{ opacity: 0.75; }}
.layers {{ margin: 0.5rem 0; border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }}
.layers :is(th, td) {{ padding: 0.3rem 0.75rem; text-align: left; font-weight: 400;
  border: 1px solid color-mix(in srgb, currentColor 15%, transparent); }}
.layers :is(th, td):last-child {{ text-align: right; }}
</style>"""


def network_html(recipe: Recipe) -> str:
    """The layers that change the shape, left to right: as high as the image, as wide as its channels."""
    rows = [LayerRow("image", "image", recipe.input_shape, 0)]
    rows += [row for row in recipe.summary() if row.kind in _SHOWN]
    spoken = html.escape(" to ".join(_text(row.shape) for row in rows))
    pixel = _HEIGHT / recipe.input_shape[0]
    boxes = "".join(_figure(row, pixel) for row in rows)
    return f'{_CSS}<div class="network" role="img" aria-label="Network: {spoken}">{boxes}</div>'


def _figure(row: LayerRow, pixel: float) -> str:
    width, height = _size(row.shape, pixel)
    title = html.escape(f"{row.layer}: {_text(row.shape)}, {row.parameters:,} parameters")
    return (
        f'<figure title="{title}"><div class="space"><div class="box" '
        f'style="width:{width:.0f}px;height:{height:.0f}px"></div></div>'
        f"<div>{_text(row.shape)}</div>"
        f'<div class="what">{html.escape(row.layer.split(",")[0])}</div></figure>'
    )


def layer_table(recipe: Recipe) -> str:
    """HTML, one row a layer: what it is, its output's shape, its parameters.

    Streamlit's own table would make the browser of a first visitor load 1.6 MB more.
    """
    rows = "".join(
        f"<tr><td>{html.escape(row.layer)}</td><td>{_text(row.shape)}</td>"
        f"<td>{row.parameters:,}</td></tr>"
        for row in recipe.summary()
    )
    head = "<tr><th>Layer</th><th>Output</th><th>Parameters</th></tr>"
    return f'<table class="layers">{head}{rows}</table>'


def _size(shape: Shape, pixel: float) -> tuple[float, float]:
    if len(shape) == 1:
        # A vector has no height in pixels; its length shows on a log scale.
        return 9.0, _HEIGHT / 4 * math.log10(1 + shape[0])
    height, _, channels = shape
    return 6 + 7 * math.log2(channels + 1), height * pixel


def _text(shape: Shape) -> str:
    return "×".join(map(str, shape if shape[-1] > 1 else shape[:2]))
