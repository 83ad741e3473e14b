"""Several networks as one: which are taken on validation, and what that does on test."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pages_of_runs import said, visit
from runs_that_err import labels_of, run_that_errs
from streamlit.testing.v1 import AppTest

from digitcore.analysis import comparison, ensemble
from digitcore.runs import Run

Like = Callable[..., Run]


def tables(count: int, images: int = 200, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Networks that err on other images each, with probabilities that a mean can mend."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, images)
    made = []
    for _ in range(count):
        logits = random.normal(0, 1, (images, 10))
        logits[np.arange(images), labels] += 1.5
        powers = np.exp(logits)
        made.append((powers / powers.sum(axis=1, keepdims=True)).astype(np.float32))
    return made, labels


def accuracy(table: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(table.argmax(axis=1) == labels))


def test_a_mean_is_weighted_and_sums_to_one() -> None:
    first, other = np.array([[1.0, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    assert ensemble.mean([first, other], [2, 1]) == pytest.approx(np.array([[2 / 3, 1 / 3]]))
    for weights in ([0, 0], [1], [1, -1]):
        with pytest.raises(ValueError, match="some of which count"):
            ensemble.mean([first, other], weights)


@pytest.mark.parametrize("seed", range(5))
def test_greedy_is_never_below_the_best_network_and_takes_each_best_step(seed: int) -> None:
    made, labels = tables(4, seed=seed)
    weights = ensemble.greedy(made, labels)
    whole = accuracy(ensemble.mean(made, weights), labels)
    assert whole >= max(accuracy(one, labels) for one in made)
    two = ensemble.greedy(made, labels, steps=2)
    first = max(range(4), key=lambda i: ensemble.score(made[i], labels))
    pairs = [[(i == first) + (i == k) for i in range(4)] for k in range(4)]
    alone = [int(i == first) for i in range(4)]
    best = max([alone, *pairs], key=lambda one: ensemble.score(ensemble.mean(made, one), labels))
    assert ensemble.mean(made, two) == pytest.approx(ensemble.mean(made, best))


def test_a_network_that_only_harms_is_left_out() -> None:
    made, labels = tables(2)
    harmful = np.roll(np.eye(10, dtype=np.float32)[labels], 1, axis=1)
    assert ensemble.greedy([made[0], harmful, made[1]], labels)[1] == 0


def test_of_equal_networks_one_is_enough() -> None:
    (one,), labels = tables(1)
    assert ensemble.greedy([one, one, one], labels) == [1, 0, 0]


# --- on the page --------------------------------------------------------------


@pytest.fixture
def like(finished: str, small_data: Path, fresh_pages: None) -> Like:
    return functools.partial(run_that_errs, finished, small_data)


def unsure(run: Run, errs: dict[str, list[int]], data: Path) -> None:
    """Makes the run err there with 55 %, where two that are right with 90 % outvote it."""
    made = {}
    for split, wrong in errs.items():
        labels = labels_of(split, data)
        table = np.full((len(labels), 10), 0.1 / 9, np.float32)
        table[np.arange(len(labels)), labels] = 0.9
        for i in wrong:
            table[i] = 0.0
            table[i, labels[i]], table[i, (labels[i] + 1) % 10] = 0.45, 0.55
        made[split] = (table / table.sum(axis=1, keepdims=True)).astype(np.float32)
    np.savez(run.path / "probabilities.npz", **made)


@pytest.fixture
def trio(like: Like, small_data: Path) -> list[Run]:
    """Each errs on other images, the first on the fewest of validation."""
    made = [like(end, 0, epochs=3 + n) for n, end in enumerate(("aaaa", "bbbb", "cccc"))]
    errs = [
        {"validation": [0, 1], "test": [*range(10)]},
        {"validation": [2, 3, 4], "test": [10, 11]},
        {"validation": [5, 6, 7], "test": [12]},
    ]
    for run, where in zip(made, errs, strict=True):
        unsure(run, where, small_data)
    return made


def opened(chosen: list[Run], **query: str) -> AppTest:
    app = visit("runs", selected=",".join(run.id for run in chosen), **query)
    app.session_state["compare_ensemble"] = True
    app.run()
    assert not app.exception
    return app


def test_an_ensemble_is_chosen_on_validation_and_told_of_on_test(trio: list[Run]) -> None:
    app = opened(trio, ensemble="all")
    text = said(app).replace("\\", "")
    assert "100.00 % (83.89–100.00) on 20 validation images" in text
    assert "aaaa, the best of them there, 90.00 %" in text
    p = comparison.mcnemar(0, 10)
    assert p < 0.05
    assert "The ensemble is 25.00 points" in text
    assert "on 40 test images (McNemar p = 0.002)" in text
    images = next(one for one in app.get("segmented_control") if "mended (10)" in one.options)
    assert images.options == ["mended (10)", "broken (0)"]


def test_an_image_that_an_ensemble_mends_stands_beside_what_both_say_of_it(trio: list[Run]) -> None:
    app = opened(trio, ensemble="all", ensemble_image="3")
    pieces = [one.proto.body for one in app.get("html")]
    bars = [piece for piece in pieces if 'class="bars"' in piece]
    assert len(bars) == 2
    # Its label is 3; the single run says 4 with 55 %, the others outvote it.
    assert ["55 %" in bar and "fill wrong" in bar for bar in bars] == [False, True]
    assert "fill right" in bars[0]
    assert "**The ensemble**" in said(app)
    closed = opened(trio, ensemble="all", ensemble_image="none")
    assert "**The ensemble**" not in said(closed)


def test_greedy_says_where_no_other_run_helps(like: Like) -> None:
    app = opened([like("aaaa", 0), like("bbbb", 9, epochs=3)])
    assert "No other run improves" in said(app)


def test_more_than_five_runs_make_no_ensemble(like: Like) -> None:
    chosen = [like(f"{n}aaa", n, epochs=3 + n) for n in range(6)]
    app = visit("runs", selected=",".join(run.id for run in chosen))
    assert "Ensemble" not in [box.label for box in app.expander]
    app = visit("runs", selected=",".join(run.id for run in chosen[:5]))
    assert "Ensemble" in [box.label for box in app.expander]


def test_every_order_of_the_runs_gives_the_same_ensemble() -> None:
    made, labels = tables(3, seed=3)
    means = [
        ensemble.mean(order, ensemble.greedy(order, labels))
        for order in map(list, itertools.permutations(made))
    ]
    assert all(one == pytest.approx(means[0]) for one in means)
