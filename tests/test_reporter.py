"""What a worker writes of its work, and how soon it hears a stop."""

from __future__ import annotations

import json
from pathlib import Path

from studio import until

from digitcore.jobs import reporter
from digitcore.runs import Run


def test_who_was_asked_to_stop_stays_so_however_soon_it_is_asked_again() -> None:
    class Status:
        status = "running"

    told = reporter.Reporter(Status(), lambda line: None)  # type: ignore[arg-type]
    assert not told.stops()
    Status.status = "stopping"
    until(told.stops, seconds=5)
    assert all(told.stops() for _ in range(3))


def test_a_download_that_begins_again_at_the_next_server_is_told_at_once() -> None:
    lines: list[bytes] = []
    told = reporter.Reporter(Run(Path("nowhere")), lines.append)
    for done in (0, 9_000_000, 65_536, 300_000):
        told.download(done, 11_490_434)
    assert [json.loads(line)["done"] for line in lines] == [0, 9_000_000, 65_536, 300_000]


def test_a_download_is_told_in_few_events_the_last_of_which_is_the_whole() -> None:
    lines: list[bytes] = []
    told = reporter.Reporter(Run(Path("nowhere")), lines.append)
    total = 11_490_434
    for done in [*range(0, total, 65_536), total]:
        told.download(done, total)
    done_bytes = [json.loads(line)["done"] for line in lines]
    assert done_bytes == sorted(done_bytes)
    assert (done_bytes[0], done_bytes[-1]) == (0, total)
    assert len(done_bytes) < 80
