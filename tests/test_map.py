"""Explore's view "Map": its figure, what is computed for it, and what its areas select."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from pages_of_runs import bars, said, visit
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.analysis import projection
from digitcore.figures.image_map import COLOURINGS, MOST_POINTS, drawn, image_map
from digitcore.figures.style import class_colours
from digitcore.jobs import carry_out, features
from digitcore.jobs.job import Job
from digitcore.runs import Run

EVERYWHERE = "-1e6,-1e6;1e6,-1e6;1e6,1e6;-1e6,1e6"
NAMES = [f"class <{n}>" for n in range(47)]


@pytest.fixture
def run(finished: str, fresh_pages: None) -> Run:
    return runs.load(finished)


def mapped(run: Run, **query: str) -> AppTest:
    app = visit("explore", run=run.id, explore_view="Map", **query)
    assert not app.exception
    return app


def computed(run: Run) -> features.Components:
    """What the job finds, carried out in this process."""
    mapped(run)
    assert carry_out.carry_out(Job(run, "features"))
    known = features.read(run)
    assert known is not None
    return known


def pressed(app: AppTest, label: str) -> None:
    app.button[[button.label for button in app.button].index(label)].click().run()
    assert not app.exception


def test_errors_are_drawn_last_and_all_of_them_where_there_is_not_room_for_all() -> None:
    wrong = np.arange(30_000) % 10 == 0
    indices = drawn(wrong)
    assert len(indices) == MOST_POINTS
    assert set(np.flatnonzero(wrong)) <= set(indices)
    assert np.diff(indices).max() <= 10
    np.testing.assert_array_equal(drawn(wrong[:500]), np.arange(500))
    np.testing.assert_array_equal(drawn(wrong, 100), np.flatnonzero(wrong))


@pytest.mark.parametrize("colouring", COLOURINGS)
def test_each_image_has_a_point_that_tells_what_it_is(colouring: str) -> None:
    random = np.random.default_rng(0)
    points, labels = random.normal(size=(200, 2)), np.arange(200) % 47
    table = np.eye(47, dtype=np.float32)[labels] * 0.9
    table[7] = np.eye(47)[3] * 0.6
    figure = image_map(points, labels, table, colouring, NAMES, np.array([0.4, 0.1]))  # type: ignore[arg-type]
    correct, wrong = figure.data
    assert len(correct.x) == 199
    assert list(wrong.customdata) == [7]
    assert wrong.text[0] == "class &lt;7&gt; → class &lt;3&gt; · 60 %"
    assert wrong.x[0] == np.float32(points[7, 0])
    value = {"class": 7, "prediction": 3, "correctness": 1, "confidence": np.float32(0.6)}[
        colouring
    ]
    assert wrong.marker.color[0] == value
    assert figure.layout.xaxis.title.text == "component 1 · 40 % of variance"
    assert len(figure.layout.annotations) == 47


def test_classes_have_colours_of_their_own_that_say_neither_correct_nor_wrong() -> None:
    for count in (2, 10, 47):
        colours = class_colours(count)
        assert len(set(colours)) == count
        hues = [int(colour[4:].split(",")[0]) for colour in colours]
        assert not any(185 < hue < 220 or 18 < hue < 40 for hue in hues)


def test_the_first_look_has_the_features_computed_and_shows_how_far_that_is(run: Run) -> None:
    app = mapped(run)
    job = Job(run, "features")
    assert job.status == "queued"
    assert bars(app) == ["Features of the network: Waiting for another job"]
    assert not app.get("plotly_chart")
    job.stop()
    app = mapped(run)
    assert job.status == "stopped", "what a person stopped is not begun by looking"
    pressed(app, "Compute the map")
    assert job.status == "queued"


def test_the_map_shows_all_errors_until_an_area_selects(run: Run) -> None:
    known = computed(run)
    app = mapped(run)
    (chart,) = app.get("plotly_chart")
    drawn_points = json.loads(chart.proto.spec)["data"]
    assert len(drawn_points) == 2
    assert "All errors" in said(app)
    table = run.probabilities()["test"]
    app = mapped(run, area=EVERYWHERE)
    labels = np.arange(40) % 10
    wrong = int((table.argmax(axis=1) != labels).sum())
    assert f"**Selected** · 40 images · {wrong} wrong, {100 * wrong / 40:.2f} %" in said(app)
    point = known.test[5, :2]
    small = ";".join(
        f"{point[0] + x:.6f},{point[1] + y:.6f}" for x, y in ((-1e-3, -1e-3), (1e-3, 0), (0, 1e-3))
    )
    corners = np.array([[float(v) for v in corner.split(",")] for corner in small.split(";")])
    count = int(projection.inside(known.test[:, :2], corners).sum())
    assert 1 <= count < 40
    assert f"**Selected** · {count} image" in said(mapped(run, area=small))
    app = mapped(run, area=f"{small}/{EVERYWHERE}")
    assert "**Selected** · 40 images" in said(app)
    (chart,) = app.get("plotly_chart")
    assert len(json.loads(chart.proto.spec)["layout"]["selections"]) == 2
    pressed(app, "Clear")
    assert "All errors" in said(app)
    assert "area" not in app.query_params


@pytest.mark.parametrize(
    "area", ["nan,1;2,3;4,5", "1,2", "1,2;3;4,5", "1e400,0;0,1;1,1", "/", "1,2,3;4,5,6;7,8,9"]
)
def test_an_area_that_is_none_selects_nothing(run: Run, area: str) -> None:
    computed(run)
    assert "All errors" in said(mapped(run, area=area))


def test_the_opened_image_stands_beside_the_training_images_that_are_nearest(run: Run) -> None:
    app = visit("explore", run=run.id)
    assert "Nearest training images" not in "".join(html.proto.body for html in app.get("html"))
    pressed(app, "Find the nearest training images")
    assert Job(run, "features").status == "queued"
    assert carry_out.carry_out(Job(run, "features"))
    app = visit("explore", run=run.id)
    shown = "".join(html.proto.body for html in app.get("html"))
    assert shown.count("Nearest training images of the true class") == 1
    assert shown.count("Nearest training images of the predicted class") == 1
    assert shown.count("training image ") == 12


def test_a_network_that_is_gone_says_so_and_a_known_map_stays(run: Run) -> None:
    (run.path / "model.tflite").rename(run.path / "away")
    app = mapped(run)
    assert not carry_out.carry_out(Job(run, "features"))
    app.run()
    assert "no network to predict with yet" in said(app)
    (run.path / "away").rename(run.path / "model.tflite")
    pressed(app, "Compute the map")
    assert carry_out.carry_out(Job(run, "features"))
    (run.path / "model.tflite").unlink()
    assert mapped(run).get("plotly_chart")
    features.path_of(run).write_bytes(b"none")
    assert "cannot be read" in said(mapped(run))


def test_a_run_that_is_deleted_while_its_map_is_open_harms_nothing(run: Run) -> None:
    computed(run)
    app = mapped(run)
    shutil.rmtree(run.path)
    app.run()
    assert not app.exception
