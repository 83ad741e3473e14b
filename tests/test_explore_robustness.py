"""Explore's view "Robustness" without a browser: the dial, the invitation, and what was measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pages_of_runs import bars, said, visit
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.analysis import written
from digitcore.analysis.corruptions import TRANSFORMS
from digitcore.analysis.mnist_c import SUITE
from digitcore.analysis.robustness import Frames, difference, summarise
from digitcore.figures.robustness import severity_curves
from digitcore.figures.style import BLUE
from digitcore.jobs import kinds, robustness
from digitcore.jobs.job import Job
from digitcore.jobs.reporter import Reporter
from digitcore.runs import Run
from digitcore.runs.predictor import Predictor
from ui import caching, corrupt_one_image
from ui.dial import _plain

pytestmark = pytest.mark.usefixtures("fresh_pages")


def seen(run: str, **query: str) -> AppTest:
    app = visit("explore", run=run, explore_view="Robustness", **query)
    assert not app.exception
    return app


def measured(run: Run) -> robustness.Robustness:
    job = Job(run, "robustness")
    job.write_result(kinds.carry_out("robustness", run, Reporter(job, lambda line: None)) or {})
    known = robustness.read(run)
    assert known
    return known


@pytest.fixture
def run(finished: str) -> Run:
    return runs.load(finished)


@pytest.fixture
def other(run: Run) -> Run:
    """The same run again, with a title of its own."""
    copy = Run(Path(shutil.copytree(run.path, run.path.with_name("20200101-000000-other-0000"))))
    copy.update(title="other")
    return copy


def dial_of(app: AppTest) -> str:
    (sentence,) = [one.value for one in app.markdown if one.value.startswith("Predicted as ")]
    return str(sentence)


@pytest.mark.parametrize("one", [*TRANSFORMS, SUITE[10]], ids=lambda one: one.name)
def test_a_sentence_says_where_the_prediction_changes(one: object, run: Run) -> None:
    image, index = caching.dataset(run).test.images[3], 3
    title = f"{one.title} (MNIST-C)" if one in SUITE else one.title
    sentence = dial_of(seen(run.id, corruption=title, image=str(index)))
    predict = Predictor(run).probabilities
    table = [predict(one(image[None], float(s), seed=index)).argmax(axis=1)[0] for s in one.dial]
    at = int(np.argmin(np.abs(one.dial)))
    assert sentence.startswith(f"Predicted as {table[at]}")
    for way in (range(at - 1, -1, -1), range(at + 1, len(table))):
        first = next((k for k in way if table[k] != table[at]), None)
        if first is not None:
            words = f"at **{one.written(one.dial[first])}** to {table[first]}"
            assert words in sentence
    assert ("at every severity" in sentence) == (len(set(table)) == 1)


def test_the_dial_is_sent_every_frame_with_its_probabilities() -> None:
    rotation = TRANSFORMS[0]
    severities = rotation.dial
    table = np.full((len(severities), 10), 0.05, np.float32)
    table[:60, 3], table[60:, 8] = 0.55, 0.55
    images = np.zeros((len(severities), 28, 28), np.uint8)
    sent = _plain(Frames(severities, images, table), rotation, 3, [str(n) for n in range(10)])
    assert (sent["none"], sent["shape"], sent["truth"]) == (45, [28, 28], 3)
    assert sent["right"] == [True] * 60 + [False] * 31
    assert sent["top"] == [3] * 60 + [8] * 31
    assert sent["verdicts"][59:61] == ["3 correct", "3 predicted as 8"]
    assert sent["written"][0] == "−90°"
    assert sent["percents"][90] == [5, 5, 5, 5, 5, 5, 5, 5, 55, 5]
    assert len(json.dumps(sent)) < 60_000


def test_of_many_classes_those_that_are_likely_and_the_true_one_are_sent() -> None:
    blur = TRANSFORMS[6]
    table = np.full((len(blur.dial), 47), 0.001, np.float32)
    table[:, 20:31] = 0.05
    table[-1, 46] = 0.9
    images = np.zeros((len(table), 28, 28), np.uint8)
    names = [f"class {n}" for n in range(47)]
    sent = _plain(Frames(blur.dial, images, table), blur, 5, names)
    assert len(sent["names"]) == 12
    assert {"class 5", "class 46"} <= set(sent["names"])
    assert sent["names"][sent["truth"]] == "class 5"
    assert sent["names"][sent["top"][-1]] == "class 46"


@pytest.mark.parametrize(
    "query",
    [
        {"corruption": "nonsense"},
        {"severity": "nonsense"},
        {"severity": "nan"},
        {"severity": "1e400"},
        {"severity": "-999"},
        {"image": "-1"},
        {"image": "99999999999999999999"},
        {"image": "٣"},
        {"robust_with": "nonsense"},
    ],
    ids=str,
)
def test_nonsense_in_the_address_is_ignored(query: dict[str, str], run: Run) -> None:
    assert dial_of(seen(run.id, **query))


def test_the_dial_offers_one_of_each_class_or_what_is_selected(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[list[int]] = []
    monkeypatch.setattr(
        corrupt_one_image,
        "gallery",
        lambda tiles, *_, **__: offered.append([one.index for one in tiles]),
    )
    split = caching.dataset(run).test
    right = run.probabilities()["test"].argmax(axis=1) == split.labels
    app = seen(run.id)
    assert "A correct image of each class" in said(app)
    assert "All errors" not in said(app)
    assert list(split.labels[offered[-1]]) == list(range(10))
    assert all(right[i] or not right[split.labels == split.labels[i]].any() for i in offered[-1])
    other = next(i for i in range(len(split)) if i not in offered[-1])
    first = offered[-1]
    seen(run.id, image=str(other))
    assert offered[-1] == [*first, other]
    app = seen(run.id, images="3-5", errors="false")
    assert sorted(offered[-1]) == [3, 4, 5]
    assert "** · 3 images · " in said(app)
    app = seen(run.id, images="999999")
    assert offered[-1] == []
    assert "No image is selected." in said(app)


def test_another_corruption_begins_where_its_own_dial_does(run: Run) -> None:
    app = seen(run.id, severity="30")
    app.selectbox(key="corruption").select("noise").run()
    assert not app.exception
    assert "severity" not in app.query_params
    assert "standard deviation in percent of white" in said(app)


def test_a_run_that_was_not_measured_can_be(run: Run) -> None:
    app = seen(run.id)
    assert not app.get("plotly_chart")
    (button,) = [one for one in app.button if one.label == "Measure on corrupted images"]
    button.click().run()
    assert not app.exception
    job = Job(run, "robustness")
    assert job.status == "queued"
    assert bars(app) == ["Starting"]
    job.update(status="failed", message="The disk is <full>.")
    assert r"The disk is \<full\>" in said(seen(run.id))


def test_what_was_measured_is_told_of_the_split_that_is_shown(run: Run) -> None:
    known = measured(run)
    for split in ("test", "validation"):
        app = seen(run.id, split=split)
        summary = summarise(getattr(known, split).outcomes)
        shown = said(app)
        assert f"**{written.accuracy(summary.suite, summary.suite_interval)}** in the mean" in shown
        assert f"**{100 * summary.lost:.2f} points**" in shown
        assert f"{summary.images} {split} images as they are" in shown
        assert len(app.get("plotly_chart")) == 9
        (table,) = [one.value for one in app.dataframe if "corruption" in one.value]
        assert list(table["corruption"]) == [one.title for one in SUITE]
        np.testing.assert_allclose(table["run-0"], 100 * np.array(summary.each))


def test_another_run_stands_beside_it_with_the_difference(run: Run, other: Run) -> None:
    known = measured(run)
    other.update(title="**other**")
    app = seen(run.id)
    (select,) = app.multiselect
    assert select.options == ["**other** · 0000"]
    select.select(select.options[0]).run()
    assert not app.exception
    assert r"\*\*other\*\* · 0000** has not been measured" in said(app)
    flipped = known.test.outcomes.copy()
    flipped[1:, :10] = ~flipped[1:, :10]
    measured(other)
    path = other.path / "robustness.json"
    values = json.loads(path.read_text())
    values["test"]["packed"] = robustness.packed(flipped)
    path.write_text(json.dumps(values))
    app.run()
    assert not app.exception
    (table,) = [one.value for one in app.dataframe if "difference" in one.value]
    value, ends = difference(known.test.outcomes, flipped)
    assert table["difference"].iloc[1] == pytest.approx(100 * value)
    told = table["difference_interval"].iloc[1].replace("−", "-")
    assert told == f"{100 * ends[0]:+.2f} to {100 * ends[1]:+.2f}"
    np.testing.assert_allclose(
        table["suite"], [100 * o[1:].mean() for o in (known.test.outcomes, flipped)]
    )
    (suite,) = [one.value for one in app.dataframe if "corruption" in one.value]
    assert {"run-0", "run-1"} <= set(suite)


def test_a_run_on_other_images_is_not_offered(run: Run, other: Run) -> None:
    metrics = json.loads((other.path / "metrics.json").read_text())
    metrics["data_checksum"] = "0" * 64
    (other.path / "metrics.json").write_text(json.dumps(metrics))
    measured(run)
    assert not seen(run.id).multiselect


def test_a_damaged_result_is_a_sentence_and_can_be_made_again(run: Run) -> None:
    (run.path / "robustness.json").write_text("{}")
    app = seen(run.id)
    assert r"robustness\.json of run" in said(app)
    assert "Measure on corrupted images" in [one.label for one in app.button]


def test_a_figure_has_a_line_for_each_run_the_first_on_top() -> None:
    curves = {"<i>this</i>": [(-1.0, 0.5), (0.0, 1.0)], "b": [(-1.0, 0.25), (0.0, 0.75)]}
    styles = {"<i>this</i>": (BLUE, "circle"), "b": ("#009E73", "square")}
    figure = severity_curves(curves, styles, TRANSFORMS[4])
    below, above = figure.data
    assert list(above.y) == [50, 100]
    assert (above.line.color, below.line.color) == (BLUE, "#009E73")
    assert above.line.width > below.line.width
    assert list(below.text) == ["−1 px", "0 px"]
    assert "<i>" not in above.hovertemplate
    assert tuple(figure.layout.yaxis.range) == (0, 100)
