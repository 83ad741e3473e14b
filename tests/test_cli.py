"""The command line's words, exit statuses and JSON, as far as nothing needs to be trained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from made_up import write_metrics
from PIL import Image

from digitcore import runs
from digitcore.__main__ import main
from digitcore.recipes import Recipe
from digitcore.runs import Run
from digitcore.runs.predictor import Predictor
from digitcore.training import network

ROOT = Path(__file__).parents[1]
RECIPE = Recipe(name="small", layers=[{"kind": "flatten"}])


@pytest.fixture(scope="module")
def tflite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An untrained network."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("network") / "model.tflite"
    network.build(RECIPE).export(path, format="litert", verbose=False)
    return path.read_bytes()


@pytest.fixture
def answering(tflite: bytes) -> Run:
    """A run whose network answers."""
    run = runs.create(RECIPE)
    (run.path / "model.tflite").write_bytes(tflite)
    write_metrics(run.path, parameters=RECIPE.parameters)
    run.update(status="finished")
    return run


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


# --- wrong usage and errors ---------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["train", "--epoch-count", "3"],
        ["train", "--epochs"],
        ["stop"],
        ["predict", "run"],
        ["runs", "surplus"],
        ["data", "--jason"],
    ],
)
def test_wrong_usage_exits_2_and_shows_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: python -m digitcore" in err
    assert runs.list_runs() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["stop", "nowhere"],
        ["resume", "nowhere"],
        ["evaluate", "nowhere"],
        ["predict", "nowhere", "image.png"],
        ["stop", "../models"],
    ],
)
def test_an_unknown_run_is_an_error_of_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 1
    out, err = capsys.readouterr()
    assert err == f"Error: There is no run of that name. Received: {arguments[1]}\n"
    assert f"Error: {json.loads(out)['error']}\n" == err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "0"], "epochs: Input should be greater than or equal to 1"),
        (["--epochs", "many"], "epochs: Input should be a valid integer"),
        (["--learning-rate", "nan"], "learning_rate: "),
        (["--optimizer", "magic"], "optimizer: Input should be 'adam'"),
        (["--layers", "conv"], "--layers takes a JSON list of layers"),
        (["--layers", "[" * 5000], "--layers takes a JSON list of layers"),
        (["--layers", '{"kind": "flatten"}'], "layers: "),
        (["--layers", "[1]"], "layers.0: "),
        (["--layers", '[{"kind": "conv", "filters": 8}]'], "the output does not fit"),
        (["--layers", '[{"kind": "lstm"}]'], "layers.0: "),
        (["--recipe", "nowhere"], "A recipe is a TOML file or one of"),
    ],
)
def test_a_bad_recipe_is_an_error_of_one_line_and_makes_no_run(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("Error: ")
    assert words in line
    assert runs.list_runs() == []


def test_stopping_an_ended_run_is_an_error(
    answering: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop", answering.id]) == 1
    assert "Only a run that trains can stop" in capsys.readouterr().err


def test_resuming_a_finished_run_is_an_error(
    answering: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", answering.id]) == 1
    assert "Only a stopped or failed run can go on" in capsys.readouterr().err


def test_a_command_of_its_own_process_shows_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "digitcore", "evaluate", "nowhere", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert done.stderr == "Error: There is no run of that name. Received: nowhere\n"


# --- help --------------------------------------------------------------------


@pytest.mark.parametrize("field", Recipe.model_fields)
def test_every_field_of_a_recipe_is_a_flag_with_help(
    field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["train", "--help"])
    assert exit_.value.code == 0
    words = " ".join(capsys.readouterr().out.split())
    assert f"--{field.replace('_', '-')} " in words
    help_ = Recipe.model_fields[field].description
    assert help_ is not None
    # Lines are broken at hyphens too, where splitting has put a space.
    assert help_.replace(" ", "") in words.replace(" ", "")


@pytest.mark.parametrize(
    "command",
    ["train", "runs", "stop", "resume", "evaluate", "exam", "fine-tune", "predict", "data"],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["teach", "a-run", "hand.json"], "teach is called fine-tune now"),
        (["evaluate", "a-run", "--hand", "hand.json"], "--hand is called --handwriting now"),
    ],
)
def test_an_earlier_name_is_an_error_that_names_the_new_one(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert said in capsys.readouterr().err


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
    broken = runs.create(RECIPE)
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
    run = runs.create(RECIPE)
    assert main(["stop", run.id, "--json"]) == 0
    result, _ = told(capsys)
    assert (result["run"], result["status"]) == (run.id, "stopped")
    assert run.status == "stopped"


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
    assert main(["predict", runs.create(RECIPE).id, str(picture)]) == 1
    assert "There is no network to ask yet" in capsys.readouterr().err


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
        runs.create(RECIPE)
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
    gone = runs.create(RECIPE)
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
    assert "Above 0, up to 10." in told
    assert "From 0 to 45 °." in told or "From 0 to 90 °." in told
