"""Broken things: whatever happened to a file of a run, the rest goes on and the reason is told."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from faults.conftest import SMALL, Warm
from studio import SECONDS, Json, Studio, network, until

from digitcore import runs
from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run, kept_epochs

FILES = (
    *("recipe.toml", "state.json", "events.jsonl", "model.keras", "model.tflite"),
    *("probabilities.npz", "metrics.json", "worker.log", "checkpoint/last.npz"),
)
DAMAGES = ("half", "empty", "random", "directory", "unreadable", "removed")
CASES = [
    *((name, how) for name in FILES for how in DAMAGES),
    *(("checkpoint", how) for how in ("empty", "unreadable", "removed")),
]
RESULTS = ("model.keras", "model.tflite", "probabilities.npz", "metrics.json")
# To replace a result it does not matter what it holds.
RESUMED = [
    *((name, how) for name, how in CASES if name not in RESULTS),
    *((name, how) for name in RESULTS for how in ("directory", "unreadable")),
]
# Without these a run is no run; without those an answer cannot be had.
NEEDED = ("recipe.toml", "state.json")
NEEDED_BY = {
    "evaluate": ("recipe.toml", "model.tflite", "metrics.json"),
    "predict": ("recipe.toml", "model.tflite", "metrics.json"),
}
PAGES = ("train", "explore", "draw", "runs")


def id_of(name: str, how: str) -> str:
    return f"{name.replace('/', '-')}-{how}"


def damage(path: Path, how: str) -> None:
    data = path.read_bytes() if path.is_file() else b""
    if how == "unreadable":
        path.chmod(0)
        return
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if how == "directory":
        path.mkdir()
    elif how != "removed":
        whole = {"half": data[: len(data) // 2], "random": random.Random(0).randbytes(len(data))}
        path.write_bytes(whole.get(how, b""))


class Ruins:
    """A sound run, copies of it with a damage each, and readers to whom modes mean something."""

    def __init__(self, studio: Studio, sound: Run, cases: list[tuple[str, str]], status: str):
        self.studio = studio
        for name, how in [("sound", ""), *cases]:
            copy = studio.models / (id_of(name, how) if how else "sound")
            shutil.copytree(sound.path, copy)
            Run(copy).update(status=status)
            if how:
                damage(copy / name, how)

    def read(self, *arguments: str) -> subprocess.Popen[str]:
        prefix = []
        if os.geteuid() == 0:
            without = "-dac_override,-dac_read_search"
            prefix = ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}"]
        return self.studio.python(*arguments, prefix=prefix, env={"PYTHONPATH": "."})

    def repair(self) -> None:
        """Lets pytest remove the folder in a year of its own choice."""
        for path in self.studio.models.glob("*-unreadable/*"):
            path.chmod(0o755)


@pytest.fixture(scope="module")
def reports(
    studios: Callable[[], Studio],
    alone: Callable[[Recipe], Run],
    skip_or_fail: Callable[[str], NoReturn],
) -> Iterator[dict[str, Callable[[], Json]]]:
    """What each kind of reader found; they read at the same time."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        skip_or_fail("root reads every file, and there is no setpriv to give that up")
    sound = alone(SMALL)
    looked_at = Ruins(studios(), sound, CASES, "finished")
    resumed = Ruins(studios(), sound, RESUMED, "stopped")
    script = str(Path(__file__).with_name("reader.py"))
    ids, stopped = ([id_of(*case) for case in cases] for cases in (CASES, RESUMED))
    started = {
        "runs": looked_at.read("-m", "digitcore", "runs", "--json"),
        "commands": looked_at.read(script, "commands", "sound", *ids),
        "pages": looked_at.read(script, "pages", "sound", *ids),
        "resume": resumed.read(script, "resume", *stopped, "sound"),
    }

    def report(process: subprocess.Popen[str]) -> Callable[[], Json]:
        def ended() -> Json:
            out, err = process.communicate(timeout=5 * SECONDS)
            assert process.returncode == 0, err
            return json.loads(out.splitlines()[-1])

        return ended

    told = {name: report(process) for name, process in started.items()}
    told["network"] = lambda: {path.name: Run(path) for path in resumed.studio.models.iterdir()}
    yield told
    for process in started.values():
        process.kill()
        process.communicate()
    looked_at.repair()
    resumed.repair()


def test_damaged_runs_are_listed_with_what_is_wrong_and_harm_no_other(
    reports: dict[str, Callable[[], Json]],
) -> None:
    rows = {row["run"]: row for row in reports["runs"]()["runs"]}
    sound = rows.pop("sound")
    assert (sound["status"], sound["message"], sound["recipe"]) == ("finished", "", "small")
    assert sound["test_accuracy"] > 0
    wrong = {}
    for name, how in CASES:
        row = rows.pop(id_of(name, how))
        # Nothing vouches for a network without metrics; a run that was never tested has none.
        broken = name in NEEDED or (name == "metrics.json" and how != "removed")
        if (
            row["status"] != ("broken" if broken else "finished")
            or (name in row["message"]) != broken
        ):
            wrong[row["run"]] = (row["status"], row["message"])
        if not broken and name != "metrics.json" and row != sound | {"run": row["run"]}:
            wrong[row["run"]] = row
    assert wrong == {}
    assert rows == {}


def in_a_sentence(status: int, out: str, err: str) -> bool:
    """Whether a command ended with an error of one line, told twice."""
    lines = [line for line in err.splitlines() if line.startswith("Error: ")]
    error = json.loads(out)
    message = error.get("error") or error.get("message")
    # Here the worker is no process of its own, and without a log it speaks beside the command.
    calm = "Traceback" not in err or "worker.log" in message
    return status == 1 and lines == [f"Error: {message}"] and calm


def test_a_damaged_run_answers_or_says_in_a_sentence_why_not(
    reports: dict[str, Callable[[], Json]],
) -> None:
    told = reports["commands"]()
    assert {status for status, *_ in told["sound"].values()} == {0}
    wrong = {}
    for name, how in CASES:
        for command, result in told[id_of(name, how)].items():
            spoilt = name in NEEDED_BY[command]
            if not (in_a_sentence(*result) if spoilt else result[0] == 0):
                wrong[name, how, command] = result
    assert wrong == {}


def test_a_damaged_run_goes_on_or_says_in_a_sentence_why_not(
    reports: dict[str, Callable[[], Json]],
) -> None:
    told = reports["resume"]()
    runs = reports["network"]()
    wrong = {}
    for name, how in RESUMED:
        result = told[id_of(name, how)]["resume"]
        same = result[0] == 0 and network(runs[id_of(name, how)]) == network(runs["sound"])
        # What is read must be sound; what is written only must not be in the way.
        needed = name in NEEDED or (name.startswith("checkpoint") and how != "removed")
        if needed or how == "directory":
            fine = in_a_sentence(*result)
        elif how == "unreadable" and name in ("events.jsonl", "worker.log"):
            fine = same or in_a_sentence(*result)
        else:
            fine = same
        if not fine:
            wrong[name, how] = result
    assert wrong == {}
    assert told["sound"]["resume"][0] == 0


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_an_exception_whatever_is_damaged(
    page: str, reports: dict[str, Callable[[], Json]], request: pytest.FixtureRequest
) -> None:
    cache = request.config.stash.setdefault(SHOWN, {})
    if not cache:
        cache.update(reports["pages"]())
    assert {run: shown[page] for run, shown in cache.items() if shown[page]} == {}


SHOWN = pytest.StashKey[Json]()


def test_a_training_whose_epochs_cannot_be_written_ends_as_any_other(
    warm: Warm, alone: Callable[[Recipe], Run]
) -> None:
    run = runs.create(SMALL, fill=lambda folder: (folder / "epochs").write_bytes(b""))
    queue.wake()
    until(lambda: not run.active)
    assert run.status == "finished", run.state.message
    assert network(run) == network(alone(SMALL))
    assert kept_epochs.numbers(run) == []
    assert kept_epochs.numbers(alone(SMALL)) == [1, 2]
