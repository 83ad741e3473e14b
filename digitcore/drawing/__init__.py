"""From drawings and photos to a network's input images.

DrawingInput                        how an input image is made, by default as MNIST's were
from_strokes, from_strokes_within   pen strokes to input images
read_image, from_image, from_ink    a picture of one digit or letter to an input image
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule
from digitcore.drawing.input_image import (
    AS_MNIST,
    PEN_WIDTH,
    DrawingError,
    DrawingInput,
    Floats,
    InputImage,
    Predict,
)

if TYPE_CHECKING:
    from digitcore.drawing.image_files import read_image
    from digitcore.drawing.images import from_image, from_ink, grey_levels, line_width
    from digitcore.drawing.strokes import MAX_POINTS, MAX_STROKES, from_strokes, from_strokes_within

__all__ = [
    "AS_MNIST",
    "MAX_POINTS",
    "MAX_STROKES",
    "PEN_WIDTH",
    "DrawingError",
    "DrawingInput",
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

# Loaded when they are first used: the registry of datasets needs `DrawingInput`, and not SciPy.
_HOMES = {
    **dict.fromkeys(
        ("MAX_POINTS", "MAX_STROKES", "from_strokes", "from_strokes_within"), "strokes"
    ),
    "read_image": "image_files",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in __all__:
            return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'images')}"), name)
        return submodule(__name__, name)
