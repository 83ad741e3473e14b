"""A finished run's network, ready to answer, without TensorFlow.

LiteRT checks that a file is well formed, not that its numbers make sense: one changed byte
can make it compute for a minute or ask for all memory. So a run's file is given to LiteRT
only if it is the one that the training wrote, by the checksum in `metrics.json`.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from digitcore import files
from digitcore.runs.errors import RunBrokenError, RunError, RunStateError
from digitcore.runs.folder import load
from digitcore.runs.run import Run

# A larger one no longer fits into a processor's cache, and is slower.
_BATCH = 100
# The largest network that a recipe may ask for has 200 million bytes of weights.
_MOST_BYTES = 250_000_000


class Predictor:
    """The network of a run on LiteRT. Safe to call from several threads."""

    def __init__(self, run: Run | str | Path, threads: int = 1) -> None:
        """Loads `model.tflite`; `checksum` is its SHA-256 (hex).

        Args:
            run: a run, its id, or the path of a `.tflite` file that you trust.
            threads: how many LiteRT computes with; the answers are the same.

        Raises:
            RunError: the run has no network yet, its file is damaged, larger than 250 MB, or
                not the one that its training wrote.
        """
        owner, path = _owner_and_file(run)
        try:
            content = files.read(path, _MOST_BYTES)
            self.checksum = hashlib.sha256(content).hexdigest()
            if owner:
                _check(owner, self.checksum)
            self._interpreter = self._opened(content, threads)
            self._input = self._interpreter.get_input_details()[0]["index"]
            self._output = self._interpreter.get_output_details()[0]["index"]
        except RunError:
            raise
        except FileNotFoundError:
            raise RunStateError(
                f"There is no network to predict with yet: {path} is missing."
            ) from None
        except (OSError, ValueError, RuntimeError, IndexError) as error:
            raise RunBrokenError(f"The network {path} cannot be read: {error}") from None
        self._lock = threading.Lock()
        self._size = 0
        self.image_shape, self.classes = self._shapes(path)

    @staticmethod
    def _opened(content: bytes, threads: int) -> Interpreter:
        return Interpreter(model_content=content, num_threads=threads)

    def _shapes(self, path: Path) -> tuple[tuple[int, ...], int]:
        """Height and width of an input image, and the number of classes, as the file says."""
        given = self._interpreter.get_input_details()[0]["shape_signature"][1:].tolist()
        answer = self._interpreter.get_output_details()[0]["shape_signature"].tolist()
        if len(given) != 2 or len(answer) != 2 or not (min(given) > 0 and answer[1] > 1):
            raise RunBrokenError(
                "A network takes images of one shape and gives a probability a class. "
                f"Received: {path}, which takes {given} and gives {answer[1:]}"
            )
        return tuple(given), answer[1]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """What the network says of each image.

        Args:
            images: uint8 (N, height, width) as in `image_shape`, 0 to 255, white ink on black.

        Returns:
            float32 (N, `classes`); each row sums to 1.

        Raises:
            ValueError: another dtype or shape.
            RunError: the file, given by its path, is not a network of this project.
        """
        return self._computed(images, self._output, self.classes)

    def _computed(self, images: np.ndarray, tensor: int, columns: int) -> np.ndarray:
        """Rows of a tensor of the network, float32 (N, `columns`), one for each image."""
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != self.image_shape:
            raise ValueError(
                f"Images must be uint8 (N, {', '.join(map(str, self.image_shape))}). "
                f"Received: {images.dtype} {images.shape}"
            )
        batches = (images[i : i + _BATCH] for i in range(0, len(images), _BATCH))
        tables = [self._invoke(batch, tensor, columns) for batch in batches]
        return np.concatenate(tables) if tables else np.empty((0, columns), np.float32)

    def _invoke(self, images: np.ndarray, tensor: int, columns: int) -> np.ndarray:
        # An interpreter has one input tensor, so one thread at a time.
        with self._lock:
            try:
                if len(images) != self._size:
                    self._size = 0
                    self._interpreter.resize_tensor_input(self._input, images.shape)
                    self._interpreter.allocate_tensors()
                    self._size = len(images)
                self._interpreter.set_tensor(self._input, np.ascontiguousarray(images))
                self._interpreter.invoke()
                table = np.array(self._interpreter.get_tensor(tensor), dtype=np.float32)
            except (RuntimeError, ValueError) as error:
                raise RunBrokenError(f"The network cannot predict: {error}") from None
        if table.shape[0] != len(images) or table.size != len(images) * columns:
            raise RunBrokenError(
                f"A network gives {columns} values an image. Received: {table.shape}"
            )
        return table.reshape(len(images), columns)


def _owner_and_file(run: Run | str | Path) -> tuple[Run | None, Path]:
    """Whose network it is, unless only a file was named, and the file."""
    if not isinstance(run, Run):
        if str(run).endswith(".tflite"):
            return None, Path(run)

        run = load(str(run))
    return run, run.path / "model.tflite"


def _check(run: Run, checksum: str) -> None:
    if (metrics := run.metrics) is None:
        raise RunStateError(
            f"There is no network to predict with yet: metrics.json of run {run.id} is missing. "
            "Resume the run, or train it again."
        )
    if metrics.network_checksum != checksum:
        raise RunBrokenError(
            f"model.tflite of run {run.id} is not the file that its training wrote. "
            "Train the run again, or bring the file back from a copy."
        )
