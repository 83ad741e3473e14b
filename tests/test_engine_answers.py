"""What the server gives to the engine in a page, and what it tells the page of a drawing."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from pages_of_runs import live_answer, visit
from starlette.requests import Request
from test_draw_number import sketch

from digitcore import runs
from digitcore.drawing import canvas
from digitcore.runs import Run, folded, keras_file
from digitcore.runs.predictor import Predictor
from ui import caching, engine_answers
from ui.sketches import sheet_of

STROKE = [(60, 60), (240, 60), (150, 60), (150, 260)]


@pytest.fixture
def run(finished: str, fresh_pages: None) -> Run:
    return runs.load(finished)


def request(query: str = "", name: str = "") -> Request:
    scope = {"type": "http", "query_string": query.encode(), "path_params": {"name": name}}
    return Request({**scope, "headers": []})


def test_a_page_gets_the_network_of_a_run(run: Run) -> None:
    answer = engine_answers.network(request(f"run={run.id}"))
    assert answer.status_code == 200
    layers = folded.folded(run.recipe, keras_file.weights(run))
    assert answer.body == folded.packed(layers, run.recipe.input_shape)
    (run.path / "model.keras").write_bytes(b"damaged")
    assert engine_answers.network(request(f"run={run.id}")).status_code == 404


@pytest.mark.parametrize("query", ["", "run=none", "run=../reader", "run=%00", "run=" + "a" * 9999])
def test_no_other_file_is_given(query: str, run: Run) -> None:
    assert engine_answers.network(request(query)).status_code == 404


def test_a_network_too_large_for_a_page_stays_on_the_server(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live_answer(visit("draw", run=run.id))["network"].startswith("./engine/network?run=")
    monkeypatch.setattr(caching, "_MOST_IN_A_PAGE", run.recipe.parameters - 1)
    assert live_answer(visit("draw", run=run.id))["network"] is None
    assert engine_answers.network(request(f"run={run.id}")).status_code == 404


def test_only_the_engines_scripts_are_given() -> None:
    names = {path.name for path in (Path(engine_answers.__file__).parent / "engine").iterdir()}
    assert set(engine_answers.SCRIPTS) == names
    for name in names:
        answer = engine_answers.script(request(name=name))
        assert (answer.status_code, answer.media_type) == (200, "text/javascript")
    for name in ("", "..", "../server.py", "worker.js/..", "none.js"):
        assert engine_answers.script(request(name=name)).status_code == 404


def test_the_page_is_told_strokes_image_and_probabilities(run: Run) -> None:
    drawn = sketch(STROKE)
    sheet_of("live-canvas").update(drawn)
    told = live_answer(visit("draw", run=run.id, sketch="live"))
    (stroke,) = canvas.strokes(drawn)
    np.testing.assert_array_equal(told["strokes"], [stroke])
    image = np.frombuffer(b64decode(told["image"]), np.uint8).reshape(28, 28)
    expected = Predictor(run).probabilities(image[None])[0]
    np.testing.assert_allclose(told["probabilities"], expected, atol=1e-6)
    assert json.dumps(told["threshold"]) != "Infinity"
