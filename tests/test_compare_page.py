"""What the page Runs says of selected runs beside each other."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages_of_runs import said, visit
from runs_that_err import run_that_errs
from streamlit.testing.v1 import AppTest

from digitcore.analysis.verdicts import against_first
from digitcore.runs import Run
from ui import caching, compare, compare_details

Like = Callable[..., Run]
pytestmark = pytest.mark.usefixtures("fresh_pages")


@pytest.fixture
def like(finished: str, small_data: Path) -> Like:
    return functools.partial(run_that_errs, finished, small_data)


def selected(*chosen: Run, **query: str) -> AppTest:
    app = visit("runs", selected=",".join(run.id for run in chosen), **query)
    assert not app.exception
    return app


def opened(app: AppTest) -> AppTest:
    app.session_state["compare_details"] = True
    app.run()
    assert not app.exception
    return app


def table(app: AppTest, column: str) -> pd.DataFrame:
    (one,) = (one.value for one in app.dataframe if column in one.value.columns)
    return one


def curves(app: AppTest) -> list[dict]:
    return list(json.loads(app.get("plotly_chart")[0].proto.spec)["data"])


def test_two_runs_are_told_apart_in_a_sentence_on_validation_first(like: Like) -> None:
    app = selected(like("aaaa", 12), like("bbbb", 2, epochs=3))
    expected = "50.00 points (30.00 to 70.00) more accurate than"
    assert expected in said(app).replace("\\", "")
    assert "on 20 validation images (McNemar p = 0.002)" in said(app).replace("\\", "")
    assert "Test is for reporting" not in said(app)
    choice = next(one for one in app.get("segmented_control") if one.options[0] == "validation")
    choice.set_value("test").run()
    assert "on 40 test images" in said(app)
    assert "Test is for reporting" in said(app)
    assert len(curves(app)) == 2


def test_without_an_image_that_validated_both_they_are_compared_on_test(like: Like) -> None:
    app = selected(like("aaaa", 12), like("bbbb", 2, training_images=150))
    assert "on 40 test images" in said(app)
    assert "No image validated all of them" in said(app)


def test_runs_that_differ_only_in_their_seed_are_one_line_and_one_row(like: Like) -> None:
    seeds = [like(f"a{seed}aa", 4 + seed, seed=seed) for seed in range(3)]
    app = selected(*seeds)
    assert "(3 seeds): 75.00 ± 5.00 % (n = 3) on 20 validation" in said(app).replace("\\", "")
    other = like("bbbb", 18, epochs=3)
    app = selected(*seeds, other)
    rows = table(app, "deviation").set_index("seeds")
    assert rows.loc[3, "accuracy"] == pytest.approx(75)
    assert rows.loc[3, "deviation"] == pytest.approx(5)
    band, line = (one for one in curves(app) if "bbbb" not in (one.get("name") or ""))
    assert (band["fill"], "(3 seeds)" in line["name"]) == ("toself", True)


def test_of_several_each_is_held_against_the_one_that_is_chosen(like: Like) -> None:
    chosen = [
        like(end, wrong, epochs=wrong + 3)
        for end, wrong in (("aaaa", 0), ("bbbb", 1), ("cccc", 18))
    ]
    app = selected(*chosen)
    box = app.selectbox(key="against")
    last = box.options[-1]
    assert box.value != last
    box.select(last).run()
    assert not app.exception
    assert f"Of 2 compared with {last}: " in said(app).replace("\\", "")
    rows = table(app, "verdict")
    assert rows["name"][0] == last
    assert rows["verdict"][0] == ""
    assert sorted(rows["verdict"][1:]) == [
        "cannot be told apart, 160 images would",
        "less accurate",
    ]


def test_what_differs_is_one_click_away(like: Like) -> None:
    app = selected(like("aaaa", 3, epochs=4), like("bbbb", 1, epochs=4, rotation=5))
    assert all("" not in one.value.columns for one in app.dataframe)
    app = opened(app)
    settings = table(app, "").set_index("")
    assert list(settings.index) == ["rotation"]
    assert sorted(settings.loc["rotation"]) == ["0", "5"]
    classes = table(app, "class")
    assert len(classes) == 10
    assert classes["difference"].abs().iloc[:2].tolist() == [50.0, 50.0]
    sides = next(one for one in app.get("segmented_control") if "only" in one.options[0])
    assert sorted(option[-4:] for option in sides.options) == [" (0)", " (2)"]
    for value, option in zip(("other", "first"), sides.options, strict=True):
        sides.set_value(value).run()
        bars = [one for one in app.get("html") if 'class="bars"' in one.proto.body]
        some = option.endswith("(2)")
        assert (len(bars), "No image." in said(app)) == (2 * some, not some)
        sides = next(one for one in app.get("segmented_control") if "only" in one.options[0])


def test_images_and_answers_are_those_of_the_split_and_of_the_seed_that_fits(like: Like) -> None:
    once, twice, other = like("aaaa", 1), like("bbbb", 2, seed=7), like("cccc", 0, epochs=3)
    states = {run.id: run.state for run in (once, twice, other)}
    groups = [[once, twice], [other]]
    for name, split in (("validation", caching.dataset(once).validation), ("test", None)):
        compared = compare._compared(groups, states, name)
        if split:
            assert (compared.split.images == split.images).all()
        group = compared.members[0]
        labels = compared.split.labels[:2]
        right = compare_details.probabilities(group, compared, np.array([1]), right=True)
        assert right.argmax(axis=1) == labels[1], "only the first seed knows it"
        wrong = compare_details.probabilities(group, compared, np.array([0, 1]), right=False)
        assert (wrong.argmax(axis=1) == (labels + 1) % 10).all()


def test_runs_that_cannot_be_compared_say_why_and_keep_their_curves(like: Like) -> None:
    other = like("bbbb", 2)
    values = json.loads((other.path / "metrics.json").read_text())
    (other.path / "metrics.json").write_text(json.dumps(values | {"data_checksum": "b" * 64}))
    app = selected(like("aaaa", 12), other)
    assert "Not compared" in said(app)
    assert "measured on the same images" in said(app)
    assert len(curves(app)) == 2
    (other.path / "probabilities.npz").unlink()
    app = selected(like("cccc", 12), other)
    assert "Not compared" not in said(app)
    assert len(curves(app)) == 2


def test_a_comparison_is_computed_once_and_anew_when_a_file_is_another(
    like: Like, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counted(*arguments: object) -> object:
        calls.append(1)
        return against_first(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(caching, "against_first", counted)
    first, other = like("aaaa", 12), like("bbbb", 2, epochs=3)
    app = selected(first, other)
    app.run()
    assert len(calls) == 1
    file = other.path / "probabilities.npz"
    file.write_bytes((first.path / "probabilities.npz").read_bytes())
    os.utime(file, (1, 1))
    app.run()
    assert len(calls) == 2
    assert "predict the same of 20 validation images correctly" in said(app)
