"""What becomes of the lines that a worker writes: what counts, in columns, each byte read once."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitcore import runs
from digitcore.recipes import Recipe
from digitcore.runs import events
from digitcore.runs.events import Event, EventLog

RARE = {"validation_loss": 0.1, "validation_accuracy": 0.9, "learning_rate": 0.001, "best": True}


def told(kind: str, step: int, **more: Any) -> Event:
    values: dict[str, Event] = {
        "stage": {"stage": "training"},
        "start": {"steps": 90, "steps_per_epoch": 10},
        "batch": {"epoch": 1 + step // 10, "loss": 1 / (1 + step), "accuracy": 0.5}
        | {"images_per_second": 100.0, "seconds": step / 10},
        "epoch": {"epoch": step // 10, "loss": 0.2, "accuracy": 0.5, "seconds": step / 10}
        | {"validation_images": 40, **RARE},
    }
    return {"time": float(step), "kind": kind, "step": step, **values[kind], **more}


def attempt(begin: int, end: int, number: int = 1) -> list[Event]:
    """Each tenth step ends an epoch; the time tells which attempt it was."""
    start = [told("stage", 0), told("start", begin)]
    for step in range(begin + 1, end + 1):
        start.append(told("batch", step, time=number))
        start += [told("epoch", step, time=number)] * (step % 10 == 0)
    return start


def lines(some: list[Event]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in some)


def steps(table: events.Columns) -> list[float]:
    return list(table["step"])


def same(one: EventLog, other: EventLog) -> bool:
    pairs = [(one.batches, other.batches), (one.epochs, other.epochs)]
    return one.last == other.last and all(
        a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a) for a, b in pairs
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_seconds_to_an_accuracy_are_those_of_the_first_epoch_that_has_it() -> None:
    accuracies = (0.9, 0.991, 0.98, 0.995)
    told_epochs = [
        told("epoch", 10 * n, validation_accuracy=accuracy)
        for n, accuracy in enumerate(accuracies, 1)
    ]
    epochs = EventLog().followed(told_epochs).epochs
    found = [events.seconds_to(accuracy, epochs) for accuracy in (0.5, 0.99, 0.995, 0.999)]
    assert found == [1.0, 2.0, 4.0, None]
    for event in told_epochs:
        del event["seconds"]  # as older runs are
    assert events.seconds_to(0.99, EventLog().followed(told_epochs).epochs) is None


# --- lines -------------------------------------------------------------------


def test_a_run_leaves_a_half_written_last_line_for_later() -> None:
    run = runs.create(Recipe.load("fast"))
    path = run.path / "events.jsonl"
    path.write_bytes(b'{"kind":"first","step":0}\n{"kind":"sec')
    first, offset = run.events()
    assert [event["kind"] for event in first] == ["first"]
    assert run.events(offset) == ([], offset)
    with open(path, "ab") as opened:
        opened.write(b'ond","step":1}\n')
    later, end = run.events(offset)
    assert later == [{"kind": "second", "step": 1}]
    assert end == path.stat().st_size


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"\xff\xfe",
        b"[1, 2]",
        b"7",
        b"{}",
        b'{"step": 1}',
        b"",
        b'{"kind":',
        b'{"kind": []}',
        b'{"kind": "batch", "step": 1}',
        b'{"kind": "epoch", "time": 0}',
        b'{"kind": "stage", "time": 0, "stage": 1}',
        *(
            lines([told("batch", 1, **odd)]).strip()
            for odd in (
                {"loss": None},
                {"loss": "0.5"},
                {"loss": -0.1},
                {"accuracy": 1.5},
                {"accuracy": True},
                {"seconds": None},
                {"seconds": float("nan")},
                {"time": float("inf")},
                {"epoch": 1.5},
                {"images_per_second": [1]},
            )
        ),
        lines([told("epoch", 10, best=1)]).strip(),
        lines([told("epoch", 10, validation_accuracy="all")]).strip(),
        lines([told("stage", 0, stage="\ud800")]).strip(),
        lines([told("stage", 0, stage="x" * 1000)]).strip(),
        lines([told("start", 0, steps=-1)]).strip(),
    ],
)
def test_a_garbled_line_is_passed_over(line: bytes) -> None:
    found = events.parse(b'{"kind":"a"}\n' + line + b'\n{"kind":"b"}\n')
    assert [event["kind"] for event in found] == ["a", "b"]


# --- what counts -------------------------------------------------------------


def test_values_stand_in_columns_and_the_last_of_each_kind_is_at_hand() -> None:
    log = EventLog().followed(attempt(0, 12))
    assert steps(log.batches) == list(range(1, 13))
    assert log.batches["loss"].tolist() == [1 / (1 + step) for step in range(1, 13)]
    assert (steps(log.epochs), log.epochs["best"].tolist()) == ([10], [1])
    assert log.last == {
        "stage": told("stage", 0),
        "start": told("start", 0),
        "batch": told("batch", 12, time=1),
        "epoch": told("epoch", 10, time=1),
    }
    assert f"{log.last['batch']['epoch']}" == "2", "a count stays a whole number"


def test_nothing_told_is_empty_columns() -> None:
    log = EventLog()
    assert (log.last, steps(log.batches), steps(log.epochs)) == ({}, [], [])
    assert set(log.epochs) > {"step", "epoch", "validation_loss", "validation_accuracy"}


def test_events_of_an_older_worker_lack_seconds() -> None:
    old = told("batch", 1)
    del old["seconds"]
    assert EventLog().followed([old]).last["batch"]["seconds"] == 0


def test_after_a_resume_what_is_done_again_counts_once() -> None:
    def counted(some: list[Event]) -> list[tuple[float, float]]:
        log = EventLog().followed(some)
        return sorted(
            (step, time)
            for table in (log.batches, log.epochs)
            for step, time in zip(table["step"], table["time"], strict=True)
        )

    first, again = attempt(0, 13), attempt(10, 14, number=2)
    ones = [(float(step), 1.0) for step in range(1, 11)] + [(10.0, 1.0)]
    assert counted(first) == sorted([*ones, *((float(step), 1.0) for step in (11, 12, 13))])
    assert counted([*first, *again]) == sorted([*ones, *((s, 2.0) for s in (11.0, 12, 13, 14))])
    # Until it has begun again, what was done before still counts.
    assert counted([*first, again[0]]) == counted(first)
    # Stopped before its first checkpoint, it begins anew.
    assert counted([*again, *first]) == counted(first)


def test_the_last_step_after_a_resume_is_the_one_it_goes_on_from() -> None:
    log = EventLog().followed([*attempt(0, 13), told("start", 10)])
    assert log.last["batch"] == told("batch", 10, time=1)
    log = log.followed([told("start", 0)])
    assert {"batch", "epoch"} & log.last.keys() == set()


def test_the_best_epoch_is_the_last_one_marked() -> None:
    marked = [told("epoch", 10 * n, best=n in (1, 3)) for n in range(1, 5)]
    assert events.best_epoch(EventLog().followed(marked).epochs).tolist() == [2]
    assert events.best_epoch(EventLog().followed(marked[1:2]).epochs).tolist() == []


def test_a_log_that_is_followed_does_not_change() -> None:
    log = EventLog().followed(attempt(0, 12))
    kept = log.batches["step"].tolist()
    log.followed([told("batch", 13)]).followed(attempt(5, 9))
    assert log.batches["step"].tolist() == kept


# --- files -------------------------------------------------------------------


def test_a_file_is_followed_byte_by_byte(file: Path) -> None:
    everything = [*attempt(0, 25), *attempt(20, 31, number=2), *attempt(30, 42, number=3)]
    data, log, chance = lines(everything), EventLog(), random.Random(0)
    file.touch()
    while (size := file.stat().st_size) < len(data):
        with open(file, "ab") as opened:
            opened.write(data[size : size + chance.randrange(1, 400)])
        log = log.read(file)
        whole = data[: data.rfind(b"\n", 0, file.stat().st_size) + 1]
        assert log.offset == len(whole)
    assert same(log, EventLog().followed(everything))


def test_what_was_read_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(lines(attempt(0, 25)))
    log = EventLog().read(file)
    parsed: list[bytes] = []
    whole = events.parse
    monkeypatch.setattr(events, "parse", lambda data: (parsed.append(data), whole(data))[1])
    assert log.read(file) is log, "without news it is the same log"
    with open(file, "ab") as opened:
        opened.write(lines([told("batch", 26)]) + b'{"half')
    log = log.read(file)
    assert log.last["batch"]["step"] == 26
    assert log.read(file) is log
    assert parsed == [lines([told("batch", 26)])]


def test_a_long_file_is_read_in_batches(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [*attempt(0, 60), *attempt(50, 70, number=2)]
    file.write_bytes(lines(some))
    monkeypatch.setattr(events, "_PART_BYTES", 700)
    assert same(EventLog().read(file), EventLog().followed(some))


def test_a_file_that_is_gone_or_shorter_is_another_one(file: Path) -> None:
    assert same(EventLog().read(file), EventLog())
    file.write_bytes(lines(attempt(0, 20)))
    log = EventLog().read(file)
    file.write_bytes(lines(attempt(0, 5)))
    assert steps(log.read(file).batches) == [1, 2, 3, 4, 5]
    file.unlink()
    assert same(log.read(file), EventLog())


def test_epochs_are_found_without_the_batches(file: Path) -> None:
    some = [*attempt(0, 25), *attempt(20, 31, number=2)]
    half = json.dumps(told("epoch", 40)).encode()
    file.write_bytes(lines(some)[:-1] + b"\ngarbage \xff\n" + half)
    found, expected = events.read_epochs(file), EventLog().followed(some).epochs
    assert steps(found) == [10, 20, 30]
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    file.write_bytes(b"")
    assert steps(events.read_epochs(file)) == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1" + "0" * 400, "null", '"1"'])
def test_a_number_that_is_none_makes_its_line_garbled(value: str) -> None:
    line = f'{{"kind":"start","time":0,"step":{value},"steps":3,"steps_per_epoch":3}}\n'
    assert list(events.parse(line.encode())) == []
