"""Reads damaged runs as a person would, all in one process: `python reader.py pages RUN...`.

Prints one JSON object: for each run what each command, or each page, came to.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from digitcore.__main__ import main
from digitcore.jobs import queue

ROOT = Path(__file__).parents[2]
Told = dict[str, Any]


def command(*arguments: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command; a file each, as the worker asks for its number."""
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = main([*arguments, "--json"])
        texts = [(file.seek(0), file.read())[1] for file in (out, err)]
    return status, texts[0], texts[1]


def commands(run: str) -> Told:
    picture = str(ROOT / "ui" / "icon.png")
    return {"evaluate": command("evaluate", run), "predict": command("predict", run, picture)}


def resume(run: str) -> Told:
    return {"resume": command("resume", run)}


def train_here(short: bool = False) -> None:
    """Instead of a process for each damaged run; TensorFlow takes seconds to load."""
    from digitcore.jobs.carry_out import carry_out

    for run in queue.queued():
        carry_out(run)


def pages(run: str) -> Told:
    """The exceptions that Streamlit showed on each page."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["run"] = run
    shown = {"train": app.run().exception}
    for page in ("explore", "draw", "runs"):
        app.query_params["run"] = run
        shown[page] = app.switch_page(f"pages/{page}.py").run().exception
    return {page: [element.message for element in found] for page, found in shown.items()}


if __name__ == "__main__":
    what, *ids = sys.argv[1:]
    ways: dict[str, Callable[[str], Told]] = {
        "commands": commands,
        "resume": resume,
        "pages": pages,
    }
    queue.start_worker = train_here if what == "resume" else lambda *short: None
    told = {run: ways[what](run) for run in ids}
    sys.stdout.write(json.dumps(told) + "\n")
