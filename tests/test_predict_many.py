"""`predict` on folders, patterns, CSV files of pixels and formats that few programs write."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_up import blurred, made_up_digits, ruled, sheet
from PIL import Image

from digitcore import drawing, runs
from digitcore.__main__ import main
from digitcore.drawing import DrawingError
from digitcore.runs import Run
from digitcore.runs.predictor import Predictor

ROOT = Path(__file__).parents[1]


def write_picture(path: Path, **options: object) -> Path:
    """A bar of dark ink on light paper."""
    pixels = np.full((60, 50), 230, np.uint8)
    pixels[10:50, 20:28] = 30
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def predicted(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> dict:
    assert main(["predict", *map(str, arguments), "--json"]) == status
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def pixel_lines(count: int, labels: bool) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Lines of a file as Kaggle's, and the images and labels in it."""
    _, _, images, true = made_up_digits()
    images, true = images[:count], true[:count]
    header = [f"pixel{i}" for i in range(784)]
    lines = [",".join(["label", *header] if labels else header)]
    for image, label in zip(images.reshape(count, -1).tolist(), true.tolist(), strict=True):
        lines.append(",".join(map(str, [label, *image] if labels else image)))
    return lines, images, true


def test_predict_does_not_pass_on_what_litert_says(answering: Run, tmp_path: Path) -> None:
    """In a process: LiteRT's C++ part writes past `sys.stderr`."""
    path = write_picture(tmp_path / "one.png")
    command = [sys.executable, "-m", "digitcore", "predict", answering.id, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "one.png: " in done.stdout
    assert "TensorFlow" not in done.stderr


def test_a_folder_is_read_in_the_order_people_count_in(
    answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "scans"
    for name in ("page 10.png", "page 2.jpg", "more/1.webp", ".hidden.png"):
        write_picture(folder / name)
    (folder / "notes.txt").write_text("no picture")
    rows = predicted(capsys, answering.id, folder)["images"]
    names = [os.path.relpath(row["image"], folder) for row in rows]
    assert names == ["page 2.jpg", "page 10.png", "more/1.webp"]


def test_a_pattern_that_no_shell_replaced_finds_its_files(
    answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a1.png", "b/a2.png", "a3.jpg", "odd[1].png"):
        write_picture(tmp_path / name)
    rows = predicted(capsys, answering.id, tmp_path / "**" / "a*.png")["images"]
    assert [Path(row["image"]).name for row in rows] == ["a1.png", "a2.png"]
    # A file of that very name is meant, whatever it looks like.
    rows = predicted(capsys, answering.id, tmp_path / "odd[1].png")["images"]
    assert [Path(row["image"]).name for row in rows] == ["odd[1].png"]


@pytest.mark.parametrize("name", ["empty", "nothing-*.png", "gone.png"])
def test_a_name_that_stands_for_no_file_is_refused_and_the_rest_is_read(
    name: str, answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    picture = write_picture(tmp_path / "one.png")
    result = predicted(capsys, answering.id, tmp_path / name, picture, status=1)
    assert [row["image"] for row in result["images"]] == [str(picture)]
    (refused,) = result["refused"]
    assert refused["image"] == str(tmp_path / name)
    assert result["message"].count(name) == 1


def test_many_refused_files_are_told_one_by_one(
    answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        (tmp_path / f"odd {number}.png").write_bytes(b"no picture")
    write_picture(tmp_path / "one.png")
    assert main(["predict", answering.id, str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    note, *lines, last = err.splitlines()
    assert "printed digits" in note  # an untrained network is sure of nothing
    assert [f"odd {number}.png" in line for number, line in enumerate(lines)] == [True] * 5
    assert last == "Error: 5 of 6 files cannot be read; the lines above say why"


def test_numbers_are_read_line_by_line_with_what_was_left_out_and_what_is_not_sure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "models" / "reader", runs.models_dir() / "reader")
    lines = np.vstack([sheet(number)[130:370] for number in ([2, 4, 7], [5, 2])])
    Image.fromarray(blurred(lines)).save(tmp_path / "1 lines.png")
    Image.fromarray(blurred(ruled([2, 4, 7]))).save(tmp_path / "2 ruled.png")
    result = predicted(capsys, "reader", tmp_path)
    plain, on_lines = result["images"]
    assert plain["class"] == "247/52"
    assert [line["text"] for line in plain["lines"]] == ["247", "52"]
    assert not plain["unsure"]
    assert "note" not in result
    assert on_lines["class"] == "247"
    assert [one["reason"] for one in on_lines["left_out"]] == ["a printed line"] * 5
    tall = sheet([2, 4, 7])
    tall[100:400, 500:512] = 60
    Image.fromarray(tall).save(tmp_path / "3 not whole.png")
    result = predicted(capsys, "reader", tmp_path / "3 not whole.png")
    assert result["images"][0]["unsure"]
    assert "printed digits" in result["note"]
    assert main(["predict", "reader", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    *_, ruled_line, unsure = out.splitlines()
    assert ruled_line.endswith("left out: a printed line (5)")
    assert ", not sure; left out: a line" in unsure
    assert err.strip() == result["note"]


def test_what_was_read_is_written_as_csv(
    answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [write_picture(tmp_path / "a, b.png"), write_picture(tmp_path / "c.png")]
    target = tmp_path / "read.csv"
    target.write_text("something else")
    rows = predicted(capsys, answering.id, *pictures, "--csv", target)["images"]
    with open(target, newline="") as file:
        header, *lines = list(csv.reader(file))
    assert header == ["image", "class", "confidence", "not sure"]
    assert [line[:2] for line in lines] == [[row["image"], row["class"]] for row in rows]
    assert float(lines[0][2]) == pytest.approx(rows[0]["confidence"], abs=1e-6)


@pytest.mark.parametrize("packed", [False, True])
def test_kaggles_test_file_gives_a_submission(
    packed: bool, answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, images, _ = pixel_lines(30, labels=False)
    data = ("\n".join(lines) + "\n").encode()
    path = tmp_path / ("test.csv.gz" if packed else "test.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    target = tmp_path / "submission.csv"
    rows = predicted(capsys, answering.id, path, "--csv", target)["images"]
    table = Predictor(answering).probabilities(images)
    assert [row["label"] for row in rows] == table.argmax(axis=1).tolist()
    expected = [f"{i},{label}" for i, label in enumerate(table.argmax(axis=1).tolist(), 1)]
    assert target.read_text().splitlines() == ["ImageId,Label", *expected]


def test_labelled_pixels_are_counted(
    answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, images, labels = pixel_lines(20, labels=True)
    (tmp_path / "a.csv").write_text("\r\n".join([*lines[:11], "", ""]))
    (tmp_path / "b.csv").write_text("\n".join([lines[0], *lines[11:]]))
    result = predicted(capsys, answering.id, tmp_path / "a.csv", tmp_path / "b.csv")
    right = Predictor(answering).probabilities(images).argmax(axis=1) == labels
    assert (result["labelled"], result["correct"]) == (20, int(right.sum()))
    assert result["accuracy"] == right.mean()
    assert result["interval"][0] <= right.mean() <= result["interval"][1]


WRONG = {
    "empty": (lambda lines: [], "columns"),
    "no header": (lambda lines: lines[1:], "columns pixel0 to pixel783"),
    "no image": (lambda lines: lines[:1], "no image"),
    "too few": (
        lambda lines: [*lines[:3], lines[3].rpartition(",")[0]],
        "784 of them, near line 4",
    ),
    "a word": (
        lambda lines: [*lines[:2], lines[2].replace(",0,", ",ink,", 1)],
        "'ink', near line 3",
    ),
    "too bright": (lambda lines: [*lines[:2], lines[2].replace(",0,", ",256,", 1)], "'256'"),
    "a fraction": (lambda lines: [*lines[:2], lines[2].replace(",0,", ",0.5,", 1)], "'0.5'"),
    "a wrong label": (lambda lines: [*lines[:2], "12" + lines[2][1:]], "12 for image 2"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_malformed_file_of_pixels_is_told_with_its_line(
    what: str, answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, told = WRONG[what]
    lines, _, _ = pixel_lines(5, labels=True)
    path = tmp_path / "wrong.csv"
    path.write_text("\n".join(spoil(lines)))
    result = predicted(capsys, answering.id, path, status=1)
    assert result["images"] == []
    assert told in result["message"]


def test_bytes_that_are_no_text_or_no_gzip_are_told(
    answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_bytes(bytes(range(256)))
    (tmp_path / "b.csv.gz").write_bytes(b"no gzip")
    paths = [tmp_path / "a.csv", tmp_path / "b.csv.gz"]
    result = predicted(capsys, answering.id, *paths, status=1)
    assert ["is no CSV file" in row["reason"] for row in result["refused"]] == [True, True]


def test_tiff_and_heic_give_the_same_pixels_as_png(tmp_path: Path) -> None:
    import pillow_heif

    plain = drawing.read_image(write_picture(tmp_path / "a.png"))
    tiff = drawing.read_image(write_picture(tmp_path / "a.tif", compression="tiff_lzw"))
    assert np.array_equal(tiff, plain)
    pillow_heif.register_heif_opener()
    heic = drawing.read_image(write_picture(tmp_path / "a.heic", quality=90))
    grey = heic if heic.ndim == 2 else heic[..., 0]
    assert np.abs(grey.astype(int) - plain).mean() < 3


@pytest.mark.parametrize("kind", ["uint16", "int32", "float32"])
def test_a_tiff_of_many_grey_levels_is_scaled_not_clipped(kind: str, tmp_path: Path) -> None:
    plain = np.asarray(Image.open(write_picture(tmp_path / "a.png")))
    deep = (plain.astype(np.float64) * 257).astype(kind)
    Image.fromarray(deep).save(tmp_path / "a.tif")
    seen = drawing.read_image(tmp_path / "a.tif")
    assert seen.dtype == np.uint8
    assert len(np.unique(seen)) == 2
    assert np.array_equal(seen == seen.max(), plain == plain.max())


def test_a_heic_file_names_what_reading_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    path = write_picture(tmp_path / "a.heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(DrawingError, match=r"requirements-formats\.txt.*a\.heic"):
        drawing.read_image(path)
