"""Runs whose files somebody altered, drawn by the hundred: each is told of, and harms no other."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import made_up
import numpy as np
import pytest
import streamlit as st
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as draw
from PIL import Image
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.__main__ import main
from digitcore.jobs import queue
from digitcore.runs import Run

ROOT = Path(__file__).parents[1]
# Fine-tuned, so that it has every kind of file.
SOUND = Path(__file__).parent / "data" / "last_version" / "fine-tuned"
FILES = tuple(sorted(path.name for path in SOUND.iterdir()))

Alteration = Callable[[Path], object]
numbering = itertools.count()

ODD = draw.one_of(
    draw.none(),
    draw.booleans(),
    draw.integers(-(10**30), 10**30),
    draw.sampled_from([0, -1, 1e300, 1e-300, 10**400, float("nan"), float("inf"), -float("inf")]),
    draw.floats(),
    draw.text(max_size=20),
    draw.sampled_from(["\ud800", "$x$ **b** [a](b) <b>", "a" * 100_000]),
    draw.lists(draw.integers(), max_size=3),
    draw.dictionaries(draw.text(max_size=5), draw.integers(), max_size=2),
)


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of each value in a JSON value, containers included."""
    if place:
        yield place
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*place, key))


def replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = new
    return copy


@draw.composite
def odd_json(choose: draw.DrawFn, name: str) -> Alteration:
    """One value of the file is another one."""
    whole = json.loads((SOUND / name).read_text())
    place = choose(draw.sampled_from(list(leaves(whole))))
    odd = choose(ODD)
    return lambda run: (run / name).write_text(json.dumps(replaced(whole, place, odd)))


@draw.composite
def odd_event(choose: draw.DrawFn) -> Alteration:
    """One value of one event is another one, and that event may stand anywhere."""
    lines = [json.loads(line) for line in (SOUND / "events.jsonl").read_text().splitlines() if line]
    event = dict(choose(draw.sampled_from(lines)))
    event[choose(draw.sampled_from([*event, "seconds", "steps", "stage"]))] = choose(ODD)
    told = [*lines]
    told.insert(choose(draw.integers(0, len(lines))), event)
    text = "".join(json.dumps(one) + "\n" for one in told)
    return lambda run: (run / "events.jsonl").write_text(text)


@draw.composite
def odd_arrays(choose: draw.DrawFn) -> Alteration:
    """Probabilities of another type, shape or value."""
    with np.load(SOUND / "probabilities.npz") as file:
        tables = {name: file[name] for name in ("test", "validation")}
    name = choose(draw.sampled_from([*tables]))
    table = tables[name]
    kind = choose(
        draw.sampled_from(
            ["?", "complex64", "int64", "float16", "float64", "<U3", "M8[s]", "shape", "value"]
        )
    )
    if kind == "shape":
        any_shape = draw.lists(draw.integers(0, 12), max_size=3).map(tuple)
        shape = choose(any_shape | draw.tuples(draw.integers(0, 60), draw.just(10)))
        table = np.full(shape, 0.1, np.float32)
    elif kind == "value":
        table = table.copy()
        table[choose(draw.integers(0, len(table) - 1))] = choose(draw.floats(width=32))
    else:
        table = table.astype(np.int64).astype(kind) if kind.startswith("M8") else table.astype(kind)
    tables[name] = table
    return lambda run: np.savez(run / "probabilities.npz", **tables)


@draw.composite
def odd_setting(choose: draw.DrawFn) -> Alteration:
    """One line of the recipe says something else."""
    lines = (SOUND / "recipe.toml").read_text().splitlines()
    place = choose(draw.sampled_from([i for i, line in enumerate(lines) if " = " in line]))
    odd = choose(
        draw.sampled_from(["-1", "0", "nan", "inf", "true", '"x"', "[]", "1e300", "9" * 30])
    )
    lines[place] = f"{lines[place].split(' = ')[0]} = {odd}"
    return lambda run: (run / "recipe.toml").write_text("\n".join(lines))


@draw.composite
def odd_bytes(
    choose: draw.DrawFn, folder: Path = SOUND, names: tuple[str, ...] = FILES
) -> Alteration:
    """Some bytes of a file are others, or its end is gone."""
    name = choose(draw.sampled_from(names))
    whole = (folder / name).read_bytes()
    place = choose(draw.integers(0, len(whole) - 1))
    new = choose(draw.one_of(draw.none(), draw.binary(min_size=1, max_size=8)))
    changed = whole[:place] if new is None else whole[:place] + new + whole[place + len(new) :]
    return lambda run: (run / name).write_bytes(changed)


ALTERATIONS = draw.one_of(
    odd_json("metrics.json"),
    odd_json("state.json"),
    odd_event(),
    odd_arrays(),
    odd_setting(),
    odd_bytes(),
)


class House:
    """A models folder with a sound run, beside which stands one altered run at a time."""

    def __init__(self, folder: Path) -> None:
        self.sound = self.copy("sound")
        self.image = folder / "digit.png"
        Image.fromarray(made_up.sheet([7])).save(self.image)
        self.said: dict[str, str] = {}
        self.app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)

    def copy(self, name: str) -> Run:
        path = runs.models_dir() / name
        shutil.copytree(SOUND, path)
        return Run(path)

    def pages(self, run: Run) -> dict[str, list[str]]:
        """The exceptions of each page that had one."""
        self.app.query_params["run"] = run.id
        shown = {}
        for page in ("train", "explore", "draw", "runs"):
            self.app.query_params["run"] = run.id
            shown[page] = self.app.switch_page(f"pages/{page}.py").run().exception
            self.said[page] = "\n".join(
                str(one.value)
                for kind in ("markdown", "caption", "error", "subheader")
                for one in getattr(self.app, kind)
            )
        return {page: [one.message for one in found] for page, found in shown.items() if found}


@pytest.fixture
def house(tmp_path: Path, small_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(queue, "start_worker", lambda: None)
    st.cache_resource.clear()
    yield House(tmp_path)
    st.cache_resource.clear()


def no_number(text: str) -> NoReturn:
    raise AssertionError(f"{text} is no JSON")


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """What a command says: its status, and its one JSON object."""
    status = main([*arguments, "--json"])
    out, err = capsys.readouterr()
    told = json.loads(out.splitlines()[-1], parse_constant=no_number)
    assert "Traceback" not in err
    if status:
        assert status == 1
        assert len([line for line in err.splitlines() if line.startswith("Error: ")]) == 1
    return status, told


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(alter=ALTERATIONS)
def test_an_altered_run_answers_or_says_why_not(
    alter: Alteration, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    run = house.copy(f"altered-{next(numbering)}")
    try:
        alter(run.path)
        status, listed = command(capsys, "runs")
        assert status == 0
        rows = {row["run"]: row for row in listed["runs"]}
        assert set(rows) == {"sound", run.id}
        assert rows[run.id]["message"] or rows[run.id]["status"] != "broken"
        if rows[run.id]["status"] in ("finished", "stopped"):
            assert run.metrics
        for words in (
            ("evaluate", run.id),
            ("predict", run.id, str(house.image)),
            ("stop", run.id),
        ):
            command(capsys, *words)
        assert house.pages(run) == {}
    finally:
        shutil.rmtree(run.path, ignore_errors=True)


def merged(name: str, *, line: int | None = None, **values: Any) -> Alteration:
    """These values are set in a JSON file, or in one line of a file of events."""

    def alter(run: Path) -> None:
        lines = [(run / name).read_text()] if line is None else (run / name).read_text().split("\n")
        place = line or 0
        lines[place] = json.dumps(json.loads(lines[place]) | values)
        (run / name).write_text("\n".join(lines))

    return alter


def arrays_of(kind: str) -> Alteration:
    table = np.ones((60, 10), np.int64).astype(kind)
    return lambda run: np.savez(run / "probabilities.npz", test=table, validation=table)


NAMED: dict[str, Alteration] = {
    **{f"seconds null in line {n}": merged("events.jsonl", line=n, seconds=None) for n in range(6)},
    "notice 1.0": merged("metrics.json", data_notice=1.0),
    "hand": merged("metrics.json", hand={"taught": 1}),
    "fine_tuning": merged("metrics.json", fine_tuning={"samples": 1, "correct_before": "**b**"}),
    "infinite": merged("metrics.json", test_loss=float("inf"), images_per_second=float("-inf")),
    "interval": merged("metrics.json", test_interval=[float("nan"), float("inf")]),
    **{f"probabilities {kind}": arrays_of(kind) for kind in ("?", "complex128", "M8[s]", "O")},
    "exam": lambda run: (run / "exam.json").write_text('{"accuracy": Infinity, "time": null}'),
    "evaluate": lambda run: (run / "evaluate.json").write_text('{"test": {"accuracy": "**b**"}}'),
    "robustness": lambda run: (run / "robustness.json").write_text('{"test": {"images": "**b**"}}'),
    "dataset -1": lambda run: (run / "recipe.toml").write_text('name = "a"\ndataset = -1\n'),
    "exam a list": lambda run: (run / "exam.json").write_text("[[]]"),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_value_that_once_broke_a_page_harms_nothing(
    name: str, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    run = house.copy("altered")
    NAMED[name](run.path)
    status, listed = command(capsys, "runs")
    assert status == 0
    assert {row["run"] for row in listed["runs"]} == {"sound", "altered"}
    for words in (("evaluate", run.id), ("predict", run.id, str(house.image)), ("stop", run.id)):
        command(capsys, *words)
    assert house.pages(run) == {}
    assert not any("**b**" in said for said in house.said.values())


def test_the_sound_run_beside_them_answers(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (("evaluate", "sound"), ("predict", "sound", str(house.image))):
        assert command(capsys, *words)[0] == 0
    assert house.pages(house.sound) == {}
    words = {"train": "6 drawings", "explore": "Confusion", "runs": "This run"}
    assert {page: word in house.said[page] for page, word in words.items()} == dict.fromkeys(
        words, True
    )
    assert "No trained network yet" not in house.said["draw"]
