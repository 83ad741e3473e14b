"""The command line's words, exit statuses and JSON, as far as nothing needs to be trained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from digitcore import runs
from digitcore.__main__ import main
from digitcore.recipes import Recipe
from digitcore.recipes.layers import LAYER_KINDS
from digitcore.runs import Run

ROOT = Path(__file__).parents[1]


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
        ["runs", "reader", "surplus"],
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
        ["compare", "nowhere", "nowhere"],
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
        (["--epochs", "0"], "--epochs is a whole number from 1 to 200. Received: 0"),
        (["--epochs", "many"], "--epochs is a whole number from 1 to 200. Received: many"),
        (["--learning-rate", "nan"], "--learning-rate is a number above 0, to 10. Received: nan"),
        (
            ["--optimizer", "magic"],
            "--optimizer is one of adam, adamw, sgd, rmsprop. Received: magic",
        ),
        (["--layers", "conv"], "--layers takes a JSON list of layers such as '[{"),
        (["--layers", "conv"], "Received: conv (Expecting value: line 1 column 1 (char 0))"),
        (["--layers", "[" * 5000], "--layers takes a JSON list of layers"),
        (["--layers", '{"kind": "flatten"}'], "--layers is a list of up to 64 layers. Received: "),
        (["--layers", "[1]"], "layer 1: it is a table"),
        (["--layers", '[{"kind": "conv", "filters": 8}]'], "the output does not fit"),
        (["--layers", '[{"kind": "lstm"}]'], "layer 1: its kind is one of conv, "),
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


def test_an_ensemble_has_each_run_once(answering: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", answering.id, answering.id]) == 1
    said = f"Error: An ensemble has each run once. Received: {answering.id}, {answering.id}\n"
    assert capsys.readouterr().err == said


def test_resuming_a_finished_run_is_an_error(
    answering: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", answering.id]) == 1
    err = capsys.readouterr().err
    assert "Only a stopped or failed run can go on" in err
    assert err.endswith("is finished. Train it further with --epochs.\n")


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


_PRESSED_WHILE_IT_IMPORTS = """
import runpy, signal, sys
class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "digitcore.datasets":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
runpy.run_module("digitcore", run_name="__main__", alter_sys=True)
"""


def test_ctrl_c_before_all_is_imported_shows_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PRESSED_WHILE_IT_IMPORTS, "train", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130
    assert json.loads(done.stdout) == {"error": "Stopped before it was done."}
    assert done.stderr == "Error: Stopped before it was done.\n"


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


def test_the_help_of_train_lists_the_kinds_of_layers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert f"Kinds: {', '.join(LAYER_KINDS)}." in words


def test_the_first_help_says_what_to_do_and_where_runs_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert "python -m digitcore train --help" in out
    assert f"Runs are folders in {runs.models_dir()}," in out


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "runs",
        "watch",
        "stop",
        "resume",
        "evaluate",
        "compare",
        "robustness",
        "exam",
        "labels",
        "fine-tune",
        "predict",
        "data",
    ],
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
