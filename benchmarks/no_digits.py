"""How often a run rejects what is no digit, and how well it reads printed digits.

    DIGITCORE_DATA_DIR=... python benchmarks/no_digits.py --omniglot not_digits_omniglot.npz \\
        --devanagari dhcd_test_all46.npz

--omniglot     characters of many alphabets, drawn with a mouse: `x` uint8 (N, 28, 28)
--devanagari   handwriting: `images` uint8 (N, 32, 32), `labels`, of which 0 to 9 are digits and left out

An image is rejected when its highest probability is below the threshold that rejects 2 % of MNIST's
validation images. Letters and digits are printed in the fonts that come with Matplotlib, upright, bold and
italic, 100 pixels high. Letters that anyone would take for a digit stand apart: l, o, s, z and their like.
Fashion-MNIST's test images stand for photos of things, KMNIST's for another handwriting; both go
through `drawing.from_image` as pictures do, and are left out where DIGITCORE_DATA_DIR lacks them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from digitcore import DrawingError, Predictor, datasets, drawing, runs  # noqa: E402
from digitcore.analysis.classification import rejection_threshold, wilson  # noqa: E402

FONTS = [
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif"),
    *("DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol"),
    *("STIXGeneralItalic", "STIXGeneralBolIta"),
]
LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
GREEK = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψω"
LIKE_DIGITS = set("IlioOQDsSzZbBgqΙιΟοΖΒβσθΘ")
DIGITS = "0123456789"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="reader", help="a run's id (reader, the shipped one)")
    parser.add_argument("--omniglot", type=Path)
    parser.add_argument("--devanagari", type=Path)
    options = parser.parse_args()
    run = runs.load(options.run)
    predict = Predictor(run).probabilities
    digits = datasets.load_dataset(
        "mnist", validation_split=run.recipe.validation_split, download=False
    )
    if digits.notice:
        sys.exit(digits.notice)
    threshold = rejection_threshold(predict(digits.validation.images))
    print(f"Run {run.id}, threshold {threshold:.3f}; intervals are Wilson's at 95 %.\n")
    print("| what | not rejected | no ink | n |\n|---|---|---|---|")
    for name, pictures in nothing(options):
        images = inputs(pictures)
        sure = sum((predict(np.array(images)).max(axis=1) >= threshold).tolist()) if images else 0
        total = len(pictures)
        print(f"| {name} | {percentage(sure, total)} | {total - len(images)} | {total:,} |")
    printed = [(printed_as(digit, font), int(digit)) for font in FONTS for digit in DIGITS]
    table = predict(np.array(inputs(picture for picture, _ in printed)))
    right = table.argmax(axis=1) == [digit for _, digit in printed]
    sure = table.max(axis=1) >= threshold
    print(
        f"\nPrinted digits in {len(FONTS)} fonts: {percentage(sum(right), len(right))} correct; "
        f"wrong and not rejected: {sum(sure & ~right)} of {len(right)}."
    )


def nothing(options: argparse.Namespace) -> Iterator[tuple[str, list[np.ndarray]]]:
    """What is no digit, by kind, as pictures."""
    for script, letters in {"Latin": LATIN, "Greek": GREEK}.items():
        for alike in (False, True):
            chosen = [letter for letter in letters if (letter in LIKE_DIGITS) == alike]
            kind = f"{script} letters, printed, " + ("like a digit" if alike else "the others")
            yield kind, [printed_as(letter, font) for font in FONTS for letter in chosen]
    if options.omniglot:
        yield "Omniglot's characters", list(np.load(options.omniglot)["x"])
    if options.devanagari:
        data = np.load(options.devanagari)
        yield "Devanagari letters, handwritten", list(data["images"][data["labels"] >= 10])
    for name, what in {
        "kmnist": "Hiragana, handwritten (KMNIST)",
        "fashion-mnist": "things (Fashion-MNIST)",
    }.items():
        if (images := test_images(name)) is not None:
            yield what, list(images)


def test_images(name: str) -> np.ndarray | None:
    """The first 2,000 test images of a dataset, or None where they are not at hand."""
    path = Path(os.environ.get(datasets.VARIABLE, "")) / name / "t10k-images-idx3-ubyte.gz"
    return datasets.formats.read_idx(path, 3)[:2000] if path.exists() else None


def inputs(pictures: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The input images of those pictures that anything is found in."""
    found = []
    for picture in pictures:
        try:
            found.append(drawing.from_image(picture))
        except DrawingError:
            continue
    return found


def printed_as(letter: str, font: str) -> np.ndarray:
    """A letter in black on white, uint8 (160, 160)."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    picture = Image.new("L", (160, 160), 255)
    drawn = ImageFont.truetype(str(path), 100)
    ImageDraw.Draw(picture).text((80, 80), letter, fill=0, font=drawn, anchor="mm")
    return np.asarray(picture)


def percentage(count: int, total: int) -> str:
    low, high = wilson(int(count), total)
    return f"{count / total:.1%} ({low:.1%}–{high:.1%})"


if __name__ == "__main__":
    main()
