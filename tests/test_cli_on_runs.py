"""The commands that read runs, images and data."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from made_up import SMALLEST
from PIL import Image

from digitcore import runs
from digitcore.__main__ import main
from digitcore.jobs import queue
from digitcore.runs import Run
from digitcore.runs.predictor import Predictor

ROOT = Path(__file__).parents[1]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A photo of a thick black stroke on white paper."""
    pixels = np.full((90, 60), 255, np.uint8)
    pixels[15:75, 25:33] = 0
    path = tmp_path / "one.png"
    Image.fromarray(pixels).save(path)
    return path


def told(capsys: pytest.CaptureFixture[str]) -> tuple[dict, list[str]]:
    """The JSON object on stdout, which is all there is, and the lines of stderr."""
    out, err = capsys.readouterr()
    (line,) = out.splitlines()
    return json.loads(line), err.splitlines()


# --- runs, stop --------------------------------------------------------------


def test_no_runs_are_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--json"]) == 0
    assert told(capsys) == ({"runs": []}, [])
    assert main(["runs"]) == 0
    assert "No runs yet. Train one: python -m digitcore train" in capsys.readouterr().out


def test_runs_are_listed_with_their_recipe_and_status(
    answering: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (answering.path / "metrics.json").unlink()
    assert main(["runs", "--json"]) == 0
    (row,) = told(capsys)[0]["runs"]
    assert (row["run"], row["recipe"], row["status"]) == (answering.id, "small", "finished")
    assert row["parameters"] == 7850
    for key in ("fit_seconds", "images_per_second", "validation_accuracy", "test_accuracy"):
        assert row[key] is None


@pytest.mark.parametrize("file", ["recipe.toml", "state.json", "metrics.json"])
def test_a_broken_folder_is_listed_with_the_reason_and_harms_no_other(
    file: str, answering: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = runs.create(SMALLEST)
    broken.update(status="stopped")
    (broken.path / file).write_bytes(b"\xff garbage")
    assert main(["runs", "--json"]) == 0
    rows = {row["run"]: row for row in told(capsys)[0]["runs"]}
    assert set(rows) == {answering.id, broken.id}
    assert "cannot be" in rows[broken.id]["message"]
    assert rows[answering.id]["status"] == "finished"
    assert main(["runs"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_queued_run_is_stopped_and_that_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    run = runs.create(SMALLEST)
    assert main(["stop", run.id, "--json"]) == 0
    result, _ = told(capsys)
    assert (result["run"], result["status"]) == (run.id, "stopped")
    assert run.status == "stopped"


def test_watch_follows_a_run_and_leaves_it_as_it_is(
    answering: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["watch", answering.id, "--json"]) == 0
    assert told(capsys)[0]["test_accuracy"] == 0.5
    monkeypatch.setattr(queue, "start_worker", lambda short=False: None)
    waits = runs.create(SMALLEST)
    pressed = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    monkeypatch.setattr(time, "sleep", lambda seconds: pressed.join())
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        pressed.start()
        assert main(["watch", waits.id, "--json"]) == 0
    finally:
        signal.signal(signal.SIGINT, heard)
    assert told(capsys)[0]["status"] == waits.status == "queued"


def test_who_watches_a_queued_run_is_told_how_many_come_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "start_worker", lambda short=False: None)
    monkeypatch.setattr(time, "sleep", lambda seconds: signal.raise_signal(signal.SIGINT))
    waiting = [runs.create(SMALLEST) for _ in range(3)]
    said = []
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for run in waiting:
            assert main(["watch", run.id]) == 0
            said.append(capsys.readouterr().err)
    finally:
        signal.signal(signal.SIGINT, heard)
    assert said == ["", "It waits: 1 run comes first.\n", "It waits: 2 runs come first.\n"]


def test_a_stopped_run_that_can_go_on_says_how(
    answering: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    answering.update(status="stopped")
    assert main(["watch", answering.id]) == 130
    assert "To go on" not in capsys.readouterr().out
    (answering.path / "checkpoint").mkdir()
    (answering.path / "checkpoint" / "last.npz").touch()
    assert main(["watch", answering.id]) == 130
    said = f"\nTo go on: python -m digitcore resume {answering.id}\n"
    assert capsys.readouterr().out.endswith(said)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudoterminals")
def test_in_a_terminal_a_bar_names_the_stage(answering: Run) -> None:
    import pty
    import termios

    (answering.path / "events.jsonl").write_text('{"kind":"stage","stage":"data","time":1}\n')
    shown, terminal = pty.openpty()
    termios.tcsetwinsize(shown, (24, 80))
    command = [sys.executable, "-m", "digitcore", "watch", answering.id]
    subprocess.run(command, cwd=ROOT, stderr=terminal, check=True)
    os.close(terminal)
    assert "\rdata: 0step [" in os.read(shown, 10_000).decode()
    os.close(shown)


# --- predict, data ------------------------------------------------------------


def test_predict_reads_each_picture(
    answering: Run, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = tmp_path / "drawn.webp"
    pixels = np.zeros((40, 40, 4), np.uint8)  # transparent, with one opaque stroke
    pixels[5:35, 18:23, 3] = 255
    Image.fromarray(pixels).save(drawn, lossless=True)
    assert main(["predict", answering.id, str(picture), str(drawn), "--json"]) == 0
    result, _ = told(capsys)
    assert result["run"] == answering.id
    assert [row["image"] for row in result["images"]] == [str(picture), str(drawn)]
    for row in result["images"]:
        assert len(row["probabilities"]) == 10
        assert row["confidence"] == max(row["probabilities"])
        assert row["digit"] == row["probabilities"].index(row["confidence"])


def test_predict_sees_the_digit_image_of_the_picture(
    answering: Run, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from digitcore import drawing

    digit_image = drawing.from_image(np.asarray(Image.open(picture)))
    expected = Predictor(answering).probabilities(digit_image[np.newaxis])[0]
    assert main(["predict", answering.id, str(picture), "--json"]) == 0
    assert told(capsys)[0]["images"][0]["probabilities"] == expected.tolist()


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_predict_tells_of_a_file_that_is_no_picture(
    content: bytes | None, answering: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.png"
    if content is not None:
        path.write_bytes(content)
    assert main(["predict", answering.id, str(path), "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["images"] == []
    (line,) = err.splitlines()
    assert "odd.png" in line


def test_predict_reads_the_files_beside_one_that_is_no_picture(
    answering: Run, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.png").write_bytes(b"no picture")
    files = [str(tmp_path / "odd.png"), str(picture)]
    assert main(["predict", answering.id, *files, "--json"]) == 1
    out, err = capsys.readouterr()
    assert [row["image"] for row in json.loads(out)["images"]] == [str(picture)]
    assert "odd.png" in err


def test_predict_tells_of_a_run_without_a_network(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", runs.create(SMALLEST).id, str(picture)]) == 1
    assert "There is no network to predict with yet" in capsys.readouterr().err


def test_data_tells_source_checksum_and_counts(
    small_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "--json"]) == 0
    result, _ = told(capsys)
    assert result["source"] == str(small_data)
    assert len(result["checksum"]) == 64
    assert "not MNIST's" in result["notice"]
    assert {name: split["images"] for name, split in result["splits"].items()} == {
        "train": 180,
        "validation": 20,
        "test": 40,
    }


def test_data_that_is_missing_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIGITCORE_DATA_DIR", str(tmp_path / "gone"))
    assert main(["data", "--json"]) == 1
    out, err = capsys.readouterr()
    assert "DIGITCORE_DATA_DIR" in json.loads(out)["error"]
    (line,) = err.splitlines()
    assert "DIGITCORE_DATA_DIR" in line


def test_evaluate_measures_anew(
    answering: Run, small_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", answering.id, "--json"]) == 0
    result, _ = told(capsys)
    dataset_images = np.load(small_data / "mnist.npz")["x_test"]
    table = Predictor(answering).probabilities(dataset_images)
    right = table.argmax(axis=1) == np.arange(40) % 10
    assert result["test_accuracy"] == right.mean()
    low, high = result["test_interval"]
    assert low <= result["test_accuracy"] <= high


def test_who_reads_only_the_beginning_gets_no_traceback() -> None:
    for _ in range(2):
        runs.create(SMALLEST)
    reads = subprocess.Popen(
        [sys.executable, "-m", "digitcore", "runs", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert reads.stdout
    reads.stdout.close()
    _, err = reads.communicate(timeout=120)
    assert (reads.returncode, err) == (0, "")


def test_a_file_whose_name_is_no_text_is_read(
    answering: Run, picture: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    odd = picture.with_name("one \udce9.png")
    picture.rename(odd)
    assert main(["predict", answering.id, str(odd)]) == 0
    assert "one \\udce9.png" in capfd.readouterr().out


def test_a_run_that_is_deleted_while_it_is_listed_harms_no_other(
    answering: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = runs.create(SMALLEST)
    state = gone.state
    monkeypatch.setattr(runs, "list_runs", lambda: [gone, answering])
    monkeypatch.setattr(Run, "state", property(lambda run: state))
    (gone.path / "recipe.toml").unlink()
    assert main(["runs", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["runs"]
    assert [row["recipe"] for row in told] == [None, "small"]


def test_help_says_whether_the_least_value_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "From 1 to 4,096 images." in told
    assert "Above 0, up to 10." in told
    assert "From 0 to 45°. Default: the recipe's, else 0." in told
