"""Ways to make an image harder to recognise, each with a scale of severities: 0 is the image as it is.

rotation, shift, scale, shear     where and how the character lies
pen thickness                     what it was written with
noise, blur, contrast, occlusion  how it was photographed

`mnist_c` has a suite of fifteen more, by which networks are summed up in one number. Everything random is
drawn from a seed, the same at each severity, so that an image changes steadily from one to the next.

SciPy is imported where it is used, because a page lists these before it needs any.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
# Grey levels, 0 black paper to 1 white ink, float32 (N, height, width).
Ink = NDArray[np.float32]
Alter = Callable[[Ink, float, np.random.Generator], Ink]

_DIRECTIONS = 16


@dataclass(frozen=True)
class Corruption:
    """One way to alter images.

    Attributes:
        name: in addresses and files.
        title: as people read it.
        unit: of a severity: `°`, ` px` or ` %`.
        severities: those at which accuracy is measured, ascending, 0 among them.
        step: between two severities of a dial that goes from the lowest to the highest.
        help: what a severity means, in a sentence.
        alter: from ink, a severity other than 0 and a source of random numbers to ink; values may leave 0 to 1.
    """

    name: str
    title: str
    unit: str
    severities: tuple[float, ...]
    step: float
    help: str
    alter: Alter

    def __call__(self, images: Images, severity: float, seed: int = 0) -> Images:
        """The images at that severity.

        Args:
            images: uint8 (N, height, width), 0 to 255, white ink on black; not changed.
            severity: in `unit`, anywhere between the ends of `severities`.
            seed: decides what is random. The same images, severity and seed give the same result.

        Returns:
            uint8 (N, height, width); at severity 0 the same values.

        Raises:
            ValueError: the images have another shape or dtype, or the severity is out of bounds.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 3:
            raise ValueError(
                f"Images are uint8 (N, height, width). Received: {images.dtype} {images.shape}"
            )
        low, high = self.severities[0], self.severities[-1]
        if not low <= severity <= high:
            raise ValueError(
                f"{self.title} goes from {low:g} to {high:g}{self.unit}. Received: {severity}"
            )
        if severity == 0 or not images.size:
            return images.copy()
        ink = images.astype(np.float32) / np.float32(255)
        altered = self.alter(ink, severity, np.random.default_rng(seed))
        return np.rint(np.clip(altered, 0, 1) * 255).astype(np.uint8)

    @property
    def dial(self) -> NDArray[np.float64]:
        """Severities from the lowest to the highest, `step` apart, float64 (M,); exactly one is 0."""
        low, high = (round(end / self.step) for end in (self.severities[0], self.severities[-1]))
        return np.arange(low, high + 1, dtype=np.float64) * np.float64(self.step)

    def written(self, severity: float) -> str:
        """A severity with its sign, where it has two directions, and its unit: `+15°`, `2.5 px`."""
        sign = "+" if severity and self.severities[0] < 0 else ""
        number = f"{round(severity, 2):{sign}g}".replace("-", "−")
        return f"{number}{self.unit}"


def rotated(ink: Ink, degrees: float, _: np.random.Generator) -> Ink:
    """Turned about the middle of the image, counter-clockwise where positive."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return affine(ink, np.array([[cos, sin], [-sin, cos]]))


def shifted(ink: Ink, pixels: float, rng: np.random.Generator) -> Ink:
    """Moved by so many pixels, each image in a direction of its own."""
    angles = rng.uniform(0, 2 * math.pi, len(ink))
    return moved(ink, pixels * np.stack([np.sin(angles), np.cos(angles)], axis=1))


def scaled(ink: Ink, percent: float, _: np.random.Generator) -> Ink:
    """Larger about the middle of the image by so many percent, or smaller where negative."""
    return affine(ink, np.eye(2) / (1 + percent / 100))


def sheared(ink: Ink, degrees: float, _: np.random.Generator) -> Ink:
    """Slanted by an angle, to the right where positive; the middle row stays."""
    return affine(ink, np.array([[1, 0], [math.tan(math.radians(degrees)), 1]]))


def thickened(ink: Ink, pixels: float, _: np.random.Generator) -> Ink:
    """Strokes thicker by so many pixels on each side, or thinner where negative.

    Grey dilation and erosion by a disc: the maximum, or minimum, over the images moved by the disc's radius
    and by half of it in 16 directions, between pixels by linear interpolation. So the radius need not be whole.
    """
    extreme = np.maximum if pixels > 0 else np.minimum
    margin = math.ceil(abs(pixels)) + 1
    framed = np.pad(ink, ((0, 0), (margin, margin), (margin, margin)))
    result = ink
    for radius in (abs(pixels) / 2, abs(pixels)):
        for angle in np.arange(_DIRECTIONS) * 2 * math.pi / _DIRECTIONS:
            dy, dx = radius * math.sin(angle), radius * math.cos(angle)
            result = extreme(result, _window(framed, margin, dy, dx, ink.shape[1:]))
    return result


def noisy(ink: Ink, percent: float, rng: np.random.Generator) -> Ink:
    """Gaussian noise on each pixel, its standard deviation in percent of white."""
    return ink + np.float32(percent / 100) * rng.standard_normal(ink.shape, np.float32)


def blurred(ink: Ink, pixels: float, _: np.random.Generator) -> Ink:
    """Gaussian blur with that standard deviation."""
    from scipy import ndimage

    smooth: Ink = ndimage.gaussian_filter(ink, (0, pixels, pixels), mode="constant")
    return smooth


def faded(ink: Ink, percent: float, _: np.random.Generator) -> Ink:
    """So many percent of the contrast lost: grey levels drawn towards the image's mean."""
    mean: Ink = ink.mean(axis=(1, 2), keepdims=True)
    return mean + np.float32(1 - percent / 100) * (ink - mean)


def occluded(ink: Ink, pixels: float, rng: np.random.Generator) -> Ink:
    """A black square with that side over each image, its centre anywhere in the middle half."""
    count, height, width = ink.shape
    centres = rng.uniform(0.25, 0.75, (count, 2)) * (height, width) - 0.5

    def covered(length: int, centre: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(pixels / 2 + 0.5 - np.abs(np.arange(length) - centre[:, None]), 0, 1)

    rows, columns = covered(height, centres[:, 0]), covered(width, centres[:, 1])
    seen: Ink = (1 - rows[:, :, None] * columns[:, None, :]).astype(np.float32)
    return ink * seen


def affine(ink: Ink, matrix: NDArray[np.float64]) -> Ink:
    """The images in other coordinates, by linear interpolation; what lies outside is black.

    Args:
        ink: float32 (N, height, width).
        matrix: float (2, 2), from a row and column of the result, counted from the middle, to those of the
            image.
    """
    from scipy import ndimage

    middle = (np.array(ink.shape[1:]) - 1) / 2
    whole = np.eye(3)
    whole[1:, 1:] = matrix
    offset = np.concatenate([[0], middle - matrix @ middle])
    # Between the images of the stack nothing is interpolated: their coordinates stay whole.
    result: Ink = ndimage.affine_transform(ink, whole, offset, order=1, mode="grid-constant")
    return result


def moved(ink: Ink, pixels: NDArray[np.float64]) -> Ink:
    """Each image moved by rows and columns of its own, float (N, 2), down and right where positive."""
    from scipy import ndimage

    return np.stack(
        [
            ndimage.shift(image, by, order=1, mode="grid-constant")
            for image, by in zip(ink, pixels, strict=True)
        ]
    )


def _window(framed: Ink, margin: int, dy: float, dx: float, shape: tuple[int, ...]) -> Ink:
    """The inside of framed images, beginning (dy, dx) pixels from where the frame ends."""
    row, column = math.floor(dy), math.floor(dx)
    y, x = dy - row, dx - column
    result = np.zeros((len(framed), *shape), np.float32)
    for down, right, weight in (
        (0, 0, (1 - y) * (1 - x)),
        (0, 1, (1 - y) * x),
        (1, 0, y * (1 - x)),
        (1, 1, y * x),
    ):
        if weight > 1e-9:
            top, left = margin + row + down, margin + column + right
            part = framed[:, top : top + shape[0], left : left + shape[1]]
            result += np.float32(weight) * part
    return result


_BOTH_WAYS = (-90.0, -60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0, 90.0)
TRANSFORMS = (
    Corruption(
        *("rotation", "Rotation", "°", _BOTH_WAYS, 2.0),
        "Turned about the middle, counter-clockwise where positive.",
        rotated,
    ),
    Corruption(
        *("shift", "Shift", " px", (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0), 0.25),
        "Moved by so many pixels, each image in a direction of its own.",
        shifted,
    ),
    Corruption(
        *("scale", "Scale", " %", (-60.0, -40.0, -20.0, 0.0, 20.0, 40.0, 60.0), 2.0),
        "Larger or smaller by so many percent.",
        scaled,
    ),
    Corruption(
        *("shear", "Shear", "°", (-45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0), 1.0),
        "Slanted by that angle, to the right where positive.",
        sheared,
    ),
    Corruption(
        *("thickness", "Pen thickness", " px", (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0), 0.1),
        "Strokes thicker or thinner by so many pixels on each side.",
        thickened,
    ),
    Corruption(
        *("noise", "Noise", " %", (0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0), 2.0),
        "Gaussian noise, its standard deviation in percent of white.",
        noisy,
    ),
    Corruption(
        *("blur", "Blur", " px", (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0), 0.1),
        "Gaussian blur with that standard deviation.",
        blurred,
    ),
    Corruption(
        *("contrast", "Lost contrast", " %", (0.0, 20.0, 40.0, 60.0, 80.0, 90.0, 95.0), 2.5),
        "So many percent of the contrast lost.",
        faded,
    ),
    Corruption(
        *("occlusion", "Occlusion", " px", (0.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0), 0.5),
        "A black square with that side, somewhere on the character.",
        occluded,
    ),
)
