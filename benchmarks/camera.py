"""Composes photos of handwritten digits on paper: the project's own paper, light and camera.

Nothing here was photographed. A photo is built up in the order in which light would do it:

1. Ink, as `benchmarks/pens.py` has it.
2. Paper. A tint, slow cloudiness and fine grain; ruled lines, with or without a margin, or
   squares, printed pale in blue or grey; or a blackboard with wiped chalk on it.
3. Where the camera stands. A perspective map of the sheet, turned by some degrees, its far
   side smaller; beyond the sheet there may be a desk of dark wood.
4. Light. Falls off across the sheet, and shadows with a soft or sharper, bent edge take
   30 to 55 % of it.
5. Camera. Colour cast, exposure, blur, shot noise and read noise, 8 bits, JPEG at a quality
   of 55 to 92, and for a phone held otherwise the picture lies turned in the file and EXIF
   says so.

The sizes are those of a phone's photo that a messenger made smaller: 1280×960 pixels.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from benchmarks.pens import HEIGHT, PENS, WIDTH, clouds, grainy, written

KINDS = {
    "plain": {},
    "pencil": {"pen": "pencil"},
    "ruled": {"print": "ruled"},
    "squared": {"print": "squared"},
    "chalk": {"slate": True},
    "shadow": {"shadows": 2},
    "turned": {"turn": 9.0, "tilt": 0.10, "exif": True},
    "desk": {"desk": True},
    "everything": {
        "print": "any",
        "shadows": 1,
        "turn": 6.0,
        "tilt": 0.06,
        "exif": True,
        "desk": "any",
    },
}


@dataclass(frozen=True)
class Photo:
    """A composed photo: the bytes of a JPEG file, and the digits on it from left to right."""

    kind: str
    digits: tuple[int, ...]
    data: bytes


def photo(kind: str, images: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> Photo:
    """One photo of a kind with one digit or a number of two to five.

    Args:
        kind: a key of `KINDS`.
        images: uint8 (N, 28, 28), white ink on black, to take digits from.
        labels: their digits (N,).
        random: where all choices come from.
    """
    how = KINDS[kind]
    count = 1 if random.random() < 0.4 else int(random.integers(2, 6))
    chosen = random.choice(len(images), count, replace=False)
    pen = how.get("pen") or random.choice(["ballpoint", "felt pen", "pencil"], p=[0.45, 0.4, 0.15])
    height = digit_height(count, random)
    pen_width = random.uniform(*((0.07, 0.13) if how.get("slate") else PENS[pen][1]))
    ink, centre = written(images[chosen], height, pen_width, random)
    ink = grainy(ink, "chalk" if how.get("slate") else pen, random)
    if how.get("slate"):
        scene = blackboard(random)
        scene += ink[..., None] * (random.uniform(0.62, 0.85) - scene)
    else:
        scene = paper(random)
        style = how.get("print", "plain")
        if style == "any":
            style = str(random.choice(["plain", "ruled", "squared"]))
        scene *= printed(style, height, random)
        passes = np.array(PENS[pen][0]) * random.uniform(0.8, 1.2)
        scene *= 1 - ink[..., None] * (1 - passes)
    scene = seen(scene, how, centre, random)
    scene *= light(how.get("shadows", 0), random)[..., None]
    data = developed(scene, bool(how.get("exif")), random)
    return Photo(kind, tuple(int(label) for label in labels[chosen]), data)


def digit_height(count: int, random: np.random.Generator) -> float:
    """Pixels; a number takes 25 to 75 % of the width, a digit 12 to 45 % of the height."""
    if count == 1:
        return HEIGHT * random.uniform(0.12, 0.45)
    return float(min(WIDTH * random.uniform(0.25, 0.75) / (0.75 * count), 0.4 * HEIGHT))


# --- paper -------------------------------------------------------------------


def paper(random: np.random.Generator) -> np.ndarray:
    """Light that paper throws back, float (HEIGHT, WIDTH, 3), 0 to 1."""
    tint = random.uniform(0.76, 0.9) * (1 + random.normal(0, 0.01, 3) + [0.01, 0, -0.03])
    shape = (HEIGHT, WIDTH)
    grain = 1 + 0.02 * clouds(shape, 150, random) + 0.025 * clouds(shape, 1.5, random)
    return (tint * grain[..., None]).astype(np.float32)


def blackboard(random: np.random.Generator) -> np.ndarray:
    """A dark grey or green slate (HEIGHT, WIDTH, 3) with chalk that was wiped over it."""
    tint = np.array([0.09, 0.09, 0.1]) if random.random() < 0.5 else np.array([0.06, 0.13, 0.1])
    wiped = clouds((HEIGHT, WIDTH // 4), 40, random)
    wiped = ndimage.zoom(wiped, (1, 4), order=1)
    slate = 1 + 0.8 * np.clip(wiped, 0, None) + 0.3 * clouds((HEIGHT, WIDTH), 1.5, random)
    return (tint * slate[..., None]).astype(np.float32)


def printed(style: str, height: float, random: np.random.Generator) -> np.ndarray:
    """Light that passes what is printed on the sheet, (HEIGHT, WIDTH, 3); 1 is all.

    Args:
        style: `plain`, `ruled` or `squared`.
        height: of a digit, in pixels.
        random: where spacing, place and colour come from.
    """
    passes = np.ones((HEIGHT, WIDTH, 3), np.float32)
    if style == "plain":
        return passes
    colour = np.array(
        [(0.6, 0.74, 0.88), (0.66, 0.68, 0.72), (0.55, 0.62, 0.72)][random.integers(3)]
    )
    spacing = height * (random.uniform(0.9, 1.5) if style == "ruled" else random.uniform(0.4, 0.75))
    width = max(1.3, spacing * random.uniform(0.018, 0.035))
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    lines = comb(y, spacing, width, random)
    if style == "squared":
        lines = np.maximum(lines, comb(x, spacing, width, random))
    faded = lines * np.clip(0.9 + 0.3 * clouds((HEIGHT, WIDTH), 5, random), 0, 1)
    passes -= faded[..., None] * (1 - colour)
    if style == "ruled" and random.random() < 0.3:
        margin = np.clip(width / 2 + 0.5 - np.abs(x - WIDTH * random.uniform(0.06, 0.14)), 0, 1)
        passes *= 1 - margin[..., None] * (1 - np.array([0.85, 0.5, 0.52]))
    return passes


def comb(
    along: np.ndarray, spacing: float, width: float, random: np.random.Generator
) -> np.ndarray:
    """Anti-aliased parallel lines, 0 to 1."""
    place = np.mod(along + random.uniform(0, spacing), spacing)
    distance = np.minimum(place, spacing - place)
    return np.clip(width / 2 + 0.5 - distance, 0, 1)


# --- light and camera --------------------------------------------------------


def seen(
    sheet: np.ndarray,
    how: dict[str, object],
    centre: tuple[float, float],
    random: np.random.Generator,
) -> np.ndarray:
    """The sheet as the camera sees it: turned, in perspective, on a desk or filling the view."""
    desk = bool(random.random() < 0.4) if how.get("desk") == "any" else bool(how.get("desk"))
    turn = np.radians(random.normal(0, 1.2) + random.uniform(-1, 1) * float(how.get("turn", 0)))
    tilt = np.array([random.normal(0, 0.012), random.normal(0, 0.012)])
    tilt += random.uniform(-1, 1, 2) * float(how.get("tilt", 0))
    size = random.uniform(0.78, 0.92) if desk else random.uniform(1.0, 1.1)
    # From a pixel of the photo to one of the sheet, both measured from the middle in half widths.
    half = WIDTH / 2
    c, s = np.cos(turn) / size, np.sin(turn) / size
    about = np.array([[1, 0, WIDTH / 2], [0, 1, HEIGHT / 2], [0, 0, 1]])
    camera = np.array([[c, s, 0], [-s, c, 0], [tilt[0] / half, tilt[1] / half, 1]])
    matrix = about @ camera @ np.linalg.inv(about)
    matrix /= matrix[2, 2]
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    u = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / w
    v = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / w
    # The paper goes on beyond what was drawn of it, unless it ends on a desk.
    mode = "nearest" if desk else "mirror"
    view = np.stack(
        [ndimage.map_coordinates(sheet[..., k], [v, u], order=1, mode=mode) for k in range(3)],
        axis=-1,
    )
    if not desk:
        return view
    outside = np.maximum.reduce([-u, u - (WIDTH - 1), -v, v - (HEIGHT - 1)])
    on = np.clip(0.5 - outside, 0, 1)[..., None]
    near = 1 - 0.5 * np.exp(-np.clip(outside, 0, None) / 12)[..., None]  # the sheet's own shadow
    return view * on + wood(random) * near * (1 - on)


def wood(random: np.random.Generator) -> np.ndarray:
    """A desk (HEIGHT, WIDTH, 3), darker than paper, with a grain that runs across."""
    tint = np.array([(0.35, 0.22, 0.13), (0.2, 0.18, 0.17), (0.45, 0.33, 0.22)][random.integers(3)])
    grain = ndimage.zoom(clouds((HEIGHT, WIDTH // 16), 4, random), (1, 16), order=1)
    return np.asarray(
        tint * (1 + 0.35 * grain + 0.2 * clouds((HEIGHT, WIDTH), 90, random))[..., None]
    )


def light(shadows: int, random: np.random.Generator) -> np.ndarray:
    """How much light falls on each pixel (HEIGHT, WIDTH), 0 to 1."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32) / WIDTH
    angle = random.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - HEIGHT / WIDTH / 2) * np.sin(angle)
    falls = 1 - random.uniform(0.1, 0.5) * (along + 0.6)
    falls *= 1 - 0.25 * ((x - 0.5) ** 2 + (y - HEIGHT / WIDTH / 2) ** 2)  # the lens's own
    for _ in range(shadows):
        angle = random.uniform(0, 2 * np.pi)
        along = (x - 0.5) * np.cos(angle) + (y - HEIGHT / WIDTH / 2) * np.sin(angle)
        across = (y - HEIGHT / WIDTH / 2) * np.cos(angle) - (x - 0.5) * np.sin(angle)
        bend = 0.06 * np.sin(across * random.uniform(4, 12) + random.uniform(0, 6))
        soft = random.uniform(0.003, 0.04)
        edge = (along + bend - random.uniform(-0.25, 0.25)) / soft
        falls *= 1 - random.uniform(0.3, 0.55) / (1 + np.exp(-np.clip(edge, -30, 30)))
    return falls


def developed(scene: np.ndarray, turned: bool, random: np.random.Generator) -> bytes:
    """The bytes of the camera's JPEG file."""
    scene = scene * random.uniform(0.85, 1.1) * (1 + random.normal(0, 0.015, 3))
    blur = random.uniform(0.6, 2.0)
    scene = ndimage.gaussian_filter(scene, (blur, blur, 0))
    noise = random.standard_normal(scene.shape, np.float32)
    noise = ndimage.gaussian_filter(noise, (0.6, 0.6, 0)) * 2
    scene = scene + noise * random.uniform(0.006, 0.02) * np.sqrt(scene.clip(0.02, 1))
    # sRGB's curve, about.
    pixels = np.round(255 * scene.clip(0, 1) ** (1 / 1.6)).astype(np.uint8)
    exif = Image.Exif()
    if turned:
        orientation, turns = ((1, 0), (3, 2), (6, 1), (8, 3))[random.integers(4)]
        exif[0x0112] = orientation
        pixels = np.rot90(pixels, turns)
    file = io.BytesIO()
    quality = int(random.integers(55, 93))
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality, exif=exif)
    return file.getvalue()
