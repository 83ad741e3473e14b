"""All that Explore tells of one image."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from pages_of_runs import said, visit
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.jobs import carry_out
from digitcore.jobs.job import Job
from digitcore.runs import Run
from ui import caching, dossier

LABELS = np.arange(40) % 10


@pytest.fixture
def run(finished: str, fresh_pages: None) -> Run:
    return runs.load(finished)


def opened(run: Run, image: int, **query: str) -> AppTest:
    app = visit("explore", run=run.id, errors="false", sort="In order", image=str(image), **query)
    assert not app.exception
    return app


def pieces(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def test_every_other_run_that_saw_the_image_stands_beside_this_one(run: Run) -> None:
    assert "Other runs" not in said(opened(run, 7))
    for end, top in (("aaaa", 7), ("bbbb", 3)):
        path = run.path.with_name(f"20990101-000000-other-{end}")
        shutil.copytree(run.path, path)
        tables = Run(path).probabilities()
        tables["test"][7] = np.full(10, 0.02, np.float32)
        tables["test"][7, top] = 0.82
        np.savez(path / "probabilities.npz", **tables)
    app = opened(run, 7)
    assert "**Other runs** · 1 of 2 predict it correctly" in said(app)
    (table,) = re.findall(r"<tbody>.*</tbody>", pieces(app))
    rows = re.findall(r"<tr>.*?</tr>", table)
    assert [re.findall(r'<th scope="row">(.*?)</th>', row)[0] for row in rows] == [
        "this run",
        "fast · bbbb",
        "fast · aaaa",
    ]
    assert re.findall(r'<td class="(right|wrong)"[^>]*>(.*?)<', rows[1]) == [("wrong", "82 %")]
    assert re.findall(r'<td class="(right|wrong)"[^>]*>(.*?)<', rows[2]) == [("right", "82 %")]
    assert re.findall(r'<td class=""[^>]*>(.*?)<', rows[1]) == ["2"] * 9
    shutil.rmtree(path)
    (run.path.with_name("20990101-000000-other-aaaa") / "probabilities.npz").write_bytes(b"")
    assert "Other runs" not in said(opened(run, 7))


def test_of_many_classes_the_likeliest_and_the_true_one_have_a_column() -> None:
    names = [f"<{place}" for place in range(47)]
    row = np.linspace(0, 1, 47, dtype=np.float32)
    table = dossier._table([("this <run>", row / row.sum())], 0, names)
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', table)
    assert heads == ["&lt;0", *(f"&lt;{place}" for place in range(36, 47))]
    assert "this &lt;run&gt;" in table
    # Long names would hide the last ones behind the table's edge.
    table = dossier._table([("this run", row / row.sum())], 0, [f"Class {name}" for name in names])
    assert len(re.findall(r'<th scope="col"', table)) == 5
    assert "Class &lt;0" in table
    assert "Class &lt;46" in table


def of_class(app: AppTest) -> dict[str, list[int]]:
    """Training images that are shown, by what is said of their class."""
    found = re.findall(r'near-of">Of (.*?), .*?</p>(.*?)</div>', pieces(app))
    return {
        which: [int(n) for n in re.findall(r"training image (\d+)", row)] for which, row in found
    }


@pytest.mark.parametrize("way", ["features", "pixels"])
def test_the_nearest_training_images_are_of_the_true_and_of_the_predicted_class(
    run: Run, way: str
) -> None:
    table = run.probabilities()["test"]
    image = int(np.flatnonzero(table.argmax(axis=1) != LABELS)[0])
    app = opened(run, image, nearest_by=way)
    if way == "features":
        assert of_class(app) == of_class(opened(run, image, nearest_by="pixels"))
        assert "By their pixels" in said(app)
        app.button[[one.label for one in app.button].index("Find them by features")].click().run()
        assert Job(run, "features").status == "queued"
        assert carry_out.carry_out(Job(run, "features"))
        app = opened(run, image, nearest_by=way)
        assert "By the features" in said(app)
    train = caching.dataset(run).train
    classes = {"the true class": LABELS[image], "the predicted class": table[image].argmax()}
    shown = of_class(app)
    assert list(shown) == list(classes)
    for which, label in classes.items():
        assert len(shown[which]) == dossier.NEAREST
        assert (train.labels[shown[which]] == label).all()


def test_an_image_that_was_closed_stays_closed(run: Run) -> None:
    app = opened(run, 7)
    assert "image 7 of test" in said(app)
    app.query_params["image"] = "none"
    app.run()
    assert not app.exception
    assert "image 7 of test" not in said(app)
    assert "Enter or a click opens an image" in said(app)
