"""Measures the app under load, with clients that speak Streamlit's protocol to a real server.

    DIGITCORE_DATA_DIR=... python benchmarks/load.py                       # everything
    DIGITCORE_DATA_DIR=... python benchmarks/load.py --only sessions       # one section
    DIGITCORE_DATA_DIR=... python benchmarks/load.py --json load.json

    sessions   30 people at once while a network trains: page switches, strokes, memory
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
import contextlib
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from clients import Client, Request, Seen
from streamlit.proto.Element_pb2 import Element

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser.app import App, chromium, find_chromium, serve  # noqa: E402

import digitcore  # noqa: E402
from digitcore import files  # noqa: E402
from digitcore.runs import Run  # noqa: E402

CANVAS_WAIT = 200  # ms that the canvas lets pass after a stroke before it tells of it
PATIENCE = 60  # seconds after which an answer is given up
MIB = 2**20
SEVEN = [(100, 90), (160, 90), (220, 90), (195, 150), (170, 200), (150, 250)]


@dataclass(frozen=True)
class Row:
    """One line of the table: the values that were measured, and what was aimed at."""

    what: str
    unit: str
    values: list[float]
    target: str = ""

    def line(self) -> str:
        if not self.values:
            return f"| {self.what} | not measured | | | {self.target} | 0 |"
        digits = 3 if self.unit == "×" else 0 if max(self.values) >= 100 else 1

        def text(value: float) -> str:
            return f"{value:,.{digits}f} {self.unit}"

        high = low = ""
        if len(self.values) > 1:
            low = f"{min(self.values):,.{digits}f}–{text(max(self.values))}"
        if len(self.values) >= 20:
            high = text(percentile(self.values, 0.95))
        middle = text(statistics.median(self.values))
        return f"| {self.what} | {middle} | {high} | {low} | {self.target} | {len(self.values)} |"


@dataclass
class Times:
    """What a crowd waited for, in milliseconds: until the element came, and until the script ended."""

    switch: list[float] = field(default_factory=list)
    switch_end: list[float] = field(default_factory=list)
    stroke: list[float] = field(default_factory=list)
    stroke_end: list[float] = field(default_factory=list)


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
    """Page switches, strokes, refreshes and memory, with a crowd and a training running."""
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
        each = (during[kind] - before[kind]) / options.sessions
        target = "≤ 15" if kind == "USS" else ""
        rows += [
            Row(f"Server {kind} before, every page seen once", "MiB", [before[kind]]),
            Row(f"Server {kind} with {options.sessions} sessions", "MiB", [during[kind]]),
            Row(f"Server {kind} a session", "MiB", [each], target),
            Row(f"Server {kind} {kept + 10} s after all left", "MiB", [after[kind]]),
            Row(f"Server {kind} after one more came and left", "MiB", [at_last[kind]]),
        ]
    return rows


def training(app: App, done: Run, options: argparse.Namespace) -> list[Row]:
    """Images a second with a crowd over without."""

    async def crowded() -> float:
        closing = asyncio.Event()
        async with crowd(app, done, options.sessions) as (clients, times):
            run = train(options.recipe, epochs=options.epochs, training_images=options.images)
            await gather_at(clients, run)
            strolls = start_strolls(clients, done, run, times, closing)
            while run.active:
                await asyncio.sleep(0.5)
            await end(strolls, closing)
            complain(clients)
            return speed(run)

    return pairs(
        f"with {options.sessions} sessions", lambda: asyncio.run(crowded()), options, target=""
    )


def watcher(app: App, done: Run, options: argparse.Namespace) -> list[Row]:
    """Images a second with one page watching over without."""
    rows = []
    for name in options.watchers:
        watch, words = WATCHERS[name]
        if name == "chromium" and find_chromium() is None:
            rows.append(Row(f"Training speed, {words}, over without", "×", [], "≥ 0.98"))
            continue

        def watched(watch: Callable[[App, Run], None] = watch) -> float:
            run = train(options.recipe, epochs=options.epochs, training_images=options.images)
            watch(app, run)
            return speed(run)

        rows += pairs(words, watched, options, target="≥ 0.98")
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


# Who comes.


@contextlib.asynccontextmanager
async def crowd(app: App, done: Run, count: int) -> AsyncIterator[tuple[list[Client], Times]]:
    """So many pages open on a finished run, one after the other as people come."""
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            client = await stack.enter_async_context(Client(app.url))
            await (await client.open(query=f"run={done.id}")).finished
            clients.append(client)
        yield clients, Times()


async def gather_at(clients: list[Client], live: Run) -> None:
    """All turn to the run that trains; a server that is too busy is not waited for."""
    requests = [await client.visit("", f"run={live.id}") for client in clients]
    await asyncio.wait([request.finished for request in requests], timeout=PATIENCE)


def start_strolls(
    clients: list[Client], done: Run, live: Run, times: Times, closing: asyncio.Event
) -> list[asyncio.Task[None]]:
    """Of six people one walks to Explore and back, one draws, and four watch the training."""
    walkers, drawers = clients[::6], clients[1::6]
    tasks = [walk(client, live, times, closing) for client in walkers]
    tasks += [scribble(client, done, times, closing) for client in drawers]
    return [asyncio.create_task(task) for task in tasks]


async def walk(client: Client, live: Run, times: Times, closing: asyncio.Event) -> None:
    chance = random.Random(id(client))
    while not closing.is_set():
        await asyncio.sleep(chance.uniform(2, 4))
        request = await client.visit("explore", seen=is_matrix)
        times.switch.append(await answer(request, request.first))
        times.switch_end.append(await answer(request, request.finished))
        await asyncio.sleep(chance.uniform(2, 4))
        request = await client.visit("", f"run={live.id}")
        await answer(request, request.finished)


async def scribble(client: Client, done: Run, times: Times, closing: asyncio.Event) -> None:
    chance = random.Random(id(client))
    request = await client.visit("draw", f"run={done.id}")
    await answer(request, request.finished)
    strokes: list[list[tuple[float, float]]] = []
    while not closing.is_set():
        await asyncio.sleep(chance.uniform(1, 2))
        if len(strokes) == 4:
            strokes = []
            request = await client.press("Clear")
            await answer(request, request.finished)
            request = await client.draw(strokes)  # the canvas tells that it is empty now
            await answer(request, request.finished)
            continue
        strokes.append([(x + chance.uniform(-9, 9), y + chance.uniform(-9, 9)) for x, y in SEVEN])
        request = await client.draw(strokes, seen=is_answer)
        times.stroke.append(await answer(request, request.first))
        times.stroke_end.append(await answer(request, request.finished))


async def answer(request: Request, coming: asyncio.Future[float]) -> float:
    """Milliseconds to the answer; what has no answer after `PATIENCE` counts as that long."""
    done, _ = await asyncio.wait([coming], timeout=PATIENCE - request.age / 1000)
    return coming.result() if done else 1000.0 * PATIENCE


async def end(tasks: list[asyncio.Task[None]], closing: asyncio.Event) -> None:
    """Lets each have the answer that it waits for, so that slow ones are counted, too."""
    closing.set()
    await asyncio.gather(*tasks)


async def one_visitor(app: App, done: Run) -> None:
    async with Client(app.url) as client:
        await (await client.open(query=f"run={done.id}")).finished
        for page in ("explore", "runs", "draw"):
            await (await client.visit(page)).finished
        await (await client.draw([SEVEN])).finished
        complain([client])


def watch_by_websocket(app: App, run: Run) -> None:
    async def watch() -> None:
        async with Client(app.url) as client:
            await (await client.open(query=f"run={run.id}")).finished
            while run.active:
                await asyncio.sleep(0.5)
            complain([client])

    asyncio.run(watch())


def watch_in_chromium(app: App, run: Run) -> None:
    with chromium(str(find_chromium())) as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(f"{app.url}/?run={run.id}")
        while run.active:
            page.wait_for_timeout(500)


def complain(clients: list[Client]) -> None:
    """Ends the benchmark if a page showed an error, as its times would mean nothing."""
    if errors := [error for client in clients for error in client.errors]:
        sys.exit(f"{len(errors)} errors in pages. The first: {errors[0]}")


# What is looked for in an answer.


def is_matrix(element: Element) -> bool:
    return "heatmap" in element.plotly_chart.spec


def is_answer(element: Element) -> bool:
    return 'class="digit' in element.html.body


def is_table(element: Element) -> bool:
    return element.WhichOneof("type") == "dataframe"


def has_training_point(element: Element) -> bool:
    if element.WhichOneof("type") != "plotly_chart":
        return False
    traces = json.loads(element.plotly_chart.spec)["data"]
    return any(trace.get("name") == "training" and trace.get("x") for trace in traces)


# Runs, workers and the server.


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


def pairs(
    words: str, measured: Callable[[], float], options: argparse.Namespace, target: str
) -> list[Row]:
    """Trains by turns without anybody and as `measured` does; the rows of both and their ratios."""
    alone, with_them = [], []
    for number in range(options.pairs):
        run = train(options.recipe, epochs=options.epochs, training_images=options.images)
        wait(lambda run=run: not run.active)
        alone.append(speed(run))
        with_them.append(measured())
        note(f"pair {number + 1}: {alone[-1]:,.0f} alone, {with_them[-1]:,.0f} images/s {words}")
    ratios = [b / a for a, b in zip(alone, with_them, strict=True)]
    return [
        Row("Training speed, nobody there", "images/s", alone),
        Row(f"Training speed, {words}", "images/s", with_them),
        Row(f"Training speed, {words}, over without", "×", ratios, target),
    ]


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


def percentile(values: list[float], fraction: float) -> float:
    return sorted(values)[max(0, round(fraction * len(values)) - 1)]


def wait(until: Callable[[], bool], seconds: float = 1200) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds} s.")
        time.sleep(0.25)


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


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


SECTIONS: dict[str, Callable[[App, Run, argparse.Namespace], list[Row]]] = {
    "sessions": sessions,
    "training": training,
    "watcher": watcher,
    "start": start,
    "runs": many_runs,
    "long": long,
}
WATCHERS = {
    "websocket": (watch_by_websocket, "one websocket client watching"),
    "chromium": (watch_in_chromium, "one Chromium page, itself on this machine, watching"),
}

if __name__ == "__main__":
    main()
