"""Measuring a run again and examining it, on the page and in this process."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import streamlit as st
from made_up import write_metrics
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.__main__ import main
from digitcore.commands import measuring_runs
from digitcore.jobs import kinds, queue
from digitcore.jobs.evaluate import Evaluation
from digitcore.jobs.exam import Exam
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter
from digitcore.runs import Run

READER = Path(__file__).parents[1] / "models" / "reader"
EXAM = Exam(
    time=1.7e9,
    dataset="qmnist",
    source="a folder",
    network_checksum="0" * 64,
    images=50_000,
    correct=49_500,
    accuracy=0.99,
    interval=(0.989, 0.991),
    loss=0.03,
    test_accuracy=0.995,
    test_interval=(0.993, 0.996),
    difference=-0.005,
)
EVALUATION = Evaluation(1.7e9, "a", "b", 0.9, (0.8, 0.95), 0.3, 400, 0.8, (0.7, 0.9), 0.4, 70)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "start_worker", lambda *short: None)
    st.cache_resource.clear()


@pytest.fixture
def reader() -> Run:
    run = Run(Path(shutil.copytree(READER, runs.models_dir() / "reader")))
    write_metrics(run.path)
    return run


def page() -> None:
    from digitcore import runs
    from ui.short_jobs import short_jobs

    short_jobs(runs.load("reader"))


def visit() -> AppTest:
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    return app


def text_of(app: AppTest) -> str:
    return "\n".join(str(one.value) for kind in (app.markdown, app.caption) for one in kind)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception


def bars(app: AppTest) -> list[str]:
    return [bar.proto.text for bar in app.get("progress")]


@pytest.mark.parametrize(
    ("label", "kind"), [("Measure again", "evaluate"), ("Examine once", "exam")]
)
def test_a_button_queues_a_job_that_is_shown_and_can_be_stopped(
    label: str, kind: str, reader: Run
) -> None:
    app = visit()
    assert labels(app) == ["Measure again", "Examine once"]
    press(app, label)
    job = Job(reader, kind)
    assert job.status == "queued"
    assert bars(app) == ["Starting"]
    with job.claim():
        with open(job.path / "events.jsonl", "ab", buffering=0) as file:
            Reporter(job, file.write).progress(200, 400)
        app.run()
        assert bars(app) == ["200 of 400 images"]
        press(app, "Stop")
        assert job.status == "stopping"
        job.update(status="stopped")
    app.run()
    assert not app.exception
    assert labels(app) == ["Measure again", "Examine once"]


def test_a_job_that_failed_says_why_and_can_be_started_again(reader: Run) -> None:
    job = queue.submit_job(reader, "evaluate")
    job.update(status="failed", message="The disk is <full>.")
    app = visit()
    assert r"The disk is \<full\>" in text_of(app)
    press(app, "Measure again")
    assert job.status == "queued"


def test_what_was_found_is_shown_and_an_exam_is_offered_once(reader: Run) -> None:
    (reader.path / "evaluate.json").write_text(json.dumps(asdict(EVALUATION)))
    (reader.path / "exam.json").write_text(json.dumps(asdict(EXAM)))
    app = visit()
    assert "90.00 % (80.00–95.00) test, 80.00 % (70.00–90.00) validation" in text_of(app)
    assert "**99.00 % (98.90–99.10)** on 50,000 images" in text_of(app)
    assert "99.50 % (99.30–99.60) test · difference -0.50 points" in text_of(app)
    assert labels(app) == ["Measure again"]


@pytest.mark.parametrize("since", [False, True])
def test_what_was_found_of_an_earlier_network_says_so(
    since: bool, reader: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = reader.metrics
    assert metrics
    checksum = "0" * 64 if since else metrics.network_checksum
    for name, found in (("evaluate", EVALUATION), ("exam", EXAM)):
        record = asdict(found) | {"network_checksum": checksum}
        (reader.path / f"{name}.json").write_text(json.dumps(record))
    words = text_of(visit())
    assert ("Measure it again" in words, "no second exam" in words) == (since, since)
    assert main(["exam", "reader"]) == 0
    assert ("no second exam" in capsys.readouterr().out) == since
    assert main(["exam", "reader", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["of_earlier_network"] == since


def test_a_row_of_a_run_that_was_deleted_says_so(reader: Run) -> None:
    def row() -> None:
        from digitcore import runs
        from ui import short_jobs

        run = runs.Run(runs.models_dir() / "reader")
        short_jobs._row(run, "evaluate", short_jobs.ROWS["evaluate"], False)

    queue.submit_job(reader, "evaluate").update(status="finished")
    reader.delete()
    app = AppTest.from_function(row, default_timeout=30).run()
    assert not app.exception
    assert "The run reader was deleted" in text_of(app)
    assert labels(app) == []


@pytest.mark.parametrize(
    "odd", [b"{}", b"[", b"7", b"\xff", json.dumps(asdict(EXAM) | {"time": 1e300}).encode()]
)
def test_a_damaged_result_is_a_sentence_on_the_page(odd: bytes, reader: Run) -> None:
    for name in ("evaluate.json", "exam.json"):
        (reader.path / name).write_bytes(odd)
    words = text_of(visit())
    assert r"evaluate\.json of run reader cannot be used" in words
    assert r"exam\.json of run reader cannot be used" in words


def test_a_failed_exam_is_no_failed_run(
    reader: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measuring_runs, "short_job", lambda run, kind: ("failed", "No data."))
    assert main(["exam", "reader"]) == 1
    assert capsys.readouterr() == ("exam of reader: failed\n", "Error: No data.\n")


def test_a_run_without_an_exam_is_refused_in_a_sentence(reader: Run) -> None:
    recipe = reader.recipe.changed(
        dataset="fashion-mnist", synthetic_digits=0, synthetic_outliers=0, distillation=0.0
    )
    (reader.path / "recipe.toml").write_text(recipe.to_toml())
    assert labels(visit()) == ["Measure again"]
    job = Job(reader, "exam")
    with pytest.raises(runs.RunError, match=r"Only a run .*MNIST.*Received: fashion-mnist"):
        kinds.carry_out("exam", reader, Reporter(job, lambda line: None))


def test_explore_has_them_in_a_box_that_is_open_while_a_job_waits_and_stays_so(
    finished: str,
) -> None:
    def explore() -> AppTest:
        app = AppTest.from_file(str(READER.parents[1] / "streamlit_app.py"), default_timeout=60)
        app.query_params["run"] = finished
        app.run()
        app.switch_page("pages/explore.py").run()
        assert not app.exception
        return app

    assert "Measure again" not in labels(explore()), "a closed box costs a page switch nothing"
    job = queue.submit_job(runs.load(finished), "evaluate")
    app = explore()
    assert bars(app) == ["Starting"]
    job.update(status="stopped")
    app.run()
    assert "Measure again" in labels(app)
