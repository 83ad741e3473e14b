"""One job in this process, of any kind: claimed, carried out, and its state left true.

A training is a run of its own, a short job belongs to a run. Both have a folder with `state.json`,
`events.jsonl` and `worker.log`, a lock, and are claimed and updated alike.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from contextlib import suppress

import psutil

from digitcore import datasets, runs
from digitcore.jobs import kinds, request
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter, StoppedError
from digitcore.runs import Run

# A fresh process is better than one that has grown so large.
_MAX_BYTES = 4_000_000_000
_RESERVE_BYTES = 65_536


def carry_out(job: Run | Job) -> bool | None:
    """Carries out one queued job, and leaves its state true whatever happens.

    Returns:
        Whether this process is fit to carry out another one: the job did not fail, and the
        process has not grown large. None if the job could not be begun.
    """
    try:
        with job.claim():
            return _work(job) and psutil.Process().memory_info().rss < _MAX_BYTES
    except (runs.RunError, OSError):
        # Another worker has it, somebody removed the folder, or nothing can be written there.
        return None


def _work(job: Run | Job) -> bool:
    before = [os.dup(stream.fileno()) for stream in (sys.stdout, sys.stderr)]
    reserve = job.path / ".reserve"
    try:
        try:
            _sweep(job)
            # A full disk must leave room to say so.
            reserve.write_bytes(bytes(_RESERVE_BYTES))
            with open(job.path / "worker.log", "ab") as log:
                # By file descriptor, because TensorFlow's C++ part writes there too.
                _point_output_at(log.fileno(), log.fileno())
            _report(job)
        finally:
            # Before the state says how it ended: whoever sees that may copy the folder.
            with suppress(OSError):
                reserve.unlink(missing_ok=True)
        job.update(status="finished", message="")
    except StoppedError:
        message = runs.stopped_early(job) if isinstance(job, Run) else ""
        job.update(status="stopped", message=message)
    except Exception as error:
        with suppress(OSError):  # the log may be on the full disk, too
            traceback.print_exc()
            sys.stderr.flush()
        # Where that cannot be written, readers see that nobody carries it out any more.
        with suppress(OSError, runs.RunError):
            job.update(status="failed", message=_sentence(error, job))
        return False
    finally:
        _point_output_at(*before)
        for descriptor in before:
            os.close(descriptor)
    return True


def _report(job: Run | Job) -> None:
    """Carries it out with the data folder that was set where it was queued, and appends its events."""
    os.environ.pop(datasets.VARIABLE, None)
    state = job.state
    if state and state.data_folder:
        os.environ[datasets.VARIABLE] = state.data_folder
    with open(job.path / "events.jsonl", "ab", buffering=0) as file:
        if file.tell():
            file.write(b"\n")  # the last line may be a part of one
        reporter = Reporter(job, file.write)
        if isinstance(job, Run):
            kinds.carry_out(request.read(job).kind, job, reporter)
        elif (result := kinds.carry_out(job.kind, job.run, reporter)) is not None:
            job.write_result(result)


def _sweep(job: Run | Job) -> None:
    """Removes what a killed process was about to put in a file's place."""
    # Under the lock, because others replace states and results meanwhile.
    run = job if isinstance(job, Run) else job.run
    with runs.changes_lock(run.path.parent):
        for path in job.path.rglob(".tmp-*"):
            path.unlink()


def _point_output_at(out: int, err: int) -> None:
    for stream, descriptor in ((sys.stdout, out), (sys.stderr, err)):
        with suppress(OSError):
            stream.flush()
        os.dup2(descriptor, stream.fileno())


def _sentence(error: Exception, job: Run | Job) -> str:
    trains = isinstance(job, Run)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    # TensorFlow and HDF5 have errors of their own.
    if full or os.strerror(errno.ENOSPC) in str(error):
        on = "then Resume goes on from the last checkpoint" if trains else "and start it again"
        return f"The disk is full. Make room, {on}."
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        if not trains:
            return "There was too little memory. End other programs and start it again."
        return (
            "There was too little memory. End other programs and resume, "
            "or start a training with a smaller network or batch."
        )
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__
