"""Measures the app under load, with clients that speak Streamlit's protocol to a real server.

    DIGITCORE_DATA_DIR=... python benchmarks/load.py                       # everything
    DIGITCORE_DATA_DIR=... python benchmarks/load.py --only sessions       # one section
    DIGITCORE_DATA_DIR=... python benchmarks/load.py --json load.json

    sessions   30 people at once while a network trains: page switches, strokes, memory
    waves      30 people at once who draw, four times: memory after each time
    maps       30 people at once with Explore's map open: memory a session
    training   images a second of a training, with 30 sessions over without
    watcher    the same with one watcher: a websocket client, and a page in Chromium
    start      click on Start to the first point of the chart, without and with a waiting worker
    runs       the Runs page with 1,000 run folders
    long       the live view of a run with 200,000 events

Run it in the project's folder, and run nothing else meanwhile. Clients, server and training
run on one machine, so what the clients take of it is printed, too. Times are taken at the
client, from the sending of a message to the receiving of the element that answers it; what a
browser then needs to draw it is in `latency.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "tests")]

from browser.app import App  # noqa: E402
from clients import Client, Seen  # noqa: E402
from crowd import (  # noqa: E402
    Times,
    complain,
    crowd,
    end,
    gather_at,
    has_training_point,
    is_matrix,
    is_table,
    one_visitor,
    start_strolls,
)
from load_memory import maps, memory_rows, waves  # noqa: E402
from load_speed import WATCHERS, training, watcher  # noqa: E402
from studio_under_load import (  # noqa: E402
    busy_seconds,
    circumstances,
    copy_run,
    events,
    finished_run,
    fresh_app,
    kill_workers,
    long_run,
    memory,
    note,
    train,
    wait,
    wait_for_idle_worker,
)
from table_row import Row  # noqa: E402

import digitcore  # noqa: E402
from digitcore import files  # noqa: E402
from digitcore.runs import Run  # noqa: E402

CANVAS_WAIT = 200  # ms that the canvas lets pass after a stroke before it tells of it


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values there, too")
    parser.add_argument("--sessions", type=int, default=30, help="sessions at once (30)")
    parser.add_argument("--seconds", type=float, default=60, help="of load in `sessions` (60)")
    parser.add_argument("--pairs", type=int, default=3, help="of trainings in a ratio (3)")
    parser.add_argument("--recipe", default="two-conv", help="trained under load (two-conv)")
    parser.add_argument("--epochs", type=int, default=3, help="of a training in a ratio (3)")
    parser.add_argument("--images", type=int, default=60000, help="of such a training (60000)")
    parser.add_argument("--watchers", nargs="+", choices=WATCHERS, default=list(WATCHERS))
    parser.add_argument("-n", type=int, default=5, help="times each in start, runs and long (5)")
    parser.add_argument("--runs", type=int, default=1000, help="run folders in `runs` (1000)")
    parser.add_argument("--events", type=int, default=200_000, help="of the run in `long` (200000)")
    parser.add_argument(
        "--kept", type=int, default=120, help="seconds that the server keeps a session left (120)"
    )
    options = parser.parse_args()
    if notice := digitcore.load_dataset(download=False).notice:
        sys.exit(notice)  # the figures would be of other trainings and other pages
    os.environ["STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL"] = str(options.kept)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        done = finished_run(Path(folder))
        for name in options.only:
            note(f"{name} …")
            with fresh_app(done.path) as app:
                rows += SECTIONS[name](app, Run(app.models / done.id), options)
        about = circumstances(done, options)
    print(f"Machine: {about['machine']}, {about['memory_gib']} GiB. ", end="")
    print(", ".join(f"{name} {number}" for name, number in about["versions"].items()), end="")
    print(f". Commit {about['commit']}.\n")
    print("| what | median | 95th percentile | min–max | target | n |\n|---|---|---|---|---|---|")
    for row in rows:
        print(row.line())
    if options.json:
        table = {**about, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


# What is measured. Each section has a server of its own, and one finished run in its folder.


def sessions(app: App, done: Run, options: argparse.Namespace) -> list[Row]:
    """Page switches, strokes, refreshes and memory, with a crowd and a training running.

    It is long because it lists all that it measures.
    """
    # What the first visitor of a server loads is not the price of a session.
    asyncio.run(one_visitor(app, done))
    time.sleep(5)
    before = memory(app)
    run = train(options.recipe, epochs=200)
    wait(lambda: any(event["kind"] == "batch" for event in events(run)))

    async def load() -> tuple[Times, dict[str, float], dict[str, float], list[float], float]:
        closing = asyncio.Event()
        async with crowd(app, done, options.sessions) as (clients, times):
            await gather_at(clients, run)
            strolls = start_strolls(clients, done, run, times, closing)
            await asyncio.sleep(10)  # until all are at work
            for client in clients:
                client.ticks.clear()
            for values in vars(times).values():
                values.clear()
            begun, busy = time.perf_counter(), busy_seconds(app)
            await asyncio.sleep(options.seconds)
            took = time.perf_counter() - begun
            fractions = {who: 100 * (s - busy[who]) / took for who, s in busy_seconds(app).items()}
            # Walkers see the live view now and then, and would count as watchers that miss some.
            watchers = [client for place, client in enumerate(clients) if place % 6 > 1]
            ticks = [tick for client in watchers for tick in client.ticks]
            with_all = memory(app)
            await end(strolls, closing)
            complain(clients)
        return times, fractions, with_all, ticks, len(ticks) / took / len(watchers)

    times, fractions, during, ticks, rate = asyncio.run(load())
    run.stop()
    # Streamlit keeps a session for a while, in case that its person comes back.
    kept = options.kept
    note(f"all have left; the server keeps their sessions for {kept} s")
    time.sleep(kept + 10)
    after = memory(app)
    # It then lets go of them when the next one leaves, not before.
    asyncio.run(one_visitor(app, done))
    time.sleep(5)
    at_last = memory(app)
    crowded = f"{options.sessions} sessions and a training"
    waited = [time + CANVAS_WAIT for time in times.stroke]
    rows = [
        Row(f"Page switch to Explore's matrix, {crowded}", "ms", times.switch, "p95 ≤ 400"),
        Row("the same, until the script has ended", "ms", times.switch_end),
        Row(f"Stroke to answer on the websocket, {crowded}", "ms", times.stroke),
        Row(f"the same with the canvas's own {CANVAS_WAIT} ms", "ms", waited, "p95 ≤ 600"),
        Row("the same on the websocket, until the script has ended", "ms", times.stroke_end),
        Row("Refresh of the live view, timer to end of script", "ms", ticks),
        Row("Refreshes a second and watcher (0.5 are wanted of more than 12)", "", [rate]),
    ]
    rows += [
        Row(f"Processor, {who}, of one core", "%", [fraction])
        for who, fraction in fractions.items()
    ]
    for kind in before:
        values = (before[kind], during[kind], after[kind], at_last[kind])
        rows += memory_rows(kind, values, options)
    return rows


def start(app: App, done: Run, options: argparse.Namespace) -> list[Row]:
    """From the click on Start to the first training point in the client, in seconds."""

    async def first_point() -> float:
        async with Client(app.url) as client:
            await (await client.open(query="recipe=fast&epochs=1&training_images=6000")).finished
            request = await client.press("Start", seen=has_training_point)
            seconds = await asyncio.wait_for(request.first, 120) / 1000
            complain([client])
            return seconds

    cold, warm = [], []
    for _ in range(options.n):
        kill_workers(app)
        cold.append(asyncio.run(first_point()))
        wait(lambda: not any(run.active for run in digitcore.runs.list_runs()))
        if wait_for_idle_worker(app):
            warm.append(asyncio.run(first_point()))
            wait(lambda: not any(run.active for run in digitcore.runs.list_runs()))
    return [
        Row("Start to the first point, no worker", "s", cold),
        Row("Start to the first point, a worker waits", "s", warm),
    ]


def many_runs(app: App, done: Run, options: argparse.Namespace) -> list[Row]:
    """The time to the table of the Runs page, and to Explore's matrix, with many runs."""
    for number in range(1, options.runs):
        copy_run(done, number)

    async def visits() -> tuple[list[float], list[float], list[float]]:
        async with Client(app.url) as client:
            await (await client.open()).finished

            async def visit(page: str, seen: Seen) -> float:
                request = await client.visit(page, seen=seen)
                answered = await asyncio.wait_for(request.first, 120)
                await request.finished
                await (await client.visit("")).finished
                return answered

            first = [await visit("runs", is_table)]
            later = [await visit("runs", is_table) for _ in range(options.n)]
            matrix = [await visit("explore", is_matrix) for _ in range(options.n)]
            complain([client])
            return first, later, matrix

    first, later, matrix = asyncio.run(visits())
    many = f"{options.runs:,} runs"
    return [
        Row(f"Page switch to the table of {many}, the server's first", "ms", first, "≤ 1000"),
        Row(f"Page switch to the table of {many}, later", "ms", later, "≤ 1000"),
        Row(f"Page switch to Explore's matrix with {many}", "ms", matrix),
    ]


def long(app: App, done: Run, options: argparse.Namespace) -> list[Row]:
    """One refresh of the live view of a run that goes on after many events."""
    run, one_more = long_run(done, options.events)
    with files.lock(run.lock_path):  # as the process that trains it holds it
        return _looks_at(app, run, one_more, options)


def _looks_at(
    app: App, run: Run, one_more: Callable[[], None], options: argparse.Namespace
) -> list[Row]:

    async def watch() -> tuple[list[float], list[float]]:
        async with Client(app.url) as client:
            request = await client.open(query=f"run={run.id}", seen=has_training_point)
            first = [await asyncio.wait_for(request.first, 120)]
            await request.finished
            while len(client.ticks) < options.n:
                one_more()
                await asyncio.sleep(0.25)
            complain([client])
            return first, client.ticks

    first, ticks = asyncio.run(watch())
    many = f"{options.events:,} events"
    return [
        Row(f"First look at a run with {many}, to its first chart", "ms", first),
        Row(f"Refresh of the live view of a run with {many}", "ms", ticks, "≤ 500"),
    ]


SECTIONS: dict[str, Callable[[App, Run, argparse.Namespace], list[Row]]] = {
    "sessions": sessions,
    "waves": waves,
    "maps": maps,
    "training": training,
    "watcher": watcher,
    "start": start,
    "runs": many_runs,
    "long": long,
}

if __name__ == "__main__":
    main()
