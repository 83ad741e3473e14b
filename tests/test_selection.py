"""What a selection lets pass, and in which order; and that each view of Explore shows the same one."""

from __future__ import annotations

import base64
import json
import re
import shutil

import numpy as np
import pytest
from pages_of_runs import said, visit
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.analysis import selection, written
from digitcore.analysis.selection import BESIDES, CELL, EVERYTHING, Images, Selection
from digitcore.jobs import carry_out, features
from digitcore.jobs.job import Job
from digitcore.runs import Run
from ui import caching
from ui.image_filters import areas_in

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def small() -> Images:
    table = np.zeros((4, 10), np.float32)
    for row, column, value in [
        (0, 4, 0.9), (0, 9, 0.1), (1, 9, 0.8), (1, 4, 0.2), (2, 9, 1.0), (3, 6, 0.6), (3, 0, 0.4)
    ]:  # fmt: skip
        table[row, column] = value
    return selection.images(table, np.array([4, 4, 9, 0], np.uint8), [*"0123", "Shirt", *"56789"])


KNOWN = {
    "writers": np.array([7, 7, 8, 9]),
    "points": np.array([[0.5, 0.5], [2, 0.5], [0.1, 0.9], [-1, 0]], np.float32),
    "other": np.array([4, 4, 4, 0], np.uint8),
}


@pytest.mark.parametrize(
    ("facets", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"true": 4}, [0, 1]),
        ({"predicted": 9}, [1, 2]),
        ({"true": 4, "predicted": 9}, [1]),
        ({"only_errors": True}, [1, 3]),
        ({"confidence": (0.8, 0.95)}, [0, 1]),
        ({"confidence": (0.0, 0.6)}, [3]),
        ({"confidence": (1.0, 1.0)}, [2]),
        ({"true": 7}, []),
        ({"writer": 7}, [0, 1]),
        ({"writer": 7, "only_errors": True}, [1]),
        ({"areas": (SQUARE,)}, [0, 2]),
        ({"areas": (SQUARE, tuple((x + 1.5, y) for x, y in SQUARE))}, [0, 1, 2]),
        ({"text": "1"}, [1]),
        ({"text": "0-1, 3"}, [0, 1, 3]),
        ({"text": "2-99999"}, [2, 3]),
        ({"text": "SHIR"}, [0, 1]),
        ({"text": "shirt, 3"}, [0, 1, 3]),
        ({"text": ", ,"}, []),
        ({"beside": "only the other is right"}, [1, 3]),
        ({"beside": "only this one is right"}, [2]),
        ({"beside": "both are wrong"}, []),
        ({"beside": "they differ"}, [1, 2, 3]),
    ],
)
def test_an_image_must_pass_every_facet(facets: dict, expected: list[int]) -> None:
    of = Images(**{**vars(small()), **KNOWN})
    assert np.flatnonzero(Selection(**facets).passes(of)).tolist() == expected


def test_a_facet_that_asks_for_what_is_not_known_lets_all_pass() -> None:
    chosen = Selection(writer=7, areas=(SQUARE,), beside="both are wrong")
    assert chosen.passes(small()).all()


def test_a_view_may_leave_out_what_it_draws_itself() -> None:
    chosen = Selection(true=4, predicted=9, only_errors=True, writer=7)
    of = Images(**{**vars(small()), **KNOWN})
    assert np.flatnonzero(chosen.passes(of, but=CELL)).tolist() == [0, 1]
    assert chosen.without(CELL) == Selection(writer=7)
    assert Selection(true=4).without({"true"}) == EVERYTHING


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("in order", [0, 1, 2, 3]),
        ("most confident", [2, 0, 1, 3]),
        ("least confident", [3, 1, 0, 2]),
        ("highest loss", [1, 3, 0, 2]),
    ],
)
def test_the_order(order: selection.Order, expected: list[int]) -> None:
    assert selection.ordered(np.ones(4, bool), small(), order).tolist() == expected
    some = np.array([True, False, False, True])
    wanted = [one for one in expected if one in (0, 3)]
    assert selection.ordered(some, small(), order).tolist() == wanted


def test_an_unknown_order_and_no_image() -> None:
    with pytest.raises(ValueError, match="Received: by luck"):
        selection.ordered(np.ones(4, bool), small(), "by luck")  # type: ignore[arg-type]
    nothing = selection.images(np.empty((0, 10), np.float32), np.empty(0, np.uint8), "0123456789")
    assert EVERYTHING.passes(nothing).shape == (0,)


@pytest.fixture
def run(finished: str, fresh_pages: None) -> Run:
    return runs.load(finished)


def seen(run: Run, view: str = "Errors", **query: str) -> AppTest:
    app = visit("explore", run=run.id, explore_view=view, **query)
    assert not app.exception
    return app


def line(app: AppTest) -> str:
    """What is said to be selected."""
    (words,) = [one.value for one in app.markdown if re.search(r"\*\* · [\d,]+ images?", one.value)]
    return words


def tiles(app: AppTest) -> list[int]:
    (shown,) = [one for one in app.get("bidi_component") if "tiles" in one.proto.json]
    return [tile["index"] for tile in json.loads(shown.proto.json)["tiles"]]


def test_every_view_says_the_same_and_another_view_forgets_nothing(run: Run) -> None:
    query = {"true": "3", "errors": "false", "confidence": ["0", "90"], "images": "0-20"}
    app = seen(run, **query)  # type: ignore[arg-type]
    table = run.probabilities()["test"]
    expected = [i for i in (3, 13) if table[i].max() <= 0.9]
    assert line(app).startswith("**3 · at most 90 % sure · “0\\-20”**")
    assert sorted(tiles(app)) == expected
    told = line(app)
    for view in ("Map", "Probabilities", "Errors"):
        app.segmented_control(key="explore_view").set_value(view).run()
        assert not app.exception
        assert line(app) == told, view
        for name in query:
            assert name in app.query_params, (view, name)
    assert sorted(tiles(app)) == expected


def test_one_button_clears_all_of_it(run: Run) -> None:
    app = seen(run, true="3", images="0-20", area="0,0;1,0;1,1")
    assert app.button(key=clears(app)).disabled is False
    app.button(key=clears(app)).click().run()
    assert not app.exception
    assert line(app).startswith("**All errors**")
    assert "area" not in app.query_params
    assert app.button(key=clears(app)).disabled


def clears(app: AppTest) -> str:
    return next(one.key for one in app.button if one.label == "Clear selection")


def test_an_area_of_the_map_narrows_the_matrix_and_the_gallery(run: Run) -> None:
    around = "-1e6,-1e6;1e6,-1e6;1e6,1e6;-1e6,1e6"
    app = seen(run, area=around, errors="false")
    assert "not computed yet" in line(app)
    seen(run, "Map")
    assert carry_out.carry_out(Job(run, "features"))
    point = features.read(run).test[5, :2]  # type: ignore[union-attr]
    corners = [point + offset for offset in ((-1e-3, -1e-3), (1e-3, 0), (0, 1e-3))]
    area = ";".join(f"{x:.6f},{y:.6f}" for x, y in corners)
    app = seen(run, area=area, errors="false")
    assert line(app).startswith("**All images · in an area of the map** · 1 image")
    assert tiles(app) == [5]
    assert "**Confusion** of 1 image" in said(app)
    (matrix,) = [json.loads(one.proto.spec) for one in app.get("plotly_chart")]
    (cells,) = [one for one in matrix["data"] if one["type"] == "scatter"]
    assert sum(": 1 image" in text for text in cells["text"]) == 1
    app = seen(run, area=f"{area}/{around}", errors="false")
    assert "in 2 areas of the map** · 40 images" in line(app)
    # On the map of another network there is another image.
    other = copied(run, "other")
    app.query_params["run"] = other.id
    app.run()
    assert "area" not in app.query_params
    assert "map" not in line(app)


def copied(run: Run, name: str) -> Run:
    """A run of the same recipe that predicts every image correctly but the first five."""
    path = run.path.with_name(f"20990101-000000-{name}-abcd")
    shutil.copytree(run.path, path)
    other = Run(path)
    tables = other.probabilities()
    for split, table in tables.items():
        labels = getattr(caching.dataset(other), split).labels
        table[:] = np.eye(10, dtype=np.float32)[labels]
        table[:5] = np.roll(table[:5], 1, axis=1)
    np.savez(path / "probabilities.npz", **tables)
    return other


def test_what_another_run_reads_and_this_one_does_not_is_a_selection(run: Run) -> None:
    assert not any(box.key == "other" for box in seen(run).selectbox)
    other = copied(run, "other")
    app = seen(run)
    app.selectbox(key="other").select(other.id).run()
    assert not app.exception
    here = run.probabilities()["test"].argmax(axis=1) == np.arange(40) % 10
    there = np.arange(40) >= 5
    for beside, which in zip(
        BESIDES, (there & ~here, here & ~there, ~here & ~there, None), strict=True
    ):
        app.selectbox(key="beside").select(beside).run()
        assert not app.exception
        assert f"beside fast · abcd: {beside}**" in line(app)
        if which is not None:
            assert f"** · {which.sum()} image" in line(app), beside
    (other.path / "probabilities.npz").write_bytes(b"none")
    app.run()
    assert not app.exception
    assert "cannot be read" in said(app)


def test_a_cell_of_the_matrix_stands_out_on_the_map(run: Run) -> None:
    seen(run, "Map")
    assert carry_out.carry_out(Job(run, "features"))

    def shown(**query: str) -> str | None:
        app = seen(run, "Map", **query)
        (one,) = [one for one in app.get("bidi_component") if "colouring" in one.proto.json]
        return json.loads(one.proto.json)["selected"]  # type: ignore[no-any-return]

    table, labels = run.probabilities()["test"], np.arange(40) % 10
    true, predicted = int(labels[0]), int(table[0].argmax())
    errors = "false" if true == predicted else "true"
    mask = shown(true=str(true), predicted=str(predicted), errors=errors)
    assert mask is not None
    bits = np.unpackbits(np.frombuffer(base64.b64decode(mask), np.uint8), count=40)
    cell = (labels == true) & (table.argmax(axis=1) == predicted)
    np.testing.assert_array_equal(bits.astype(bool), cell)
    assert shown() is None, "all stand out"


def test_probabilities_are_those_of_what_is_selected_right_or_wrong(run: Run) -> None:
    table, labels = run.probabilities()["test"], np.arange(40) % 10
    some = np.arange(40) <= 20
    app = seen(run, "Probabilities", images="0-20", true="3")
    assert "Of the 21 images that the selection leaves" in said(app)
    right = (table.argmax(axis=1) == labels)[some].mean()
    says = table.max(axis=1)[some].mean()
    assert f"Says **{written.percent(says)}** on average and is right in" in said(app)
    assert f"**{written.percent(right)}**" in said(app)
    assert "that the selection leaves" not in said(seen(run, "Probabilities", true="3"))
    assert "No image is selected" in said(seen(run, "Probabilities", images="999"))


@pytest.mark.parametrize(
    "area",
    ["nan,1;2,3;4,5", "1,2", "1,2;3;4,5", "1e400,0;0,1;1,1", "/", "1,2,3;4,5,6;7,8,9", ""],
)
def test_an_area_that_is_none_selects_nothing(area: str) -> None:
    assert areas_in(area) == ()


def test_a_view_that_is_shown_again_looks_as_it_was_left(run: Run) -> None:
    seen(run, "Map")
    assert carry_out.carry_out(Job(run, "features"))
    app = seen(run, errors="false", sort="In order")

    def turn_to(view: str) -> None:
        app.segmented_control(key="explore_view").set_value(view).run()
        assert not app.exception

    app.session_state["page"] = 2
    app.run()
    assert tiles(app)[0] == 24
    turn_to("Map")
    assert tiles(app)[0] == 24
    app.segmented_control(key="map_colour").set_value("confidence").run()
    turn_to("Probabilities")
    app.slider(key="rejected").set_value(20.0).run()
    turn_to("Errors")
    assert tiles(app)[0] == 24
    turn_to("Map")
    assert app.segmented_control(key="map_colour").value == "confidence"
    turn_to("Probabilities")
    assert app.slider(key="rejected").value == 20.0


def test_a_view_that_shows_no_selection_keeps_it(run: Run) -> None:
    app = seen(run, true="3", images="0-20")
    told = line(app)
    app.segmented_control(key="explore_view").set_value("Labels").run()
    assert not app.exception
    assert "true" in app.query_params
    app.segmented_control(key="explore_view").set_value("Errors").run()
    assert line(app) == told
