"""Whose run is whose, without a browser."""

from __future__ import annotations

import json

import pytest
from starlette.requests import Request
from starlette.responses import Response

from digitcore import runs
from digitcore.recipes import Recipe
from ui import browsers, run_table

MINE, THEIRS = "0" * 16, "0123456789abcdef"


@pytest.fixture(autouse=True)
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsers, "this_browser", lambda: MINE)


def test_only_a_run_of_another_browser_bears_a_name() -> None:
    run = runs.create(Recipe.load("fast"))
    assert browsers.someone_else(run.state) == ""
    assert run_table.row(run, run.state)["by"] == ""
    browsers.record(run)
    assert run.state.begun_by == MINE
    assert browsers.someone_else(run.state) == ""
    assert run_table.row(run, run.state)["by"] == "you"
    run.update(begun_by=THEIRS)
    name = browsers.pseudonym(THEIRS)
    assert browsers.someone_else(run.state) == run_table.row(run, run.state)["by"] == name
    assert name.count(" ") == 1


def test_a_thousand_pseudonyms_differ() -> None:
    names = {browsers.pseudonym(f"{number:04x}" + "0" * 12) for number in range(1 << 16)}
    assert len(names) == 1024


@pytest.mark.parametrize("mark", ["<b>", "0" * 15, 7])
def test_a_mark_that_is_none_is_told_and_shown_nowhere(mark: object) -> None:
    run = runs.create(Recipe.load("fast"))
    path = run.path / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"begun_by": mark}))
    assert run.status == "broken"


@pytest.mark.parametrize(("cookie", "given"), [("", True), ("<b>", True), (THEIRS, False)])
def test_a_browser_gets_a_mark_unless_it_has_one(cookie: str, given: bool) -> None:
    headers = [(b"cookie", f"{browsers.COOKIE}={cookie}".encode())]
    scope = {"type": "http", "method": "GET", "headers": headers, "scheme": "http"}
    scope |= {"path": "/", "query_string": b"", "server": ("localhost", 80)}
    response = Response()
    browsers.give_mark(Request(scope), response)
    cookies = response.headers.getlist("set-cookie")
    assert bool(cookies) == given
    if given:
        assert "httponly" in cookies[0].lower()
