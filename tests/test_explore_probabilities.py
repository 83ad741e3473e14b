"""Explore's view "Probabilities" without a browser: its sentences say what the analysis says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pages_of_runs import said, visit
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.analysis import calibration, rejection, written
from digitcore.runs import Run
from ui import caching

pytestmark = pytest.mark.usefixtures("fresh_pages")
VIEW = {"explore_view": "Probabilities"}


def seen(run: str, **query: str) -> AppTest:
    app = visit("explore", run=run, **VIEW, **query)
    assert not app.exception
    return app


def answers(run: Run, split: str = "test") -> tuple[np.ndarray, np.ndarray]:
    labels = getattr(caching.dataset(run), split).labels
    return calibration.answers(run.probabilities()[split], labels)


def altered(run: Run, sure: float) -> None:
    """Every row says one class with that confidence, and three in four the true one."""
    tables = run.probabilities()
    for split, table in tables.items():
        labels = getattr(caching.dataset(run), split).labels
        table[:] = (1 - sure) / 9
        table[np.arange(len(labels)), labels] = sure
        table[::4] = np.roll(table[::4], 1, axis=1)
    np.savez(run.path / "probabilities.npz", **tables)


def test_the_sentence_compares_what_is_said_with_what_is_right(finished: str) -> None:
    run = runs.load(finished)
    confidence, correct = answers(run)
    shown = said(seen(finished))
    error = calibration.reliability(confidence, correct).error
    interval = calibration.error_interval(confidence, correct)
    assert f"Says **{written.percent(confidence.mean())}** on average" in shown
    assert f"right in **{written.percent(correct.mean())}**" in shown
    assert f"ECE **{written.accuracy(error, interval)}**" in shown


@pytest.mark.parametrize(
    ("sure", "verdict"),
    [(0.95, "surer than it may be"), (0.76, "as sure as it may be"), (0.3, "less sure than")],
)
def test_too_sure_and_not_sure_enough_are_told_apart(
    finished: str, sure: float, verdict: str
) -> None:
    run = runs.load(finished)
    altered(run, sure)
    shown = said(seen(finished))
    assert f"right in **75.00 %** (59.81–85.81): {verdict}" in shown
    # On validation, the temperature makes each as sure as it is right there.
    right = answers(run, "validation")[1].mean()
    odds, wanted = (9 * one / (1 - one) for one in (sure, right))
    assert f"temperature of **{np.log(odds) / np.log(wanted):.2f}**" in shown
    more = "more" if sure < right else "less"
    assert f"makes it {more} sure: says {written.percent(right)}" in shown


def test_where_the_temperature_was_fitted_is_said_on_validation_alone(finished: str) -> None:
    told = "the images it was fitted on"
    assert told in said(seen(finished, split="validation"))
    assert told not in said(seen(finished, split="test"))


def test_a_perfect_network_and_one_that_guesses_have_their_view(finished: str) -> None:
    run = runs.load(finished)
    tables = run.probabilities()
    for split, table in tables.items():
        table[:] = np.eye(10, dtype=np.float32)[getattr(caching.dataset(run), split).labels]
    np.savez(run.path / "probabilities.npz", **tables)
    shown = said(seen(finished))
    assert "No temperature can be fitted" in shown
    assert "stays from 0.00 %" not in shown
    assert "nothing to tell apart" in shown
    for table in tables.values():
        table[:] = 0.1
    np.savez(run.path / "probabilities.npz", **tables)
    shown = said(seen(finished, rejected="25"))
    assert "10 images: the error stays at **90.00 %**" in shown
    assert "AUROC 0.500" in shown


def test_a_table_that_was_replaced_is_read_again(finished: str) -> None:
    before = said(seen(finished))
    altered(runs.load(finished), 0.76)
    after = said(seen(finished))
    assert "Says **76.00 %**" in after
    assert "Says **76.00 %**" not in before


def test_the_slider_is_in_the_address_and_the_sentence_follows_it(finished: str) -> None:
    curve = rejection.risk_coverage(*answers(runs.load(finished)))
    app = seen(finished, rejected="20")
    for percent in (20.0, 50.0):
        chosen, slider = curve.rejecting(percent / 100), app.slider(key="rejected")
        assert slider.value == percent
        sentence = next(one.value for one in app.markdown if "Rejecting" in one.value)
        assert f"least sure **{percent} %**, {chosen.images} images" in sentence
        assert f"{written.percent(curve.risk[-1])}" in sentence
        assert f"**{written.percent(chosen.error)}**" in sentence
        assert f"it catches {chosen.caught:.0f}." in sentence
        slider.set_value(50.0).run()
        assert not app.exception


@pytest.mark.parametrize("value", ["nonsense", "99", "-1", "", "nan", "1e400"])
def test_nonsense_for_the_slider_is_ignored(finished: str, value: str) -> None:
    assert 0 <= seen(finished, rejected=value).slider(key="rejected").value <= 50


def test_the_least_sure_are_shown_among_the_errors(finished: str) -> None:
    run = runs.load(finished)
    altered(run, 0.6)
    tables = run.probabilities()
    tables["test"] = calibration.at_temperature(tables["test"], 3)
    tables["test"][:9] = calibration.at_temperature(tables["test"][:9], 2)
    np.savez(run.path / "probabilities.npz", **tables)
    app = seen(finished, rejected="50")
    (button,) = [one for one in app.button if one.label.startswith("Show the")]
    told = re.fullmatch(r"Show the (\d+) images? at most (\d+) % sure", button.label)
    assert told
    count, most = map(int, told.groups())
    assert count == (answers(run)[0] <= most / 100).sum() > 0
    button.click().run()
    assert not app.exception
    assert f"**All images · at most {most} % sure** · {count} image" in said(app)
    assert app.slider(key="confidence").value == (0, most)


def test_synthetic_drawings_are_measured_when_they_are_opened(finished: str) -> None:
    app = seen(finished)
    assert len(app.get("plotly_chart")) == 3
    app.session_state["explore_drawings"] = True
    app.run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 5
    assert "no person wrote them" in said(app)
    assert said(app).count("on average and is right in") == 2
