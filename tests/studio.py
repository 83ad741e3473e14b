"""A studio of its own for a test: a models folder, small digits, and real processes that know both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from digitcore.recipes import Recipe
from digitcore.runs import Run

ROOT = Path(__file__).parents[1]
SECONDS = 240  # far more than any step takes, so that a fault fails and does not hang

Json = dict[str, Any]


class Studio:
    """A models folder, small digits, and the command line that knows of both."""

    def __init__(self, folder: Path, digits: Path) -> None:
        self.models = folder / "models"
        # A process that is killed leaves what it had there.
        (folder / "tmp").mkdir()
        self.environment = os.environ | {
            "DIGITCORE_MODELS_DIR": str(self.models),
            "DIGITCORE_DATA_DIR": str(digits),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "KERAS_HOME": str(folder / "keras"),
            "TMPDIR": str(folder / "tmp"),
        }

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Makes this process one of the studio's, until the patch is undone."""
        for name in ("DIGITCORE_MODELS_DIR", "DIGITCORE_DATA_DIR"):
            patch.setenv(name, self.environment[name])

    def python(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Starts Python with these arguments; `env` is what is added to the environment,
        and `prefix` a command that starts it."""
        command = [*options.pop("prefix", ()), sys.executable, *arguments]
        options["env"] = self.environment | options.get("env", {})
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=ROOT, **(pipes | options))

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return self.python("-m", "digitcore", *arguments, env=environment)

    def call(self, *arguments: str, status: int = 0, **environment: str) -> Json:
        """The JSON object that a command gives."""
        return self.end(self.start(*arguments, "--json", **environment), status)[0]

    def end(self, process: subprocess.Popen[str], status: int) -> tuple[Json, list[str]]:
        """The JSON object that a command gives in the end, and the lines of its stderr."""
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == status, err
        assert "Traceback" not in err
        return json.loads(out.splitlines()[-1]), err.splitlines()

    def recipe(self, recipe: Recipe) -> str:
        """The path of a file with that recipe, as `--recipe` takes it."""
        path = self.models.with_name(f"{recipe.name}.toml")
        path.write_text(recipe.to_toml(), encoding="utf-8")
        return str(path)

    def runs(self) -> list[Run]:
        """All runs, as they stand in the queue."""
        found = [Run(path) for path in self.models.glob("[!.]*") if path.is_dir()]
        return sorted(found, key=lambda run: run.state.turn)

    def only_run(self) -> Run:
        (run,) = self.runs()
        return run

    def workers(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                variables = process.environ()
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
            except psutil.Error:
                continue
            if variables.get("DIGITCORE_MODELS_DIR") == str(self.models):
                found.append(process)
        return found


def until(true: Callable[[], Any], seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def ended(processes: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
    """The processes that are still there after a while."""
    end = time.monotonic() + SECONDS
    while (left := processes()) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def curves(run: Run, *kinds: str) -> list[Json]:
    """The events of these kinds that count, without what a clock gives."""
    clocks = {"time", "seconds", "images_per_second"}
    told: list[Json] = []
    for event in run.events()[0]:
        if event["kind"] == "start":  # what is done again counts once
            told = [before for before in told if before.get("step", 0) <= event["step"]]
        told.append(event)
    told = [event for event in told if event["kind"] in kinds]
    return [{key: value for key, value in event.items() if key not in clocks} for event in told]


def epochs(run: Run) -> list[Json]:
    """Each epoch's curves, without what a clock gives."""
    return curves(run, "epoch")


def stages(run: Run) -> list[str]:
    """All that the worker said it does, a resumed run's first attempts included."""
    return [event["stage"] for event in run.events()[0] if event["kind"] == "stage"]


def network(run: Run) -> bytes:
    return (run.path / "model.tflite").read_bytes()


def wait_for_epoch(studio: Studio) -> Run:
    """The studio's run, when an epoch and its checkpoint are done."""
    until(lambda: any(path.is_dir() for path in studio.models.glob("2*")))
    run = Run(next(studio.models.glob("2*")))
    until((run.path / "checkpoint" / "last.npz").exists)
    return run
