"""The kinds of layers that a recipe may name.

Each knows its output shape and its number of parameters, so that a page can describe a network
without TensorFlow. `training.network` builds the same layers in Keras, and a test compares the two.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

# leaky_relu has a slope of 0.2 below zero, Keras's default.
Activation = Literal["relu", "leaky_relu", "gelu", "silu", "tanh", "linear"]
Shape = tuple[int, ...]


class Frozen(BaseModel):
    """An immutable model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, values: Any) -> Any:
        # pydantic takes it for 1, so `learning_rate = true` would train; the word it refuses.
        if not isinstance(values, dict):
            return values
        numbers = {n for n, one in cls.model_fields.items() if one.annotation in (int, float)}
        return {
            name: str(value).lower() if isinstance(value, bool) and name in numbers else value
            for name, value in values.items()
        }


class _Window(Frozen):
    """What convolutions have in common."""

    kernel: int = Field(3, ge=1, le=15)
    stride: int = Field(1, ge=1, le=8)
    padding: Literal["valid", "same"] = "valid"
    activation: Activation = "relu"
    bias: bool = True

    def _size(self, shape: Shape) -> Shape:
        """Height and width of the output."""
        return tuple(self._length(n) for n in _image(shape)[:2])

    def _length(self, n: int) -> int:
        if self.padding == "same":
            return -(-n // self.stride)
        return (n - self.kernel) // self.stride + 1

    def _described(self, name: str) -> str:
        stride = f", stride {self.stride}" if self.stride > 1 else ""
        padding = ", same" if self.padding == "same" else ""
        activation = "" if self.activation == "linear" else f", {self.activation}"
        return f"{name}, {self.kernel}×{self.kernel}{stride}{padding}{activation}"


class Conv(_Window):
    """2-D convolution."""

    kind: Literal["conv"] = "conv"
    filters: int = Field(ge=1, le=1024)

    def output_shape(self, shape: Shape) -> Shape:
        return (*self._size(shape), self.filters)

    def parameters(self, shape: Shape) -> int:
        return self.kernel**2 * shape[-1] * self.filters + self.bias * self.filters

    def __str__(self) -> str:
        return self._described(f"conv {self.filters}")


class DepthwiseConv(_Window):
    """2-D convolution of each channel by itself (Howard et al., 2017)."""

    kind: Literal["depthwise_conv"] = "depthwise_conv"

    def output_shape(self, shape: Shape) -> Shape:
        return (*self._size(shape), shape[-1])

    def parameters(self, shape: Shape) -> int:
        return (self.kernel**2 + self.bias) * shape[-1]

    def __str__(self) -> str:
        return self._described("depthwise conv")


class Pool(Frozen):
    """Largest (or mean) value of each window; windows do not overlap."""

    kind: Literal["pool"] = "pool"
    size: int = Field(2, ge=2, le=256)
    method: Literal["max", "average"] = "max"

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = _image(shape)
        return (height // self.size, width // self.size, channels)

    def parameters(self, shape: Shape) -> int:
        return 0

    def __str__(self) -> str:
        return f"{self.method} pool {self.size}×{self.size}"


class GlobalPool(Frozen):
    """Mean of each channel over the whole image (Lin et al., 2014)."""

    kind: Literal["global_pool"] = "global_pool"

    def output_shape(self, shape: Shape) -> Shape:
        return (_image(shape)[2],)

    def parameters(self, shape: Shape) -> int:
        return 0

    def __str__(self) -> str:
        return "global average pool"


class BatchNorm(Frozen):
    """Batch normalisation (Ioffe and Szegedy, 2015), then an activation."""

    kind: Literal["batch_norm"] = "batch_norm"
    activation: Activation = "linear"
    # Decay of the running means per step. Keras's 0.99 needs hundreds of steps to forget the first
    # values, more than a short training has.
    momentum: float = Field(0.9, ge=0, lt=1)

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int:
        return 4 * shape[-1]

    def __str__(self) -> str:
        return "batch norm" if self.activation == "linear" else f"batch norm, {self.activation}"


class Dropout(Frozen):
    """Sets a fraction of the values to zero during training (Srivastava et al., 2014)."""

    kind: Literal["dropout"] = "dropout"
    rate: float = Field(0.3, ge=0, lt=1)

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int:
        return 0

    def __str__(self) -> str:
        return f"dropout {self.rate:g}"


class Flatten(Frozen):
    """Rows, columns and channels become one vector."""

    kind: Literal["flatten"] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = _image(shape)
        return (height * width * channels,)

    def parameters(self, shape: Shape) -> int:
        return 0

    def __str__(self) -> str:
        return "flatten"


class Dense(Frozen):
    """Fully connected layer."""

    kind: Literal["dense"] = "dense"
    units: int = Field(ge=1, le=4096)
    activation: Activation | Literal["softmax"] = "relu"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ValueError("a dense layer needs a flatten or global_pool layer before it")
        return (self.units,)

    def parameters(self, shape: Shape) -> int:
        return (shape[0] + 1) * self.units

    def __str__(self) -> str:
        return f"dense {self.units}, {self.activation}"


Layer = Annotated[
    Conv | DepthwiseConv | Pool | GlobalPool | BatchNorm | Dropout | Flatten | Dense,
    Field(discriminator="kind"),
]
# By the name that a recipe gives.
LAYER_KINDS: dict[str, type[Frozen]] = {
    kind.model_fields["kind"].default: kind for kind in get_args(get_args(Layer)[0])
}


class LayerRow(NamedTuple):
    """One line of a network's summary; `shape` is (height, width, channels) or (units,)."""

    layer: str
    kind: str
    shape: Shape
    parameters: int


def _image(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise ValueError("it needs an image, and a layer before it has made a vector")
    return shape
