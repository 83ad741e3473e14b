"""Explore's view "Map": what is computed for it, and what the server tells the browser."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from pages_of_runs import bars, said, visit
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.figures.style import class_colours
from digitcore.jobs import carry_out, features, queue
from digitcore.jobs.job import Job
from digitcore.runs import Run
from ui import caching, map_answers


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


def maps(app: AppTest) -> list[Any]:
    return [one for one in app.get("bidi_component") if "colouring" in one.proto.json]


def pressed(app: AppTest, label: str) -> None:
    app.button[[button.label for button in app.button].index(label)].click().run()
    assert not app.exception


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
    assert bars(app) == ["Features of the network: Starting"]
    assert not maps(app)
    pressed(app, "Stop")
    app = mapped(run)
    assert job.status == "stopped", "what a person stopped is not begun by looking"
    pressed(app, "Compute the map")
    assert job.status == "queued"


def test_a_map_waits_for_another_job_only_where_there_is_one(run: Run) -> None:
    queue.submit_job(run, "evaluate")
    assert bars(mapped(run))[0] == "Features of the network: Waiting for another job"
    Job(run, "evaluate").stop()
    assert bars(mapped(run))[0] == "Features of the network: Starting"
    queue.submit_job(run, "evaluate")
    with Job(run, "evaluate").claim():
        assert bars(mapped(run))[0] == "Features of the network: Waiting for another job"


def get(query: dict[str, str], answer: Callable[[Request], Response]) -> Response:
    request = Request(
        {"type": "http", "query_string": urlencode(query).encode(), "headers": [], "method": "GET"}
    )
    return answer(request)


def test_the_browser_is_told_where_each_image_is_and_what_was_read(run: Run) -> None:
    query = {"run": run.id, "split": "test"}
    assert get(query, map_answers.points).status_code == 404
    known = computed(run)
    content = bytes(get(query, map_answers.points).body)
    points = np.frombuffer(content[: 40 * 8], "<f4").reshape(40, 2)
    np.testing.assert_array_equal(points, known.test[:, :2])
    true, predicted, sure = np.frombuffer(content[40 * 8 :], np.uint8).reshape(3, 40)
    table = run.probabilities()["test"]
    np.testing.assert_array_equal(true, np.arange(40) % 10)
    np.testing.assert_array_equal(predicted, table.argmax(axis=1))
    np.testing.assert_allclose(sure / 255, table.max(axis=1), atol=0.002)


def test_the_browser_gets_the_images_that_it_asks_for_as_one_picture(run: Run) -> None:
    images = caching.dataset(run).test.images
    query = {"run": run.id, "split": "test", "images": ",".join(map(str, range(30)))}
    picture = np.asarray(Image.open(io.BytesIO(get(query, map_answers.images).body)))
    height, width = images.shape[1:]
    assert picture.shape == (2 * height, map_answers.COLUMNS * width)
    np.testing.assert_array_equal(picture[height:, width : 2 * width], images[21])
    (one,) = [
        np.asarray(Image.open(io.BytesIO(get({**query, "images": "7"}, map_answers.images).body)))
    ]
    np.testing.assert_array_equal(one, images[7])


@pytest.mark.parametrize("answer", [map_answers.points, map_answers.images])
@pytest.mark.parametrize(
    "nonsense",
    [
        {"run": "../.."},
        {"run": "nobody"},
        {"split": "train"},
        {"split": "__class__"},
    ],
)
def test_nonsense_that_a_browser_asks_for_is_not_there(
    run: Run, answer: Callable[[Request], Response], nonsense: dict[str, str]
) -> None:
    query = {"run": run.id, "split": "test", "images": "1"} | nonsense
    assert get(query, answer).status_code == 404


@pytest.mark.parametrize("images", ["", "40", "x", "-1", "1,,2", "9" * 500])
def test_images_that_are_none_are_not_there(run: Run, images: str) -> None:
    query = {"run": run.id, "split": "test", "images": images}
    assert get(query, map_answers.images).status_code == 404


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
    assert maps(mapped(run))
    features.path_of(run).write_bytes(b"none")
    assert "cannot be read" in said(mapped(run))


def test_a_run_that_is_deleted_while_its_map_is_open_harms_nothing(run: Run) -> None:
    computed(run)
    app = mapped(run)
    shutil.rmtree(run.path)
    app.run()
    assert not app.exception
