"""What a worker tells while it trains: one JSON object a line in `events.jsonl`.

Each event is a dict with "kind" and "time" (seconds since 1970), and of kind
    stage      "stage": what the worker does now
    download   "done", "total": bytes of the dataset
    progress   "done", "total": images of a short job
    start      "step" to begin after, "steps" in all, "steps_per_epoch"
    batch      "step", "epoch", "loss", "accuracy" (means since the last such event),
               "images_per_second", "seconds" of fit so far
    epoch      "step", "epoch", "loss", "accuracy", "validation_loss",
               "validation_accuracy", "validation_images": how many that is of,
               "learning_rate", "best", "seconds" of fit so far
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Event = dict[str, Any]
Columns = Mapping[str, np.ndarray]
# Types that a value may have, and its least and greatest; text has no bounds.
_Rule = tuple[frozenset[type], float, float]

_NUMBER = frozenset({int, float})
_TIME: _Rule = (_NUMBER, 0, 1e11)
_POSITIVE: _Rule = (_NUMBER, 0, 1e300)
_FRACTION: _Rule = (_NUMBER, 0, 1)
_COUNT: _Rule = (frozenset({int}), 0, 10**15)
_FLAG: _Rule = (frozenset({bool}), 0, 1)

_CURVE = {
    "time": _TIME,
    "step": _COUNT,
    "epoch": _COUNT,
    "loss": _POSITIVE,
    "accuracy": _FRACTION,
}
_PROGRESS = {"time": _TIME, "done": _COUNT, "total": _COUNT}
_RULES: dict[str, dict[str, _Rule]] = {
    "stage": {"time": _TIME},
    "download": _PROGRESS,
    "progress": _PROGRESS,
    "start": {"time": _TIME, "step": _COUNT, "steps": _COUNT, "steps_per_epoch": _COUNT},
    "batch": {**_CURVE, "images_per_second": _POSITIVE},
    "epoch": {
        **_CURVE,
        "validation_loss": _POSITIVE,
        "validation_accuracy": _FRACTION,
        "learning_rate": _POSITIVE,
        "best": _FLAG,
    },
}
# These came later than the first runs, which lack them: 0 there.
_LATER = {
    "batch": {"seconds": _POSITIVE},
    "epoch": {"seconds": _POSITIVE, "validation_images": _COUNT},
}
_COLUMNS = {kind: (*_RULES[kind], *later) for kind, later in _LATER.items()}
_INTEGERS = {"step", "epoch", "best"}
# Keys that nothing but an epoch or a start has: their lines are found without reading them.
_RARE = (b'"validation_accuracy"', b'"steps_per_epoch"')
_PART_BYTES = 2_000_000
_MOST_STAGE = 200
_MOST_FOLLOWED = 32


def parse(data: bytes) -> Iterator[Event]:
    """The events in these whole lines; a garbled line is passed over.

    Garbled is a line that is no JSON, lacks a key of its kind, or has a value there of another
    type or out of its range. So a reader may count on a kind's keys, whatever happened to
    the file. Kinds that this version does not know are passed on as they are.
    """
    for line in data.splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):  # the latter where it is nested deeply
            continue
        if isinstance(event, dict) and isinstance(event.get("kind"), str) and _is_sound(event):
            yield event


def _is_sound(event: Event) -> bool:
    kind = event["kind"]
    if not all(_holds(rule, event.get(key)) for key, rule in _RULES.get(kind, {}).items()):
        return False
    if kind == "stage":
        stage = event.get("stage")
        # Half of a pair of surrogates is text to JSON, and nothing that can be sent on.
        return isinstance(stage, str) and len(stage) <= _MOST_STAGE and stage.isprintable()
    later = _LATER.get(kind, {}).items()
    return all(_holds(rule, event[key]) for key, rule in later if key in event)


def _holds(rule: _Rule, value: Any) -> bool:
    types, low, high = rule
    # By the type itself, as True is an int to isinstance. JSON as Python reads it has
    # numbers that are none, which no comparison holds for, and integers without end.
    return type(value) in types and bool(low <= value <= high)


def whole_lines(path: Path, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The file's whole lines from that byte on: each part's first byte, and the part.

    This alone reads `events.jsonl`. A half-written last line is left for the next time. A file
    shorter than `offset` is another one and read from its beginning: first (0, b"").
    It comes in batches, as the dicts of a long training would fill the memory.

    Raises:
        OSError: there is no such file, or it is damaged.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size < offset:
            offset = 0
            yield 0, b""
        file.seek(offset)
        while data := file.read(_PART_BYTES):
            data += file.readline()
            data = data[: data.rfind(b"\n") + 1]
            if not data:
                return
            yield offset, data
            offset += len(data)


def read_from(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """All events from that byte on, and the byte to go on from. There need be no file."""
    read: list[Event] = []
    with suppress(OSError):  # damaged, but no reason to show nothing of the run
        for begin, data in whole_lines(path, offset):
            read += parse(data)
            offset = begin + len(data)
    return read, offset


def _no_columns(kind: str) -> Columns:
    return {key: np.empty(0) for key in _COLUMNS[kind]}


@dataclass(frozen=True, eq=False)
class EventLog:
    """The events of a run that count, as figures need them. It never changes: it is followed.

    Where a run went on from a checkpoint, what it had done after that checkpoint was done
    again, and the first attempt is dropped.

    Attributes:
        batches, epochs: each key of such an event to float64 (N,), in the order of steps.
        others: the last event of each other kind.
        offset: bytes of the file that it holds.
    """

    batches: Columns = field(default_factory=lambda: _no_columns("batch"))
    epochs: Columns = field(default_factory=lambda: _no_columns("epoch"))
    others: Mapping[str, Event] = field(default_factory=dict)
    offset: int = 0

    @property
    def last(self) -> dict[str, Event]:
        """The last event of each kind that there is."""
        ends = {kind: _last_row(kind, table) for kind, table in self._tables().items()}
        return {**self.others, **{kind: row for kind, row in ends.items() if row}}

    def followed(self, events: Iterable[Event], offset: int = 0) -> EventLog:
        """This log and what was told after it, up to that byte of the file."""
        tables, others = self._tables(), dict(self.others)
        new: dict[str, list[Event]] = {kind: [] for kind in tables}
        for event in events:
            kind = event["kind"]
            if kind in new:
                new[kind].append(event)
                continue
            others[kind] = event
            if kind == "start":
                tables = {k: _until(_extended(tables[k], new[k]), event["step"]) for k in tables}
                new = {k: [] for k in tables}
        tables = {k: _extended(tables[k], new[k]) for k in tables}
        return EventLog(tables["batch"], tables["epoch"], others, offset)

    def read(self, path: Path) -> EventLog:
        """This log and what the file holds beyond it; this one, if that is nothing.

        A half-written last line is left for the next time. There need be no file.
        """
        log = self
        try:
            for begin, data in whole_lines(path, self.offset):
                before = log if begin else EventLog()
                log = before.followed(parse(data), begin + len(data))
        except FileNotFoundError:
            return self if not self.offset else EventLog()
        except OSError:  # damaged, but no reason to show nothing of the run
            pass
        return log

    def _tables(self) -> dict[str, Columns]:
        return {"batch": self.batches, "epoch": self.epochs}


class _Followed:
    """The log of one file, read on from where the last look ended; safe for several threads."""

    def __init__(self) -> None:
        self._log, self._looked = EventLog(), -1e9  # in seconds of the monotonic clock
        self._lock = threading.Lock()

    def read(self, path: Path, seconds: float) -> EventLog:
        with self._lock:
            if time.monotonic() - self._looked >= seconds:
                self._log = self._log.read(path)
                self._looked = time.monotonic()
            return self._log


_followed: OrderedDict[Path, _Followed] = OrderedDict()
_followed_lock = threading.Lock()


def follow(path: Path, seconds: float = 0.0) -> EventLog:
    """What the file holds, each byte read once for all who follow it in this process.

    Args:
        path: a run's `events.jsonl`; there need be none.
        seconds: how old the answer may be.
    """
    with _followed_lock:
        one = _followed.setdefault(path, _Followed())
        _followed.move_to_end(path)
        if len(_followed) > _MOST_FOLLOWED:
            _followed.popitem(last=False)
    return one.read(path, seconds)


def read_epochs(path: Path) -> Columns:
    """The epochs in a run's file, float64 (N,) a key, without a look at its many batches.

    Raises:
        OSError: there is no such file, or it is damaged.
    """
    rare: list[bytes] = []
    for _, data in whole_lines(path):
        lines = {}
        for mark in _RARE:
            place = data.find(mark)
            while place >= 0:
                begin, end = data.rfind(b"\n", 0, place) + 1, data.find(b"\n", place)
                lines[begin] = data[begin:end]
                place = data.find(mark, end)
        rare += [lines[begin] for begin in sorted(lines)]
    return EventLog().followed(parse(b"\n".join(rare))).epochs


def best_epoch(epochs: Columns) -> np.ndarray:
    """Where the best epoch stands, the last one marked so: integer (1,), or (0,) if none is."""
    return np.flatnonzero(epochs["best"])[-1:]


def seconds_to(accuracy: float, epochs: Columns) -> float | None:
    """Seconds of fit until the first epoch with that validation accuracy, 0 to 1, had ended.

    None if none has it, or if the run is so old that it did not tell.
    """
    seconds = epochs["seconds"][epochs["validation_accuracy"] >= accuracy]
    return float(seconds[0]) if len(seconds) and seconds[0] > 0 else None


def _last_row(kind: str, table: Columns) -> Event | None:
    if not len(table["step"]):
        return None
    row = {key: column[-1].item() for key, column in table.items()}
    return {"kind": kind, **row, **{key: int(row[key]) for key in _INTEGERS & row.keys()}}


def _until(table: Columns, step: float) -> Columns:
    kept = table["step"] <= step
    return table if kept.all() else {key: column[kept] for key, column in table.items()}


def _extended(table: Columns, rows: list[Event]) -> Columns:
    if not rows:
        return table
    return {
        key: np.concatenate([column, [float(row.get(key, 0)) for row in rows]])
        for key, column in table.items()
    }
