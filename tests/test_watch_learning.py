"""What Train shows of each epoch that is kept: kernels, confusions, ten images, norms."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from made_up import PLAIN, SMALLEST
from pages_of_runs import said, visit
from streamlit.testing.v1 import AppTest

from digitcore import runs
from digitcore.analysis import weights
from digitcore.figures.confusion import confusion_heatmap
from digitcore.recipes import Recipe
from digitcore.runs import Run, kept_epochs
from ui import caching

MOST = 10_000_000


@pytest.fixture
def run(finished: str, fresh_pages: None) -> Run:
    """A run with kept epochs 1 and 2, the second of which has weights of zero and no errors."""
    run = runs.load(finished)
    first = kept_epochs.read(run, 1)
    second = replace(
        first,
        weights=[np.zeros_like(array) for array in first.weights],
        confusion=np.diag(first.confusion.sum(axis=1)),
        probabilities=np.eye(10)[caching.dataset(run).validation.labels[first.watched]],
    )
    kept_epochs.write(run, 2, second, MOST)
    return run


def opened(run: Run) -> AppTest:
    app = visit("train", run=run.id)
    app.session_state["watch_learning"] = True
    app.run()
    assert not app.exception
    return app


def pieces(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def test_nothing_of_it_is_drawn_until_it_is_opened(run: Run) -> None:
    app = visit("train", run=run.id)
    assert "Watch it learn" in [box.label for box in app.expander]
    assert "Confusion on validation" not in said(app)
    for epoch in (1, 2):
        (run.path / "epochs" / f"000{epoch}.npz").unlink()
    assert "Watch it learn" not in [box.label for box in visit("train", run=run.id).expander]


def test_the_slider_goes_through_the_epochs_from_the_newest(run: Run) -> None:
    app = opened(run)
    first = kept_epochs.read(run, 1)
    total, correct = first.confusion.sum(), np.trace(first.confusion)
    assert app.select_slider(key="watch_epoch").value == 2
    assert f"0 of {total} images wrong" in said(app)
    labels = caching.dataset(run).validation.labels[first.watched]
    told = re.findall(r"<figcaption>(.*?) (.*?)</figcaption>", pieces(app))
    assert [int(name) for name, _ in told] == labels.tolist()
    assert pieces(app).count('<figure class="right"') == len(labels)
    app.select_slider(key="watch_epoch").set_value(1).run()
    assert not app.exception
    assert f"{total - correct} of {total} images wrong" in said(app)
    told = re.findall(r"<figcaption>(.*?) (.*?)</figcaption>", pieces(app))
    assert [int(name) for name, _ in told] == first.probabilities.argmax(axis=1).tolist()
    # Of each layer, its norm in the first epoch and in this one, which are the same.
    norms = re.findall(r'<th scope="row">.*?</th><td>(.*?)</td><td>(.*?)</td>', pieces(app))
    wanted = [f"{norm:.2f}" for _, norm in weights.norms(run.recipe, first.weights)]
    assert norms == [(norm, norm) for norm in wanted]


def test_it_follows_the_training_until_another_epoch_is_chosen(run: Run) -> None:
    app = opened(run)
    kept_epochs.write(run, 3, kept_epochs.read(run, 1), MOST)
    app.run()
    assert app.select_slider(key="watch_epoch").value == 3
    app.select_slider(key="watch_epoch").set_value(1).run()
    kept_epochs.write(run, 4, kept_epochs.read(run, 1), MOST)
    app.run()
    assert app.select_slider(key="watch_epoch").value == 1
    assert not app.exception


def test_a_damaged_epoch_is_told_in_a_line(run: Run) -> None:
    (run.path / "epochs" / "0002.npz").write_bytes(b"none")
    assert f"Epoch 2 of run {run.id} cannot be read" in said(opened(run)).replace("\\", "")


def test_the_first_kernels_are_those_of_the_first_layer_with_a_kernel() -> None:
    random = np.random.default_rng(0)
    conv = random.normal(size=(5, 3, 1, 4))
    found = weights.first_kernels(Recipe.load("fast"), [np.ones(4), conv, np.ones((9, 9, 4, 2))])
    assert found.shape == (4, 5, 3)
    np.testing.assert_array_equal(found[2], conv[:, :, 0, 2])
    dense = random.normal(size=(784, 16))
    found = weights.first_kernels(PLAIN, [dense, np.ones(16)])
    np.testing.assert_array_equal(found[3], dense[:, 3].reshape(28, 28))
    assert len(weights.first_kernels(PLAIN, [np.ones((100, 16))])) == 0
    assert len(weights.first_kernels(PLAIN, [])) == 0


def test_their_sign_is_seen_on_one_scale() -> None:
    kernels = np.array([[[0.0, 0.5]], [[-1.0, 1.0]]])
    np.testing.assert_array_equal(weights.signed(kernels), [[[128, 192]], [[1, 255]]])
    np.testing.assert_array_equal(weights.signed(np.zeros((1, 2, 2))), np.full((1, 2, 2), 128))


def test_norms_are_of_the_kernels_by_layer() -> None:
    assert weights.norms(SMALLEST, [np.full((784, 10), 2.0), np.ones(10)]) == [
        (SMALLEST.summary()[-1].layer, pytest.approx(2 * 7840**0.5))
    ]
    with pytest.raises(ValueError, match=r"There are 1 layers with kernels. Received: 0"):
        weights.norms(SMALLEST, [np.ones(10)])


def test_confusions_of_several_epochs_are_on_one_scale() -> None:
    first, later = np.array([[6, 4], [0, 10]]), np.array([[9, 1], [0, 10]])
    own, shared = (confusion_heatmap(later, False, scale=scale) for scale in (None, first))
    assert own.data[1].zmax == pytest.approx(0.1**0.5)
    assert shared.data[1].zmax == pytest.approx(0.4**0.5)
