"""Memory of the server: what sessions take, and what it gives back when they have left."""

from __future__ import annotations

import argparse
import asyncio
import time
import urllib.request

from browser.app import App
from clients import Client
from crowd import SEVEN, complain, crowd, is_map, one_visitor
from studio_under_load import memory, note, wait
from table_row import Row

from digitcore.jobs import queue
from digitcore.runs import Run

WAVES = 4
STROKES = 6


def waves(app: App, done: Run, options: argparse.Namespace) -> list[Row]:
    """USS after each of four waves of people who draw at once and leave."""
    # What the first visitor of a server loads is not the price of a session.
    asyncio.run(one_visitor(app, done))
    time.sleep(5)
    before = memory(app)["USS"]
    during, after = [], []
    for wave in range(1, WAVES + 1):
        during.append(asyncio.run(_wave(app, done, options.sessions)))
        after.append(when_all_have_left(app, done, options.kept)["USS"])
        note(f"wave {wave}: {during[-1]:.0f} MiB, and {after[-1]:.0f} after")
    many = f"{options.sessions} drawing sessions"
    return [
        Row("Server USS before, every page seen once", "MiB", [before]),
        *(
            Row(f"Server USS with {many}, wave {n}", "MiB", [value])
            for n, value in enumerate(during, 1)
        ),
        *(
            Row(f"Server USS after wave {n} of {many} has left", "MiB", [value])
            for n, value in enumerate(after, 1)
        ),
        Row("The same, last wave less first", "MiB", [after[-1] - after[0]], "≤ 10"),
    ]


async def _wave(app: App, done: Run, count: int) -> float:
    """People come one after the other, draw at once, and leave; MiB while all are there."""

    async def draw(client: Client) -> None:
        await (await client.visit("draw", f"run={done.id}")).finished
        for number in range(STROKES):
            strokes = [[(x + 9 * k, y) for x, y in SEVEN] for k in range(number + 1)]
            await (await client.draw(strokes)).finished

    async with crowd(app, done, count) as (clients, _):
        await asyncio.gather(*(draw(client) for client in clients))
        complain(clients)
        return memory(app)["USS"]


def maps(app: App, done: Run, options: argparse.Namespace) -> list[Row]:
    """USS with people who all have Explore's map open, with an area of it selected."""
    job = queue.submit_job(done, "features")
    wait(lambda: not job.active)
    asyncio.run(one_visitor(app, done))
    asyncio.run(_at_the_map(app, done, 1))
    time.sleep(5)
    before = memory(app)["USS"]
    during = asyncio.run(_at_the_map(app, done, options.sessions))
    each = (during - before) / options.sessions
    return [
        Row("Server USS before, every page and a map seen once", "MiB", [before]),
        Row(f"Server USS with {options.sessions} sessions at a map", "MiB", [during]),
        Row("Server USS a session at a map", "MiB", [each], "≤ 15"),
    ]


async def _at_the_map(app: App, done: Run, count: int) -> float:
    """People come one after the other, and turn to the map and to others of its points; MiB while all are there."""

    def fetch(what: str) -> None:
        with urllib.request.urlopen(f"{app.url}/map/{what}") as answer:
            answer.read()

    async def look(client: Client, number: int) -> None:
        of = f"run={done.id}&split=test"
        for side in (1, 5, 1e4):
            area = f"area=-{side},-{side};{side},-{side};{side},{side};-{side},{side}"
            query = f"run={done.id}&explore_view=Map&errors=false&{area}"
            request = await client.visit("explore", query, seen=is_map)
            await request.first
            await request.finished
        await asyncio.to_thread(fetch, f"points?{of}&version={number}")
        some = ",".join(map(str, range(100 * number, 100 * number + 100)))
        await asyncio.to_thread(fetch, f"images?{of}&images={some}")

    async with crowd(app, done, count) as (clients, _):
        await asyncio.gather(*(look(client, number) for number, client in enumerate(clients)))
        complain(clients)
        return memory(app)["USS"]


def when_all_have_left(app: App, done: Run, kept: int) -> dict[str, float]:
    """MiB when the server has let go of all sessions.

    Streamlit keeps a session for a while, in case that its person comes back, and lets go of
    it when the next one leaves, not before.
    """
    time.sleep(kept + 10)
    asyncio.run(one_visitor(app, done))
    time.sleep(5)
    return memory(app)


def memory_rows(
    kind: str, values: tuple[float, float, float, float], options: argparse.Namespace
) -> list[Row]:
    """MiB before, with all sessions, after all have left, and after one more came and left."""
    before, during, after, at_last = values
    each = (during - before) / options.sessions
    return [
        Row(f"Server {kind} before, every page seen once", "MiB", [before]),
        Row(f"Server {kind} with {options.sessions} sessions", "MiB", [during]),
        Row(f"Server {kind} a session", "MiB", [each], "≤ 15" if kind == "USS" else ""),
        Row(f"Server {kind} {options.kept + 10} s after all left", "MiB", [after]),
        Row(f"Server {kind} after one more came and left", "MiB", [at_last]),
    ]
