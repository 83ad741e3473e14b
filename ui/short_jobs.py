"""What a worker does with a run that has ended, from a page: measures it again, examines it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from digitcore.analysis import written
from digitcore.datasets import registry
from digitcore.jobs import evaluate, exam, queue
from digitcore.jobs.job import Job, list_jobs
from digitcore.runs import ACTIVE, Run, RunError
from ui import browsers, text
from ui.shown_run import when

POLL_SECONDS = 0.5
_STAGES = {
    "data": "Reading the images",
    "testing": "Predicting",
    "arranging": "Arranging the images",
}


def short_jobs(run: Run) -> None:
    """A row to measure the run again, and one to examine it, each with what was found."""
    try:
        has_exam = bool(exam.dataset_of(run))
    except (RunError, ValueError) as error:
        st.caption(text.plain(str(error)))
        return
    for kind, idle in ROWS.items():
        if kind != "exam" or has_exam:
            row(run, kind, idle)


def under_way(run: Run) -> bool:
    """Whether a short job of these waits or is carried out."""
    return any(Job(run, kind).active for kind in ROWS)


def row(run: Run, kind: str, idle: Callable[[Run], None]) -> None:
    """How far a short job is, with a button that stops it; where it is not active, what `idle` draws."""
    polls = Job(run, kind).active
    st.fragment(_row, run_every=POLL_SECONDS if polls else None)(run, kind, idle, polls)


def _row(run: Run, kind: str, idle: Callable[[Run], None], polls: bool) -> None:
    job = Job(run, kind)
    state = job.state
    active = bool(state and state.status in ACTIVE)
    if active != polls:
        st.rerun()  # the whole page, because a fragment keeps its pace
    if state and state.status == "deleted":
        st.caption(f":material/error: {text.plain(state.message)}")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if active:
            st.progress(*progress(job))
            with browsers.asked_first(state, "Stop", ":material/stop:"):
                key = f"stop-{kind}-{run.id}"
                st.button("Stop", icon=":material/stop:", on_click=job.stop, key=key)
            return
        try:
            idle(run)
        except RunError as error:
            st.caption(f":material/error: {text.plain(str(error))}")
    if state and state.status in ("failed", "broken"):
        st.caption(f":material/error: {text.plain(state.message)}")


def progress(job: Job) -> tuple[float, str]:
    """How much of the job is done, 0 to 1, and a sentence about it; starts a worker if need be."""
    status = job.status
    if status == "queued":
        queue.ensure_worker(short=True)
        return 0.0, "Waiting for another job" if _waits(job) else "Starting"
    if status == "stopping":
        return 0.0, "Stopping"
    last = {event["kind"]: event for event in job.events()[0]}
    done = last.get("progress")
    if done:
        return min(1.0, done["done"] / max(1, done["total"])), (
            f"{done['done']:,} of {done['total']:,} images"
        )
    download = last.get("download")
    if download and download["done"] < download["total"]:
        fraction = download["done"] / download["total"]
        return fraction, f"Downloading: {download['done'] / 1e6:.1f} MB"
    return 0.0, _STAGES.get(last.get("stage", {}).get("stage", "data"), "Working")


def _waits(job: Job) -> bool:
    """Whether a queued job has another before it; else its worker merely starts."""
    first = next(iter(queue.queued_jobs()), None)
    if first is not None and first.path != job.path:
        return True
    return any(other.status in ("running", "stopping") for other in list_jobs())


def stop_button(job: Job) -> None:
    """Draws a button that stops the job, after a question if another browser began it."""
    with browsers.asked_first(job.state, "Stop", ":material/stop:"):
        st.button("Stop", icon=":material/stop:", on_click=job.stop, key=f"stop-{job.kind}")


def _evaluate(run: Run) -> None:
    button(run, "evaluate", "Measure again", ":material/replay:")
    if found := evaluate.read(run):
        test = written.accuracy(found.test_accuracy, found.test_interval)
        validation = written.accuracy(found.validation_accuracy, found.validation_interval)
        st.caption(f"{when(found.time)}: {test} test, {validation} validation")
        if evaluate.is_of_earlier_network(run, found.network_checksum):
            st.caption(
                "This is of an earlier network: the run has trained on since. Measure it again."
            )


def _exam(run: Run) -> None:
    if not (found := exam.read(run)):
        button(run, "exam", "Examine once", ":material/workspace_premium:")
        info = registry.get(exam.dataset_of(run))
        st.caption(
            f"On {info.title}'s {info.exam_images:,} further test images, by which nothing was ever "
            "chosen. What is found is recorded; there is no second time."
        )
        return
    accuracy = written.accuracy(found.accuracy, found.interval)
    st.markdown(
        f"**{accuracy}** on {found.images:,} images of the exam · "
        f"{written.accuracy(found.test_accuracy, found.test_interval)} test · "
        f"difference {100 * found.difference:+.2f} points",
        width="content",
    )
    st.caption(f"Examined {when(found.time)}")
    if evaluate.is_of_earlier_network(run, found.network_checksum):
        st.caption(exam.OF_EARLIER_NETWORK)


# Each kind of job that the box offers, and what its row shows: a button, and what the job found.
ROWS = {"evaluate": _evaluate, "exam": _exam}


def button(run: Run, kind: str, label: str, icon: str) -> None:
    """Queues a short job of the run."""
    st.button(label, icon=icon, on_click=submit, args=(run, kind), key=f"start-{kind}-{run.id}")


def submit(run: Run, kind: str) -> None:
    """Queues a short job for this browser; says why where that cannot be done."""
    try:
        job = queue.submit_job(run, kind)
    except (RunError, OSError) as error:
        st.toast(text.plain(str(error)), icon=":material/error:")
        return
    if (state := job.state) and not state.begun_by:  # else somebody had begun it
        browsers.record(job)
