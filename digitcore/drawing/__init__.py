"""From drawings and photos to a network's input images.

from_strokes, from_strokes_within   pen strokes to input images
read_image, from_image, from_ink    a picture of one digit to an input image
"""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule
from digitcore.drawing.images import from_image, from_ink, grey_levels, line_width, read_image
from digitcore.drawing.input_image import (
    BOX,
    CENTRE,
    PEN_WIDTH,
    SIDE,
    DrawingError,
    Floats,
    InputImage,
    Predict,
)
from digitcore.drawing.strokes import MAX_POINTS, MAX_STROKES, from_strokes, from_strokes_within

__all__ = [
    "BOX",
    "CENTRE",
    "MAX_POINTS",
    "MAX_STROKES",
    "PEN_WIDTH",
    "SIDE",
    "DrawingError",
    "Floats",
    "InputImage",
    "Predict",
    "from_image",
    "from_ink",
    "from_strokes",
    "from_strokes_within",
    "grey_levels",
    "line_width",
    "read_image",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return submodule(__name__, name)
