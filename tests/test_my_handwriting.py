"""My handwriting without a browser: drawings are kept, removed, imported, and predicted."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from test_samples import written

from digitcore import runs
from digitcore.drawing.samples import HandwritingSamples
from digitcore.jobs import queue, request
from digitcore.runs import Run
from ui import kept_samples

ROOT = Path(__file__).parents[1]
NAME = "somebody"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def reader() -> Run:
    """The run that comes with the project."""
    return Run(shutil.copytree(ROOT / "models" / "reader", runs.models_dir() / "reader"))


def page() -> None:
    import streamlit as st

    from digitcore import runs
    from digitcore.drawing import AS_MNIST
    from ui.my_handwriting import my_handwriting

    st.fragment(my_handwriting)(runs.load("reader"), AS_MNIST)


def visit() -> AppTest:
    app = AppTest.from_function(page, default_timeout=30)
    app.query_params["sketch"] = NAME
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception


def said(app: AppTest) -> str:
    html = [element.proto.body for element in app.get("html")]
    kinds = (app.markdown, app.caption, app.error)
    return "\n".join(html + [str(element.value) for kind in kinds for element in kind])


def files() -> list[Path]:
    return sorted((runs.models_dir() / ".hands").glob("*"))


def stored(samples: HandwritingSamples) -> Path:
    """Keeps these drawings as those of the one who visits."""
    place = runs.models_dir() / ".hands"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{hashlib.sha256(NAME.encode()).hexdigest()[:20]}.json"
    samples.save(path)
    return path


@pytest.mark.usefixtures("reader")
def test_at_first_it_says_what_to_draw_and_there_is_nothing_to_fine_tune_on() -> None:
    app = visit()
    assert "Write a <b>0</b>" in said(app)
    assert "No drawings yet" in said(app)
    disabled = {button.label for button in app.button if button.disabled}
    assert disabled >= {"Keep as 0", "Fine-tune on my handwriting"}
    assert files() == []
    assert "30 drawings of 30 missing" in said(app)
    assert "0 drawings beside" not in said(app)


@pytest.mark.usefixtures("reader")
def test_kept_drawings_are_predicted_and_the_rarest_digit_is_asked_for() -> None:
    stored(written(0, 1, 2, 4, 5))
    app = visit()
    assert "Write a <b>3</b>" in said(app)
    assert "of 5 drawings correct by reader · 25 to go" in said(app)
    assert (
        "25 drawings of 30 missing. A new run: reader, fine-tuned on 5 drawings beside MNIST. Held out: 0"
        in said(app)
    )


@pytest.mark.usefixtures("reader")
def test_remove_takes_the_drawing_that_was_shown_and_no_other() -> None:
    path = stored(written(0, 1, 2))
    app = visit()  # shows the 2
    HandwritingSamples.load(path).without(0).added(3, written(3).examples[0].strokes).save(path)
    press(app, "Remove")
    assert HandwritingSamples.load(path).counts[:4] == [0, 1, 0, 1]


@pytest.mark.usefixtures("reader")
def test_one_drawing_is_removed_and_then_all() -> None:
    path = stored(written(0, 1, 2))
    app = visit()
    press(app, "Remove")  # the newest one is opened
    assert HandwritingSamples.load(path).counts[:3] == [1, 1, 0]
    press(app, "Delete")
    assert files() == []
    assert "No drawings yet" in said(app)


@pytest.mark.usefixtures("reader")
def test_an_imported_file_is_added_and_a_bad_one_changes_nothing() -> None:
    path = stored(written(0, 1))
    app = visit()
    more = written(7, 7, 7).to_json().encode()
    app.file_uploader[0].set_value(("samples.json", more, "application/json")).run()
    assert not app.exception
    assert HandwritingSamples.load(path).counts == [1, 1, 0, 0, 0, 0, 0, 3, 0, 0]
    assert HandwritingSamples.load(path).held_out.counts[7] == 1
    app.file_uploader[0].set_value(("samples.json", b"{}", "application/json")).run()
    assert not app.exception
    assert "not a file of drawings" in app.toast[0].value
    assert len(HandwritingSamples.load(path)) == 5


@pytest.mark.usefixtures("reader")
def test_a_damaged_file_is_told_and_can_be_deleted() -> None:
    stored(written(0)).write_text("{ not this }")
    app = visit()
    assert "cannot be read" in said(app)
    press(app, "Delete them")
    assert "No drawings yet" in said(app)


def test_fine_tune_queues_a_run_that_starts_from_the_network_and_has_the_drawings(
    reader: Run,
) -> None:
    stored(written(*range(10)))
    app = visit()
    press(app, "Fine-tune on my handwriting")
    child = next(run for run in runs.list_runs() if run != reader)
    assert child.state.parent == "reader"
    assert child.status == "queued"
    assert HandwritingSamples.load(child.path / request.EXTRA_SAMPLES).counts == [1] * 10
    assert (child.path / request.INITIAL_WEIGHTS).read_bytes() == (
        reader.path / "model.keras"
    ).read_bytes()
    # One at a time.
    assert next(b for b in app.button if b.label == "Fine-tune on my handwriting").disabled


def test_a_fine_tuning_that_failed_is_told_and_can_be_started_again(reader: Run) -> None:
    stored(written(*range(10)))
    app = visit()
    press(app, "Fine-tune on my handwriting")
    child = next(run for run in runs.list_runs() if run != reader)
    assert next(b for b in app.button if b.label == "Fine-tune on my handwriting").disabled
    child.update(status="failed", message="The disk is full.")
    app.run()
    assert not app.exception
    assert not next(b for b in app.button if b.label == "Fine-tune on my handwriting").disabled
    assert "The disk is full" in "".join(bar.proto.text for bar in app.get("progress"))
    assert "in Runs" not in said(app), "it learned nothing"


def test_a_fine_tuned_run_shows_before_and_after(reader: Run) -> None:
    assert "before" not in said(visit())
    told = {
        "samples": 20,
        "held_out": 10,
        "correct_before": 8,
        "correct_after": 9,
        "test_accuracy_before": 0.9951,
    }
    metrics = json.loads((reader.path / "metrics.json").read_text())
    metrics |= {"test_accuracy": 0.9947, "fine_tuning": told}
    (reader.path / "metrics.json").write_text(json.dumps(metrics))
    words = said(visit())
    assert "| 20 drawings trained on | before | after |" in words
    assert "| 10 held-out drawings | 8 correct | 9 correct |" in words
    assert "| MNIST test | 99.51 % (99.35–99.63) | 99.47 % (" in words


def test_a_drawing_that_is_kept_twice_is_only_given_its_new_digit() -> None:
    random = np.random.default_rng(0)
    strokes = [random.uniform(0, 300, (5, 2)), random.uniform(0, 300, (3, 2))]
    once = kept_samples.keep(HandwritingSamples(), 4, strokes)
    again = kept_samples.keep(once, 9, strokes)
    assert again.counts == [0] * 9 + [1]
    other = kept_samples.keep(again, 4, strokes[:1])
    assert other.counts == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    # Whatever was kept since, and however full the samples is.
    assert kept_samples.keep(other, 9, strokes).counts == other.counts
    assert kept_samples.keep(other, 2, strokes).counts == [0, 0, 1, 0, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "a\x00b", "é" * 20])
def test_a_name_in_the_address_leads_nowhere_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_samples, "sketch_name", lambda: name)
    kept_samples.change(lambda samples: written(3))
    (path,) = files()
    assert path.stem.isalnum()
    assert kept_samples.my_samples().counts[3] == 1
    assert sorted(p.name for p in runs.models_dir().iterdir()) == [".hands", ".locks"]
    assert runs.list_runs() == []
