"""Reads image files: what phones, scanners, screens and programs write.

DrawingError (ValueError)   the file is no such image, too large, or damaged
"""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from digitcore.drawing.images import MAX_PIXELS
from digitcore.drawing.input_image import DrawingError

MAX_FILE_BYTES = 20_000_000
# Pillow has many other decoders, rarely used and tested.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"),
    *(".tif", ".tiff", ".heic", ".heif"),
)
# A JPEG is decoded at a reduced size; any other format needs up to 20 bytes a pixel meanwhile.
MAX_FILE_PIXELS = {"JPEG": MAX_PIXELS, "MPO": MAX_PIXELS}
MAX_OTHER_PIXELS = 25_000_000
# Cameras and programs write about ten at most. A scan can be a few bytes, yet costs a pass over
# all pixels: a file of many would decode for hours.
MAX_SCANS = 100

_JPEG_SIDE = 1024  # pixels; a JPEG with more on both sides is decoded at a fraction of its size
# After four bytes of length, what an ISO base media file begins with that holds HEIF's images
# (ISO/IEC 23008-12).
_HEIF_BRANDS = tuple(b"ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"))


def read_image(source: str | Path | bytes) -> NDArray[np.uint8]:
    """Read an image file for `from_image`, turned upright by its EXIF orientation.

    Only the first picture of a file that has several is read.

    Args:
        source: the path of a PNG, JPEG, WebP, BMP, GIF, TIFF or, where `pillow-heif` is installed,
            HEIC or HEIF file, or its content; up to 20 MB and 25 million pixels (50 million in a
            JPEG), checked before anything is decoded.

    Returns:
        uint8 (H, W) for a grey image, (H, W, 4) for one with transparency, else (H, W, 3).
        A large photo is reduced to half its size or less.

    Raises:
        DrawingError: the file is no such image, is too large, or is damaged.
        OSError: the file cannot be read.
    """
    name, data = "an upload", source
    if not isinstance(data, bytes):
        name = str(source)
        with open(data, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise DrawingError(
            f"An image file has up to {MAX_FILE_BYTES // 10**6} MB. Received: {name}, which has more"
        )
    formats = _heif(name) if data[4:12] in _HEIF_BRANDS else FORMATS
    try:
        with Image.open(io.BytesIO(data), formats=formats) as opened:
            width, height = opened.size
            most = MAX_FILE_PIXELS.get(opened.format or "", MAX_OTHER_PIXELS)
            if width * height > most:
                raise DrawingError(
                    f"An image of this format has up to {most // 10**6} million pixels. "
                    f"Received: {name}, {width:,}×{height:,}"
                )
            if opened.format in MAX_FILE_PIXELS and data.count(b"\xff\xda") > MAX_SCANS:
                raise DrawingError(f"A JPEG has up to {MAX_SCANS} scans. Received: {name}")
            return _decoded(opened)
    except DrawingError:
        raise
    except UnidentifiedImageError:
        raise DrawingError(
            f"An image file is a PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC. Received: {name}"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DrawingError(
            f"An image has up to {MAX_PIXELS // 10**6} million pixels. Received: {name}, "
            "which has more"
        ) from None
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        why = " ".join(str(error).split())
        raise DrawingError(f"The image {name} is damaged: {why}") from None


def _heif(name: str) -> tuple[str, ...]:
    """Makes Pillow read HEIF, which it does not by itself."""
    try:
        import pillow_heif
    except ImportError:
        raise DrawingError(
            "A HEIC file needs pillow-heif: pip install -r requirements-formats.txt. "
            f"Received: {name}"
        ) from None
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _decoded(opened: Image.Image) -> NDArray[np.uint8]:
    # A JPEG can be decoded at a fraction of its size, in a fraction of the time and memory.
    opened.draft(None, (_JPEG_SIDE, _JPEG_SIDE))
    opened.load()
    # A damaged EXIF block is no reason to refuse the picture.
    with suppress(Exception):
        ImageOps.exif_transpose(opened, in_place=True)
    if opened.mode.startswith("I;16"):  # Pillow would clip 16 bits to 8 instead of scaling
        return np.asarray(np.asarray(opened) // 257, dtype=np.uint8)
    if opened.mode in ("I", "F"):  # so would it these, whose range no one knows
        return _stretched(np.asarray(opened, np.float64))
    mode = "L" if opened.mode in ("1", "L") else "RGB"
    if opened.has_transparency_data:
        mode = "RGBA"
    # Converting to the same mode would copy.
    return np.asarray(opened if opened.mode == mode else opened.convert(mode))


def _stretched(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The values (H, W) as 0 to 255; what is no number counts as the lowest."""
    finite = np.isfinite(values)
    low = values.min(where=finite, initial=np.inf)
    high = values.max(where=finite, initial=-np.inf)
    if not low < high:
        return np.zeros(values.shape, np.uint8)
    scaled = np.where(finite, values, low) / (high - low) - low / (high - low)
    return np.asarray(np.round(255 * scaled), np.uint8)
