"""What the tests of faults have in common: one worker that has TensorFlow loaded, and runs to compare with."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from made_up import write_metrics
from studio import Studio, ended, until

from digitcore import files, runs
from digitcore.jobs import queue
from digitcore.recipes import Recipe
from digitcore.runs import Run, kept_epochs
from digitcore.runs.kept_epochs import KeptEpoch

# Small and quick, with all that keeps a state from one step to the next.
SMALL = Recipe(
    name="small",
    layers=[{"kind": "flatten"}, {"kind": "dense", "units": 16}, {"kind": "dropout", "rate": 0.2}],
    epochs=2,
    rotation=8,
)
# Long enough to be hit in the middle.
LONG = SMALL.changed(name="long", epochs=12, batch_size=16)
# A worker that does something at one of each run's events: what it is told to, or it sends itself a
# signal some milliseconds later. Who watches it from outside may be kept waiting for a processor, and
# comes too late.
HIT = """
import os, signal, sys, threading
from digitcore.jobs import reporter, worker
what, when = sys.argv[1:3]
del sys.argv[1:3]
tell, hit = reporter.Reporter.tell, set()
reporter.STOP_CHECK_SECONDS = 0

def told(self, event):
    tell(self, event)
    if self.job not in hit and eval(when, {}, event):
        hit.add(self.job)
        if name := getattr(signal, what, None):
            threading.Timer(0.003, os.kill, (os.getpid(), name)).start()
        else:
            exec(what, {"run": self.job})

reporter.Reporter.tell = told
worker.main()
"""
STOP = "run.stop()"
READER = Path(__file__).parents[2] / "models" / "reader"
# Of the arrays of its network, in Keras's order.
CONVS = ((5, 1, 24), (3, 24, 48), (3, 48, 48), (3, 48, 64), (3, 64, 64))
SHAPES = [
    *(shape for size, before, of in CONVS for shape in ((size, size, before, of), *[(of,)] * 4)),
    *((64, 10), (10,)),
]
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def queued(studio: Studio, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run in the studio that no worker was started for; this process is in the studio."""
    studio.enter(monkeypatch)
    return runs.create(recipe)


def copy_reader(run: Run) -> None:
    """The run that comes with the project, as if it had kept an epoch."""
    shutil.copytree(READER, run.path)
    write_metrics(run.path)
    weights = [np.zeros(shape, np.float32) for shape in SHAPES]
    table = np.full((1, 10), 0.1, np.float32)
    kept = KeptEpoch(weights, np.eye(10, dtype=np.int64), np.zeros(1, np.int64), table)
    kept_epochs.write(run, 1, kept, 1_000_000)


def worker(studio: Studio, *arguments: str, **options: object) -> subprocess.Popen[str]:
    return studio.python("-m", "digitcore.jobs.worker", *arguments, **(QUIET | options))


def worker_hit(
    studio: Studio, what: str, when: str, *arguments: str, **options: object
) -> subprocess.Popen[str]:
    """A worker that does this once in each job, at the first event of which `when` is true.

    Args:
        what: the name of a signal, or a Python statement that may use the job, `run`.
        when: an expression of the event's keys, such as `kind == "batch" and step > 9`.
    """
    return studio.python("-c", HIT, what, when, *arguments, **(QUIET | options))


@contextmanager
def standing(process: subprocess.Popen[str]) -> Iterator[None]:
    """What is done while a worker has stopped itself by SIGSTOP; then it goes on."""
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def run_again(run: Run) -> None:
    """Resumes the run; who starts a worker for it is the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "start_worker", lambda *short: None)
        queue.resume(run)


class Warm(Studio):
    """A studio whose worker stays, for faults that it must outlive."""

    def __init__(self, folder: Path, digits: Path) -> None:
        super().__init__(folder, digits)
        self.worker = self._worker()
        self._known: dict[Recipe, Run] = {}

    def _worker(self) -> subprocess.Popen[str]:
        command = ("-m", "digitcore.jobs.worker", "--idle", "900")
        return self.python(*command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def ready(self) -> None:
        if self.worker.poll() is not None:  # some test did not go well
            self.close()
            self.worker = self._worker()
        until(lambda: files.held(self.models / ".locks" / ".worker-0", anew=True))

    def alone(self, recipe: Recipe) -> Run:
        """A run of this recipe that nobody harmed; to be asked for inside the studio."""
        if recipe not in self._known:
            run = queue.submit(recipe)
            until(lambda: not run.active)
            assert run.status == "finished", run.state.message
            self._known[recipe] = run
        return self._known[recipe]

    def close(self) -> None:
        self.worker.communicate()


@pytest.fixture(scope="session")
def _warm(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Iterator[Warm]:
    studio = Warm(tmp_path_factory.mktemp("warm"), digits)
    yield studio
    studio.close()
    assert ended(studio.workers) == []


@pytest.fixture
def warm(_warm: Warm, monkeypatch: pytest.MonkeyPatch) -> Warm:
    """A studio with a worker that is ready; this process is in it."""
    _warm.enter(monkeypatch)
    _warm.ready()
    return _warm


@pytest.fixture(scope="session")
def alone(_warm: Warm) -> Callable[[Recipe], Run]:
    """Makes a run of a recipe that nobody harms, or gives the one that there is."""

    def train(recipe: Recipe) -> Run:
        with pytest.MonkeyPatch.context() as patch:
            _warm.enter(patch)
            _warm.ready()
            return _warm.alone(recipe)

    return train
