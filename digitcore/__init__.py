"""Train, study and use networks that read digits. Knows nothing of Streamlit.

    import digitcore
    run = digitcore.submit(digitcore.Recipe.load("fast"))
    for event in digitcore.follow(run): ...
    digitcore.Predictor(run).probabilities(digitcore.load_dataset("mnist").test.images)

Importing it loads neither TensorFlow nor Streamlit: each module is loaded when it
is first asked for, and only what makes and trains networks needs Keras.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "DataError": "data",
    "Dataset": "data",
    "DrawingError": "drawing",
    "Hand": "hand",
    "HandError": "hand",
    "Predictor": "predictor",
    "Recipe": "recipe",
    "RecipeError": "recipe",
    "Run": "runs",
    "RunError": "runs",
    "extend": "queue",
    "follow": "queue",
    "list_runs": "runs",
    "load_dataset": "data",
    "resume": "queue",
    "submit": "queue",
    "teach": "queue",
}
_MODULES = (
    "batches",
    "board",
    "checkpoints",
    "data",
    "drawing",
    "evaluation",
    "events",
    "figure_files",
    "figures",
    "files",
    "hand",
    "handwriting",
    "ink",
    "layers",
    "network",
    "numbers",
    "optimizers",
    "paper",
    "predictor",
    "queue",
    "recipe",
    "results",
    "ruled_lines",
    "runs",
    "teacher",
    "training",
    "worker",
    "xray",
)

__version__ = "0.1.0"
__all__ = [  # noqa: PLE0604  a test compares it with the two tables above
    *sorted([*_HOME, *_MODULES])
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"digitcore.{name}")
    if name in _HOME:
        return getattr(import_module(f"digitcore.{_HOME[name]}"), name)
    raise AttributeError(f"module 'digitcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
