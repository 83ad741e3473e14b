"""From a recipe and a dataset to a trained network: plain values in, no files, no processes.

train(recipe, dataset, report)   the one way in
"""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule

if TYPE_CHECKING:
    from digitcore.training.loop import DivergedError, Trained
    from digitcore.training.trainer import PRECISIONS, StoppedError, train

__all__ = ["PRECISIONS", "DivergedError", "StoppedError", "Trained", "train"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in __all__:  # TensorFlow is loaded by then, and not before
            from digitcore.training import trainer

            return getattr(trainer, name)
        return submodule(__name__, name)
