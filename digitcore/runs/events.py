"""What a worker tells while it trains: one JSON object a line in `events.jsonl`.

Each event is a dict with "kind" and "time" (seconds since 1970), and of kind
    stage      "stage": what the worker does now
    download   "done", "total": bytes of MNIST
    progress   "done", "total": images of a short job
    start      "step" to begin after, "steps" in all, "steps_per_epoch"
    batch      "step", "epoch", "loss", "accuracy" (means since the last such event),
               "images_per_second", "seconds" of fit so far
    epoch      "step", "epoch", "loss", "accuracy", "validation_loss",
               "validation_accuracy", "learning_rate", "best", "seconds" of fit so far
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Event = dict[str, Any]
Columns = Mapping[str, np.ndarray]

_CURVE = ("time", "step", "epoch", "loss", "accuracy")
_KEYS: dict[str, tuple[str, ...]] = {
    "stage": ("time", "stage"),
    "download": ("time", "done", "total"),
    "progress": ("time", "done", "total"),
    "start": ("time", "step", "steps", "steps_per_epoch"),
    "batch": (*_CURVE, "images_per_second"),
    "epoch": (*_CURVE, "validation_loss", "validation_accuracy", "learning_rate", "best"),
}
# Seconds came later than the first runs, which lack them: 0 there.
_COLUMNS = {kind: (*_KEYS[kind], "seconds") for kind in ("batch", "epoch")}
_INTEGERS = {"step", "epoch", "best"}
# Keys that nothing but an epoch or a start has: their lines are found without reading them.
_RARE = (b'"validation_accuracy"', b'"steps_per_epoch"')
_PART_BYTES = 2_000_000


def parse(data: bytes) -> Iterator[Event]:
    """The events in these whole lines; a garbled line is passed over."""
    for line in data.splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):  # the latter where it is nested deeply
            continue
        if not isinstance(event, dict) or not isinstance(kind := event.get("kind"), str):
            continue
        # A reader may count on a kind's keys, whatever happened to the file.
        for key in _KEYS.get(kind, ()):
            if not _is_usable(key, event.get(key)):
                break
        else:
            yield event


def _is_usable(key: str, value: Any) -> bool:
    if key == "stage":
        return isinstance(value, str)
    # JSON as Python reads it has numbers that are none, and integers without end.
    return isinstance(value, (int, float)) and -1e300 < value < 1e300


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
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_size < self.offset:
                    log = EventLog()  # another file
                file.seek(log.offset)
                # In parts, as the dicts of a long training would fill the memory.
                while data := file.read(_PART_BYTES):
                    data += file.readline()
                    end = data.rfind(b"\n") + 1
                    if not end:
                        break
                    log = log.followed(parse(data[:end]), log.offset + end)
        except FileNotFoundError:
            return self if not self.offset else EventLog()
        except OSError:  # damaged, but no reason to show nothing of the run
            pass
        return log

    def _tables(self) -> dict[str, Columns]:
        return {"batch": self.batches, "epoch": self.epochs}


def read_epochs(path: Path) -> Columns:
    """The epochs in a run's file, float64 (N,) a key, without a look at its many batches.

    Raises:
        OSError: there is no such file.
    """
    data = path.read_bytes()
    lines = {}
    for mark in _RARE:
        place = data.find(mark)
        while place >= 0:
            begin, end = data.rfind(b"\n", 0, place) + 1, data.find(b"\n", place)
            if end < 0:
                break  # half-written
            lines[begin] = data[begin:end]
            place = data.find(mark, end)
    return EventLog().followed(parse(b"\n".join(lines[begin] for begin in sorted(lines)))).epochs


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
