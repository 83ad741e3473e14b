"""What a finished run's network makes of an image before it decides: its features, without TensorFlow."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from digitcore.runs.errors import RunBrokenError
from digitcore.runs.predictor import Predictor
from digitcore.runs.run import Run


class Features(Predictor):
    """A predictor that also gives the input of the network's last dense layer, which gives the logits.

    It keeps what every layer computes, which takes more memory and time than a predictor. Several
    threads may call it.

    Attributes:
        dimension: how many features an image has.
    """

    def __init__(self, run: Run | str | Path, threads: int = 1) -> None:
        """Loads `model.tflite`; arguments and errors are a predictor's."""
        super().__init__(run, threads)
        self._features, self.dimension = _input_of_logits(self._interpreter, self._output)

    @staticmethod
    def _opened(content: bytes, threads: int) -> Interpreter:
        with warnings.catch_warnings():
            # It warns of the memory that this takes.
            warnings.simplefilter("ignore", UserWarning)
            return Interpreter(
                model_content=content, num_threads=threads, experimental_preserve_all_tensors=True
            )

    def of(self, images: np.ndarray) -> np.ndarray:
        """The features of each image.

        Args:
            images: uint8 (N, height, width) as in `image_shape`, 0 to 255, white ink on black.

        Returns:
            float32 (N, `dimension`).

        Raises:
            ValueError: another dtype or shape.
            RunError: the file, given by its path, is not a network of this project.
        """
        return self._computed(images, self._features, self.dimension)


def _input_of_logits(interpreter: Interpreter, output: int) -> tuple[int, int]:
    """The tensor that the last dense layer takes, and how many values of an image it has.

    LiteRT has no public way to see the operations of a network: `_get_ops_details` is its own. What
    a delegate computes in their place is listed after them, and left out here.
    """
    made_by = {}
    for operation in interpreter._get_ops_details():
        if operation["op_name"] != "DELEGATE":
            made_by[int(operation["outputs"][0])] = operation
    softmax = made_by.get(output, {"op_name": "", "inputs": [output]})
    dense = made_by.get(int(softmax["inputs"][0]), softmax)
    if (softmax["op_name"], dense["op_name"]) != ("SOFTMAX", "FULLY_CONNECTED"):
        raise RunBrokenError("A network ends in a dense layer and softmax. Received: another one")
    tensor, weights = (int(index) for index in dense["inputs"][:2])
    shapes = {each["index"]: each["shape"] for each in interpreter.get_tensor_details()}
    return tensor, int(shapes[weights][1])
