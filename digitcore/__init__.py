"""Train, study and use image networks. Knows nothing of Streamlit.

    import digitcore
    run = digitcore.submit(digitcore.Recipe.load("fast"))
    for event in digitcore.follow(run): ...
    digitcore.Predictor(run).probabilities(digitcore.load_dataset("mnist").test.images)

Importing it loads neither TensorFlow nor Streamlit: a module is loaded when its name is first used,
and only building and training networks needs Keras.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in `typing`, whose import would take most of the time of this one
if TYPE_CHECKING:
    from typing import Any

# Each public name, and the module that it lives in.
_HOME = {
    "DataError": "datasets",
    "Dataset": "datasets",
    "DrawingError": "drawing",
    "HandwritingSamples": "drawing.samples",
    "Predictor": "runs.predictor",
    "Recipe": "recipes",
    "RecipeError": "recipes",
    "Run": "runs",
    "RunBrokenError": "runs",
    "RunError": "runs",
    "RunNotFoundError": "runs",
    "RunStateError": "runs",
    "RunUnsuitableError": "runs",
    "SamplesError": "drawing.samples",
    "extend": "jobs.queue",
    "fine_tune": "jobs.fine_tuning",
    "follow": "jobs.queue",
    "list_runs": "runs",
    "load_dataset": "datasets",
    "resume": "jobs.queue",
    "submit": "jobs.queue",
}
# From the ground up; `files` is a module, each other room a package.
_ROOMS = (
    "files",
    "drawing",
    "datasets",
    "recipes",
    "runs",
    "training",
    "analysis",
    "jobs",
    "figures",
    "reports",
    "commands",
)

__version__ = "0.1.0"
__all__ = [  # noqa: PLE0604  a test compares it with the two tables above
    *sorted([*_HOME, *_ROOMS])
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"digitcore.{name}")
    if name in _HOME:
        return getattr(import_module(f"digitcore.{_HOME[name]}"), name)
    # A module by its own name, as in `digitcore.network`, whichever room it is in.
    if not name.startswith("_") and name in _modules():
        return import_module(_modules()[name])
    raise AttributeError(f"module 'digitcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


_full_names: dict[str, str] = {}


def _modules() -> dict[str, str]:
    """Each module's own name to its full one; of two with the same one, the one nearer the ground."""
    import pkgutil  # here, as few need it and it would slow every start

    if not _full_names:
        for room in _ROOMS:
            for path in __path__:
                for module in pkgutil.iter_modules([f"{path}/{room}"]):
                    _full_names.setdefault(module.name, f"digitcore.{room}.{module.name}")
    return _full_names
