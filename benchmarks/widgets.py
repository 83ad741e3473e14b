"""What Streamlit's page sends of its widgets: their states, and the canvas's strokes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from streamlit.proto.Element_pb2 import Element
from streamlit.proto.NumberInput_pb2 import NumberInput
from streamlit.proto.Slider_pb2 import Slider
from streamlit.proto.WidgetStates_pb2 import WidgetState

# What the canvas says of a stroke besides its path; the server reads a part, but parses all.
_STROKE = json.loads(
    """{"lockMovementX": false, "lockMovementY": false, "lockRotation": false,
    "lockScalingX": false, "lockScalingY": false, "lockSkewingX": false, "lockSkewingY": false,
    "lockScalingFlip": false, "type": "Path", "version": "7.4.0", "originX": "center",
    "originY": "center", "fill": null, "stroke": "#ffffff", "strokeWidth": 26,
    "strokeDashArray": null, "strokeLineCap": "round", "strokeDashOffset": 0,
    "strokeLineJoin": "round", "strokeUniform": false, "strokeMiterLimit": 10, "scaleX": 1,
    "scaleY": 1, "angle": 0, "flipX": false, "flipY": false, "opacity": 1, "shadow": null,
    "visible": true, "backgroundColor": "", "fillRule": "nonzero", "paintFirst": "fill",
    "globalCompositeOperation": "source-over", "skewX": 0, "skewY": 0}"""
)


def widget_state(element: Element) -> WidgetState | None:
    """What a widget that is drawn for the first time says of itself, or None for other elements."""
    kind = element.WhichOneof("type")
    if kind not in (
        "selectbox",
        "slider",
        "number_input",
        "checkbox",
        "button_group",
        "pagination",
        "text_input",
    ):
        return None
    widget = getattr(element, kind)
    state, new = WidgetState(id=widget.id), widget.set_value
    if kind == "selectbox":
        state.string_value = widget.raw_value if new else widget.options[widget.default]
    elif kind == "slider":
        values = widget.value if new else widget.default
        if widget.type == Slider.SELECT_SLIDER:
            names = widget.raw_value if new else [widget.options[int(v)] for v in values]
            state.string_array_value.data.extend(names)
        else:
            state.double_array_value.data.extend(values)
    elif kind == "number_input":
        value = widget.value if new else widget.default
        if widget.data_type == NumberInput.INT:
            state.int_value = int(value)
        else:
            state.double_value = value
    elif kind == "checkbox":
        state.bool_value = widget.value if new else widget.default
    elif kind == "button_group":
        names = widget.raw_values if new else [widget.options[i].content for i in widget.default]
        state.string_array_value.data.extend(names)
    elif kind == "pagination":
        state.int_value = widget.value if new else widget.default
    else:
        state.string_value = widget.value if new else widget.default
    return state


def fabric_path(stroke: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """A stroke as the canvas writes it: through the middles of the points, in quadratic curves."""
    (x, y), *others = stroke
    path: list[list[Any]] = [["M", x, y], ["Q", x, y, x, y]]
    for nx, ny in others:
        path.append(["Q", x, y, (x + nx) / 2, (y + ny) / 2])
        x, y = nx, ny
    path.append(["L", x, y])
    xs, ys = zip(*stroke, strict=True)
    place = {"left": (min(xs) + max(xs)) / 2, "top": (min(ys) + max(ys)) / 2}
    size = {"width": max(xs) - min(xs), "height": max(ys) - min(ys)}
    return {**_STROKE, **place, **size, "path": path}
