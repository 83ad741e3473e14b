"""Runs that differ only in their seed are one row of the table and of the leaderboard, which opens to its runs."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import leaderboard_entry
from pages_of_runs import visit
from runs_that_err import run_that_errs

from digitcore import runs
from digitcore.analysis import comparable, leaderboard
from digitcore.runs import Run
from ui import run_table

Like = Callable[..., Run]
pytestmark = pytest.mark.usefixtures("fresh_pages")


@pytest.fixture
def like(finished: str, small_data: Path) -> Like:
    return functools.partial(run_that_errs, finished, small_data)


@pytest.fixture
def three(like: Like, finished: str) -> list[Run]:
    """Three seeds of one recipe, beside a run of another one; the last is listed first."""
    made = [like(f"s{seed}ss", seed, seed=seed, epochs=3) for seed in range(3)]
    for number, run in enumerate(made):
        values = run.metrics
        assert values
        accuracy = 0.9 + 0.01 * number
        changed = {**values.as_dict(), "validation_accuracy": accuracy, "test_accuracy": accuracy}
        runs.write_metrics(run.path / "metrics.json", runs.metrics.from_dict(changed))
    return made


def shown(**query: str) -> Any:
    app = visit("runs", **query)
    assert not app.exception
    return app.dataframe[0].value


def test_several_seeds_are_one_row_with_mean_and_spread(three: list[Run], finished: str) -> None:
    table = shown(selected="")
    assert sorted(table["id"]) == sorted([f"seeds of {three[-1].id}", finished])
    row = table[table["id"] != finished].iloc[0]
    assert "3 seeds" in row["name"]
    assert (row["validation"], row["test"]) == (pytest.approx(91), pytest.approx(91))
    assert row["validation_interval"] == row["test_interval"] == "± 1.00"
    assert "seed" not in row["changed"]
    single = table[table["id"] == finished].iloc[0]
    assert "–" in single["test_interval"]


def test_it_opens_to_its_runs_where_one_is_selected(three: list[Run], finished: str) -> None:
    table = shown(selected=three[1].id)
    ids = list(table["id"])
    head = ids.index(f"seeds of {three[-1].id}")
    assert set(ids[head + 1 : head + 4]) == {run.id for run in three}
    assert [name.split()[2] for name in table["name"][head + 1 : head + 4]] == ["2", "1", "0"]


def rows_of(three: list[Run], selected: list[str]) -> list[dict[str, Any]]:
    states = runs.list_states()
    rows = [run_table.row(run, state) for run, state in states]
    return run_table.with_seeds_as_one(rows, {run.id: run for run, _ in states}, selected)


def test_marking_the_row_takes_all_its_runs_and_marking_one_leaves_the_others(
    three: list[Run], finished: str
) -> None:
    ids, head = {run.id for run in three}, f"seeds of {three[-1].id}"
    after = run_table.selected_after
    closed = rows_of(three, [])
    assert set(after(closed, [], [head])) == ids
    assert after(closed, [], [finished]) == [finished]
    opened = rows_of(three, list(ids))
    assert run_table._marked(opened, list(ids)) == [
        i for i, row in enumerate(opened) if row["id"] != finished
    ]
    # The row itself, then one of its runs, is marked no more.
    assert after(opened, list(ids), list(ids)) == []
    with_another = [*ids, finished]
    assert after(opened, with_another, [*ids, finished]) == [finished]
    left = {three[0].id, three[2].id}
    assert set(after(opened, list(ids), [head, *left])) == left
    # The last one that was missing is marked, and then the row is, too.
    partly = rows_of(three, list(left))
    assert set(after(partly, list(left), list(ids))) == ids
    assert head in [opened[i]["id"] for i in run_table._marked(opened, list(ids))]
    assert head not in [partly[i]["id"] for i in run_table._marked(partly, list(left))]


def test_a_filter_that_leaves_one_seed_shows_that_run(three: list[Run]) -> None:
    table = shown(selected="", filter=three[1].id)
    assert list(table["id"]) == [three[1].id]


def test_runs_on_other_data_or_stopped_ones_are_alone(three: list[Run]) -> None:
    other = dict(three[1].metrics.as_dict() if three[1].metrics else {}, data_checksum="0" * 64)
    runs.write_metrics(three[1].path / "metrics.json", runs.metrics.from_dict(other))
    assert comparable.by_seed(three) == [[three[0], three[2]], [three[1]]]
    three[2].update(status="stopped")
    assert len(comparable.by_seed(three)) == 3


def test_over_seeds_an_entry_has_means_spreads_and_medians() -> None:
    entries = [
        leaderboard_entry(f"run{k}", 1000, v, fit_seconds=t, seconds_to_99=to_99)
        for k, (v, t, to_99) in enumerate([(0.99, 10.0, 5.0), (0.98, 30.0, 7.0), (0.97, 11.0, 6.0)])
    ]
    whole = leaderboard.over_seeds(entries)
    assert (whole.seeds, whole.run) == (3, "run0")
    assert whole.validation_accuracy == pytest.approx(0.98)
    assert whole.validation_spread == pytest.approx(statistics.stdev([0.99, 0.98, 0.97]))
    assert (whole.fit_seconds, whole.seconds_to_99) == (11.0, 6.0)
    assert whole.uncertainty("test") == "± 1.00 (n = 3)"
    never = leaderboard.over_seeds([*entries, entries[0]._replace(seconds_to_99=None)])
    assert never.seconds_to_99 is None
    assert leaderboard.over_seeds(entries[:1]) is entries[0]


def test_the_leaderboard_has_one_row_for_several_seeds(
    three: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        leaderboard,
        "from_run",
        lambda run, state: leaderboard_entry(run.id, 10, run.metrics.validation_accuracy),
    )
    app = visit("runs", view="Leaderboard")
    assert not app.exception
    names = list(app.dataframe[0].value["name"])
    assert sum("3 seeds" in name for name in names) == 1
    assert not any(run.id[-4:] in name for run in three for name in names)
    row = app.dataframe[0].value.set_index("name").filter(like="3 seeds", axis=0).iloc[0]
    assert row["validation_uncertainty"] == "± 1.00 (n = 3)"
