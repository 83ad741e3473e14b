"""A finished run's network, ready to answer, without TensorFlow."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from digitcore.runs import Run, RunError

_BATCH = 1000


class Predictor:
    """The network of a run on LiteRT. Safe to call from several threads."""

    def __init__(self, run: Run | str | Path) -> None:
        """Loads `model.tflite`.

        Args:
            run: a run, its id, or the path of a `.tflite` file.

        Raises:
            RunError: the run has no network yet, or its file is damaged.
        """
        path = _model_file(run)
        try:
            self._interpreter = Interpreter(model_content=path.read_bytes())
            self._input = self._interpreter.get_input_details()[0]["index"]
            self._output = self._interpreter.get_output_details()[0]["index"]
        except FileNotFoundError:
            raise RunError(f"There is no network to ask yet: {path} is missing.") from None
        except (OSError, ValueError, RuntimeError, IndexError) as error:
            raise RunError(f"The network {path} cannot be read: {error}") from None
        self._lock = threading.Lock()
        self._size = 0

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """What the network says of each image.

        Args:
            images: uint8 (N, 28, 28), 0 to 255, white ink on black.

        Returns:
            float32 (N, 10); each row sums to 1.

        Raises:
            ValueError: another dtype or shape.
        """
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
            raise ValueError(
                f"Images must be uint8 (N, 28, 28). Received: {images.dtype} {images.shape}"
            )
        parts = [self._ask(images[i : i + _BATCH]) for i in range(0, len(images), _BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, 10), np.float32)

    def _ask(self, images: np.ndarray) -> np.ndarray:
        # An interpreter has one input tensor, so one thread at a time.
        with self._lock:
            if len(images) != self._size:
                self._interpreter.resize_tensor_input(self._input, images.shape)
                self._interpreter.allocate_tensors()
                self._size = len(images)
            self._interpreter.set_tensor(self._input, np.ascontiguousarray(images))
            self._interpreter.invoke()
            return np.array(self._interpreter.get_tensor(self._output), dtype=np.float32)


def _model_file(run: Run | str | Path) -> Path:
    if isinstance(run, Run):
        return run.path / "model.tflite"
    if str(run).endswith(".tflite"):
        return Path(run)
    from digitcore import runs

    return runs.load(str(run)).path / "model.tflite"
