"""What `load.py` measures on: runs, their workers, and a fresh server for each section."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from browser.app import App, serve

import digitcore
from digitcore.runs import Run

ROOT = Path(__file__).parents[1]
MIB = 2**20


def finished_run(folder: Path) -> Run:
    """A run of `fast` on few images, trained once; the sections copy it."""
    note("training a network to show …")
    with models_in(folder):
        run = train("fast", epochs=2, training_images=12_000)
        wait(lambda: not run.active)
        speed(run)  # says so if it failed
    return run


@contextlib.contextmanager
def fresh_app(done: Path) -> Iterator[App]:
    with tempfile.TemporaryDirectory() as folder, models_in(Path(folder)):
        shutil.copytree(done, Path(folder) / done.name)
        with serve(Path(folder)) as app:
            yield app


@contextlib.contextmanager
def models_in(folder: Path) -> Iterator[None]:
    """Runs that this process makes go there; nobody's own runs are touched."""
    before = os.environ.get("DIGITCORE_MODELS_DIR")
    os.environ["DIGITCORE_MODELS_DIR"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("DIGITCORE_MODELS_DIR")
        if before is not None:
            os.environ["DIGITCORE_MODELS_DIR"] = before


def train(recipe: str, **changes: Any) -> Run:
    run: Run = digitcore.submit(digitcore.Recipe.load(recipe).changed(**changes))
    return run


def speed(run: Run) -> float:
    """Training images a second of a run that has ended."""
    if run.metrics is None:
        raise RuntimeError(f"The run {run.id} has {run.status}. {run.state.message}")
    return run.metrics.images_per_second


def events(run: Run) -> list[dict[str, Any]]:
    with contextlib.suppress(FileNotFoundError):
        lines = (run.path / "events.jsonl").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]
    return []


def copy_run(done: Run, number: int) -> None:
    """A run folder of its own with other numbers; large files are linked, to spare the disk."""
    name = f"20260101-{number // 3600:02}{number // 60 % 60:02}{number % 60:02}-fast-{number:04x}"
    path = done.path.with_name(name)
    shutil.copytree(done.path, path, copy_function=os.link)
    state = json.loads((path / "state.json").read_text())
    state |= {"number": number, "created": state["created"] - 60 * number}
    metrics = json.loads((done.path / "metrics.json").read_text())
    metrics["test_accuracy"] -= 1e-5 * number
    recipe = done.recipe.changed(seed=number)
    for file, text in (
        ("state.json", json.dumps(state, indent=1)),
        ("metrics.json", json.dumps(metrics, indent=1)),
        ("recipe.toml", recipe.to_toml()),
        ("events.jsonl", (done.path / "events.jsonl").read_text()),
    ):
        (path / file).unlink()
        (path / file).write_text(text)


def long_run(done: Run, count: int) -> tuple[Run, Callable[[], None]]:
    """A run with so many events that this process seems to train, and what adds one to it.

    The finished run's epochs are repeated with their steps counted on, 200 batches in each.
    """
    path = done.path.with_name("20260102-000000-fast-long")
    shutil.copytree(done.path, path)
    (path / "metrics.json").unlink()
    state = json.loads((path / "state.json").read_text())
    state |= {"status": "running"}
    (path / "state.json").write_text(json.dumps(state))
    log = events(done)
    batch, epoch = (next(e for e in log if e["kind"] == kind) for kind in ("batch", "epoch"))
    begun = [event for event in log if event["kind"] in ("stage", "start")]
    begun = [event for event in begun if event.get("stage") != "testing"]
    for event in begun:
        if event["kind"] == "start":
            event["steps"] = 2 * count
    now = time.time()
    lines = [*begun]
    for step in range(1, count - len(begun) + 1):
        place = {"step": step, "epoch": 1 + step // 201, "time": now - (count - step) / 50}
        place["loss"] = 0.02 + 2 / (1 + step / 50) + random.random() / 50
        best = {"best": False} if step % 201 == 0 else {}
        lines.append({**(epoch if best else batch), **place, **best})
    file = path / "events.jsonl"
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))

    def one_more() -> None:
        last = lines[-1]
        lines.append({**last, "step": last["step"] + 1, "time": time.time()})
        with open(file, "a") as opened:
            opened.write(json.dumps(lines[-1], separators=(",", ":")) + "\n")

    return Run(path), one_more


def workers(app: App) -> list[psutil.Process]:
    """The processes that train for this app's folder, or wait to."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            theirs = process.environ().get("DIGITCORE_MODELS_DIR") == str(app.models)
            if theirs and "digitcore.jobs.worker" in process.cmdline():
                found.append(process)
    return found


def kill_workers(app: App) -> None:
    found = workers(app)
    for process in found:
        process.kill()
    psutil.wait_procs(found, timeout=10)


def wait_for_idle_worker(app: App, patience: float = 20, calm: float = 3) -> bool:
    """Whether a worker waits with TensorFlow loaded, and has for `calm` seconds."""
    since, deadline = time.monotonic(), time.monotonic() + patience
    while time.monotonic() < deadline:
        told = (app.models / ".worker.log").read_text()
        if not any(f"Ready: process {worker.pid}," in told for worker in workers(app)):
            since = time.monotonic()
        if time.monotonic() - since > calm:
            return True
        time.sleep(0.25)
    return False


def memory(app: App) -> dict[str, float]:
    """MiB of the server: resident, its own fraction of shared pages, and what is its alone."""
    found = app.process.memory_full_info()
    return {"RSS": found.rss / MIB, "PSS": found.pss / MIB, "USS": found.uss / MIB}


def busy_seconds(app: App) -> dict[str, float]:
    """Processor seconds so far, of the server and of this process, which has the clients."""
    both = {"the server": app.process, "the clients": psutil.Process()}
    return {name: sum(process.cpu_times()[:2]) for name, process in both.items()}


def wait(until: Callable[[], bool], seconds: float = 1200) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds} s.")
        time.sleep(0.25)


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def circumstances(done: Run, options: argparse.Namespace) -> dict[str, Any]:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False
        ).stdout.strip()

    changed = " with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    names = ("streamlit", "plotly", "tensorflow", "websockets")
    return {
        "machine": (done.metrics and done.metrics.machine) or platform.machine(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "versions": {
            "Python": platform.python_version(),
            **{name: metadata.version(name) for name in names},
        },
        "commit": git("rev-parse", "--short", "HEAD") + changed,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()},
    }
