"""Whatever a command is given: a status it documents, one error line, and strict JSON."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as draw

from digitcore import runs
from digitcore.__main__ import main
from digitcore.commands.output import one_line, to_json
from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run

RECIPE = Recipe(name="small", layers=[{"kind": "flatten"}])
SOUND = Path(__file__).parent / "data" / "last_version" / "fine-tuned"
# Each with something wrong, so that none trains.
COMMANDS = (
    ("train", "--epochs", "0"),
    ("train", "--recipe"),
    ("runs", "--no-such-flag"),
    ("stop",),
    ("watch",),
    ("resume",),
    ("resume", "sound", "--epochs"),
    ("evaluate",),
    ("evaluate", "sound", "--handwriting"),
    ("compare",),
    ("compare", "sound"),
    ("robustness",),
    ("exam",),
    ("labels", "--folds", "1"),
    ("labels", "--most", "none"),
    ("fine-tune", "sound"),
    ("fine-tune",),
    ("predict", "sound"),
    ("predict",),
    ("data", "--dataset"),
)
FLAGS = (
    "--json",
    "--recipe",
    "--layers",
    "--name",
    "--learning-rate",
    "--dataset",
    "--handwriting",
)
HOSTILE = (
    *(
        "",
        " ",
        "\n",
        "a\nb",
        "\r",
        "\0",
        "-",
        "--",
        "---",
        "-1",
        "--=",
        "~",
        ".",
        "..",
        "/",
        "../x",
    ),
    *("sound", "SOUND", "nan", "inf", "-inf", "1e999", "9" * 5000, "0x1", "null", "{}", "[" * 5000),
    *(
        '[{"kind": "conv", "filters": NaN}]',
        '[{"kind": "a\nb"}]',
        "x" * 20_000,
        "--" + "y" * 20_000,
    ),
    *(
        "\udcff",
        "\x1b[31m",
        "\u202eabc",
        "é" * 300,
        "%s%d%(prog)s",
        "{0}",
        "/dev/null",
        "/dev/zero",
    ),
)
WORDS = draw.one_of(draw.sampled_from(HOSTILE), draw.sampled_from(FLAGS), draw.text(max_size=20))


def would_wait_or_read_all(command: tuple[str, ...], words: list[str]) -> bool:
    """Whether it would wait for a worker, or read each picture on this machine."""
    if command[0] in ("exam", "robustness"):
        return words[:1] == ["sound"]
    return command[0] == "predict" and bool({"/", ".."} & set(words))


def no_number(text: str) -> NoReturn:
    raise AssertionError(f"{text} is no JSON")


def ends_well(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status: Any = main(arguments)
    except SystemExit as exit_:
        status = exit_.code
    out, err = capsys.readouterr()
    assert status in (0, 1, 2)
    assert "Traceback" not in err
    assert "\x1b" not in err
    lines = err.split("\n")
    if status == 1:
        told = [line for line in lines if line.startswith("Error: ")]
        assert len(told) == 1
        assert told[0] == lines[-2]  # nothing after it
    if status == 2:
        assert lines[0].startswith("usage: python -m digitcore")
        assert ": error: " in lines[-2]
    assert max(map(len, lines)) < 1000
    if status == 1 and "--json" in arguments and "--" not in arguments:
        json.loads(out.splitlines()[-1], parse_constant=no_number)


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch, small_data: Path) -> Run:
    """A finished run; nothing that is queued is carried out."""
    monkeypatch.setattr(queue, "start_worker", lambda short=False: None)
    monkeypatch.chdir(small_data)  # "." is a folder of little
    return Run(Path(shutil.copytree(SOUND, runs.models_dir() / "sound")))


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(command=draw.sampled_from(COMMANDS), words=draw.lists(WORDS, max_size=3))
def test_any_words_end_in_a_status_and_one_line(
    command: tuple[str, ...],
    words: list[str],
    sound: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if would_wait_or_read_all(command, words):
        return
    if command == ("fine-tune",) and len(words) < 2:
        words = [*words, "x"]
    ends_well([*command, *words, "--json"], capsys)


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_hostile_word_ends_in_a_status_and_one_line(
    command: tuple[str, ...], word: str, sound: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    if not would_wait_or_read_all(command, [word]):
        ends_well([*command, word], capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--epoch", "3"], "train: error: there is no --epoch. Did you mean `--epochs`?"),
        (["train", "--lr=3"], "train: error: there is no --lr. Did you mean `--learning-rate`?"),
        (["train", "--batch_size", "3"], "there is no --batch_size. Did you mean `--batch-size`?"),
        (["data", "--jason"], "data: error: there is no --jason. Did you mean `--json`?"),
        (["stop", "a", "--qqqqqq"], "stop: error: there is no --qqqqqq\n"),
        (["runs", "reader", "all"], "runs: error: nothing more belongs here. Received: all"),
        (["trian"], "Received: trian. Did you mean `train`?"),
        (["--json", "runs"], "the first word is one of train, runs, "),
        ([], "the first word is one of train, runs, "),
    ],
)
def test_a_wrong_word_is_told_below_the_usage_of_its_command_with_the_nearest(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    err = capsys.readouterr().err
    command = arguments[0] if arguments and said.startswith(f"{arguments[0]}: ") else ""
    assert err.startswith(f"usage: python -m digitcore {command}")
    assert said in err
    with pytest.raises(SystemExit):
        main([*arguments, "--json"])
    out, err = capsys.readouterr()
    assert err.endswith(f": error: {json.loads(out)['error']}\n")


@pytest.mark.parametrize("epochs", ["x", "0", "201", "1.5"])
def test_epochs_of_resume_are_told_as_those_of_train(
    epochs: str, sound: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", "sound", "--epochs", epochs]) == 1
    said = f"Error: --epochs is a whole number from 1 to 200. Received: {epochs}\n"
    assert capsys.readouterr().err == said


@pytest.mark.skipif(not Path("/sys/class").is_dir(), reason="/sys is Linux's")
@pytest.mark.parametrize("folder", ["/sys", "/sys/class/runs"])
def test_a_folder_of_runs_that_cannot_be_written_to_is_told_as_such(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIGITCORE_MODELS_DIR", folder)
    assert main(["train"]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"Error: Runs cannot be written to {folder}: ")
    assert err.endswith(". DIGITCORE_MODELS_DIR names another folder.\n")


def test_flags_and_what_the_file_says_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = '[{"kind": "flatten"}, {"kind": "dense"}]'
    assert main(["train", "--batch-size", "0", "--layers", layers]) == 1
    assert capsys.readouterr().err == (
        "Error: layer 2: units of dense is missing: a whole number from 1 to 4,096; "
        "--batch-size is a whole number from 1 to 4,096. Received: 0\n"
    )
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nepoch = 3\nlayers = [{ kind = "flatten" }]\n')
    assert main(["train", "--recipe", str(file)]) == 1
    said = "line 2: epoch is no field of a recipe. Did you mean `epochs`?"
    assert capsys.readouterr().err == f"Error: The recipe {file} is not valid: {said}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "sound", "gone"],
        ["fine-tune", "sound", "gone"],
        ["evaluate", "sound", "--handwriting", "gone"],
    ],
)
def test_a_missing_file_is_one_line_once(
    arguments: list[str], sound: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr() == ("", "Error: gone: No such file or directory\n")


def test_data_is_a_table(small_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    head = lines.index("class  train  validation  test")
    assert lines[head + 1].split() == ["all", "180", "20", "40"]
    assert lines[head + 2].split() == ["0", "18", "2", "4"]
    assert len(lines) == head + 12
    assert not set("{}[]") & set("\n".join(lines))


def test_json_is_strict_whatever_a_number_is() -> None:
    nan, inf = float("nan"), float("inf")
    assert to_json({"a": nan, "b": [inf, (1.5, -inf)]}) == '{"a": null, "b": [null, [1.5, null]]}'


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    line = one_line("The rule.\nReceived: " + "x" * 20_000 + "\x1b[0m. The way out.")
    assert line.startswith("The rule. Received: xxx")
    assert line.endswith("\\x1b[0m. The way out.")
    assert len(line) < 700


@pytest.mark.parametrize("arguments", [["train"], ["resume", "stopped"], ["exam", "sound"]])
def test_a_run_that_is_deleted_while_its_shell_waits_is_told_as_deleted(
    arguments: list[str], sound: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = Run(Path(shutil.copytree(sound.path, sound.path.with_name("stopped"))))
    stopped.update(status="stopped")
    known = {sound, stopped}

    def delete() -> None:
        while True:
            if arguments[0] == "exam" and (sound.path / "jobs" / "exam" / "state.json").exists():
                return sound.delete()
            waiting = queue.queued()
            if arguments[0] != "exam" and waiting:
                assert arguments[0] == "resume" or waiting[0] not in known
                return waiting[0].delete()
            time.sleep(0.02)

    deleter = threading.Thread(target=delete, daemon=True)
    deleter.start()
    assert main([*arguments, "--json"]) == 1
    deleter.join()
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == "deleted"
    assert err.splitlines()[-1].startswith("Error: The run ")
    assert err.splitlines()[-1].endswith(" was deleted.")
