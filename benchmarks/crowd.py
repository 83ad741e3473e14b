"""The people of `load.py`: clients that walk, draw and watch, and what they wait for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from browser.app import App, chromium, find_chromium
from clients import Client, Request
from streamlit.proto.Element_pb2 import Element

from digitcore.runs import Run

PATIENCE = 60  # seconds after which an answer is given up
SEVEN = [(100, 90), (160, 90), (220, 90), (195, 150), (170, 200), (150, 250)]


@dataclass
class Times:
    """What a crowd waited for, in milliseconds: until the element came, and until the script ended."""

    switch: list[float] = field(default_factory=list)
    switch_end: list[float] = field(default_factory=list)
    stroke: list[float] = field(default_factory=list)
    stroke_end: list[float] = field(default_factory=list)


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


def is_map(element: Element) -> bool:
    return "colouring" in element.bidi_component.json


def is_answer(element: Element) -> bool:
    return element.bidi_component.component_name == "live_answer"


def is_table(element: Element) -> bool:
    return element.WhichOneof("type") == "dataframe"


def has_training_point(element: Element) -> bool:
    if element.WhichOneof("type") != "plotly_chart":
        return False
    traces = json.loads(element.plotly_chart.spec)["data"]
    return any(trace.get("name") == "training" and trace.get("x") for trace in traces)
