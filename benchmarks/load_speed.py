"""Training speed with people around over without: two sections of `load.py`."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable

from browser.app import App, find_chromium
from crowd import (
    complain,
    crowd,
    end,
    gather_at,
    start_strolls,
    watch_by_websocket,
    watch_in_chromium,
)
from studio_under_load import note, speed, train, wait
from table_row import Row

from digitcore.runs import Run

WATCHERS = {
    "websocket": (watch_by_websocket, "one websocket client watching"),
    "chromium": (watch_in_chromium, "one Chromium page, itself on this machine, watching"),
}


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
