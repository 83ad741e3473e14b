"""Pictures, drawings and names are bounded, and never code."""

from __future__ import annotations

import io
import struct
import time
import tomllib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image

from digitcore import drawing
from digitcore.drawing import DrawingError, canvas, image_files
from ui import text

ROOT = Path(__file__).parents[2]


NO_IMAGE = "PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC"
pillow_heif.register_heif_opener()  # so that such files can be written here

# --- pictures --------------------------------------------------------------------


def png(width: int, height: int) -> bytes:
    """A PNG of zeros, a thousandth of its pixels in length."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pieces = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + pieces


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def many_scans() -> bytes:
    """A JPEG that is small, and would be decoded over and over."""
    whole = saved(Image.new("L", (64, 64), 255), "JPEG", progressive=True)
    last = whole[whole.rfind(b"\xff\xda") : -2]
    return whole[:-2] + last * 100 + whole[-2:]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (png(300, 300)[:33] + bytes(100), NO_IMAGE),
        (png(9_000, 3_000), "up to 25 million pixels"),
        (bytes(20_000_001), "up to 20 MB"),
        (many_scans(), "up to 100 scans"),
        (saved(Image.new("1", (9_000, 3_000)), "TIFF", compression="group4"), "25 million pixels"),
        (saved(Image.new("L", (90, 90)), "TIFF", compression="tiff_lzw")[:-60], None),
        (saved(Image.new("L", (900, 900)), "HEIF")[:-40], None),
        (saved(Image.new("L", (90, 90)), "PPM"), NO_IMAGE),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", NO_IMAGE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", NO_IMAGE),
        (saved(Image.new("L", (900, 900)), "PNG")[:-200], None),
        (b"", NO_IMAGE),
    ],
    ids=[
        "garbled",
        "pixels",
        "bytes",
        "scans",
        "tiff",
        "cut tiff",
        "cut heic",
        "ppm",
        "postscript",
        "svg",
        "cut",
        "empty",
    ],
)
def test_a_hostile_picture_is_refused_in_a_sentence(content: bytes, told: str | None) -> None:
    with pytest.raises(DrawingError) as caught:
        drawing.read_image(content)
    assert (told or "damaged") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_are_told_from_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(opened: Image.Image) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(image_files, "_decoded", decode)
    for side in (6_000, 10_000, 30_000):
        header = png(1, 1)
        size = struct.pack(">II", side, side)
        chunk = b"IHDR" + size + header[24:29]
        whole = header[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + header[33:]
        with pytest.raises(DrawingError, match="million pixels"):
            drawing.read_image(whole)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_of_a_file_with_many_pictures_the_first_is_read(kind: str) -> None:
    frames = [Image.new("L", (50, 40), value) for value in range(0, 250, 50)]
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    image = drawing.read_image(content)
    assert image.shape[:2] == (40, 50)
    assert image.reshape(40, 50, -1)[..., 0].max() < 10


def test_a_large_photo_is_decoded_small() -> None:
    content = saved(Image.new("RGB", (6000, 8000), "white"), "JPEG", quality=20)
    assert drawing.read_image(content).size < 10_000_000


# --- drawings --------------------------------------------------------------------


def path(commands: list[Any], **others: Any) -> dict[str, Any]:
    return {"type": "path", "path": commands, "left": 0, "top": 0, **others}


def deep(levels: int = 100_000) -> list[Any]:
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested


HOSTILE: dict[str, Callable[[], Any]] = {
    "a million points": lambda: [path([["M", 0, 0], *[["L", 9, 9]] * 1_000_000])],
    "curves": lambda: [path([["M", 0, 0], *[["C", 9e9, 9e9, 0, 0, 9e9, 0]] * 19_999])],
    "100,000 strokes": lambda: [path([["M", 0, 0], ["L", 9, 9]])] * 100_000,
    "strokes in one path": lambda: [path([["M", 0, 0], ["M", 1, 1]] * 9_000)],
    "numbers": lambda: [path([["M", *range(1_000_000)]])],
    "not numbers": lambda: [path([["M", float("nan"), 0], ["L", float("inf"), 9]])],
    "huge": lambda: [path([["M", 1e308, -1e308], ["L", -1e308, 1e308]], left=1e308, scaleX=1e308)],
    "huge integers": lambda: [path([["M", 10**400, 0], ["L", 0, 9]])],
    "tiny": lambda: [path([["M", 0, 0], ["L", 1, 1e-320]], scaleX=1e-310)],
    "deep": lambda: [path(deep())],
    "deep objects": lambda: [deep()],
    "no objects": deep,
    "long text": lambda: [path("M" * 10_000_000)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_drawing_ends_soon_with_an_image_or_a_sentence(name: str) -> None:
    sent = {"objects": HOSTILE[name]()}
    begun = time.process_time()
    # Warnings are errors here, so no number overflows on the way either.
    try:
        answer = drawing.from_strokes(canvas.strokes(sent)).tobytes()
    except DrawingError as error:
        answer = str(error).encode()
    assert 0 < len(answer) <= 28 * 28
    assert time.process_time() - begun < 3, "a second on a quiet machine"


def test_a_drawing_of_minutes_is_still_read() -> None:
    commands = [["M", 0, 0], *(["Q", x % 300, x % 7, x % 300 + 1, x % 5] for x in range(10_000))]
    strokes = canvas.strokes({"objects": [path(commands)]})
    assert drawing.from_strokes(strokes).max() == 255


# --- text and the server -----------------------------------------------------------


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", " @"])
def test_a_name_in_a_saved_table_is_never_a_formula(sign: str) -> None:
    assert text.cell(f'{sign}HYPERLINK("http://evil")').startswith("'")
    assert text.cell("two-conv = good") == "two-conv = good"


def test_the_server_listens_to_this_computer_only_and_keeps_its_guards() -> None:
    server = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["server"]
    assert server["address"] == "localhost"
    assert set(server["allowedHosts"]) <= {"localhost", "127.0.0.1", "::1"}
    assert server["enableCORS"] is server["enableXsrfProtection"] is True
    assert server["enableStaticServing"] is False
    assert server["maxUploadSize"] * 1_000_000 <= drawing.image_files.MAX_FILE_BYTES
    assert server["maxMessageSize"] <= 50
