"""A run learns a person's drawings: real trainings in real processes, from the shell."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from studio import Studio, network

from digitcore import runs
from digitcore.analysis import classification
from digitcore.drawing import synthetic
from digitcore.drawing.samples import Hand, HandError
from digitcore.jobs import queue
from digitcore.jobs.networks import load
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError
from digitcore.runs.predictor import Predictor


def mirrored(count: int, seed: int = 0) -> Hand:
    """A hand that writes everything as seen in a mirror: no network reads that untaught."""
    random = np.random.default_rng(seed)
    kept = Hand()
    for number in range(count):
        strokes = synthetic.write(number % 10, random)
        kept = kept.added(number % 10, [s * [-2, 2] + 160 for s in strokes])
    return kept


class Taught:
    """A trained run, and a run that learned thirty drawings from there."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.parent = Run(studio.models / studio.call("train", "--epochs", "3")["run"])
        self.file = studio.models.with_name("hand.json")
        mirrored(30).save(self.file)
        self.before = network(self.parent)
        self.result = studio.call("teach", self.parent.id, str(self.file))
        self.run = Run(studio.models / self.result["run"])


@pytest.fixture(scope="module")
def taught(studios: Callable[[], Studio]) -> Taught:
    return Taught(studios())


def test_a_hand_is_learned_as_a_new_run_that_names_its_parent(taught: Taught) -> None:
    result = taught.result
    assert result["status"] == "finished"
    assert result["parent"] == taught.parent.id
    assert result["title"] == "fast + 20 drawings"
    assert network(taught.parent) == taught.before != network(taught.run)
    assert taught.run.recipe.layers == taught.parent.recipe.layers


def test_it_tells_what_was_gained_on_drawings_held_out_and_lost_on_the_test(
    taught: Taught,
) -> None:
    told = taught.result["hand"]
    assert (told["taught"], told["held_out"]) == (20, 10)
    assert taught.parent.metrics
    assert told["test_accuracy_before"] == taught.parent.metrics["test_accuracy"]
    # The held-out drawings are asked by the command as well, and of both runs alike.
    held = taught.file.with_name("held.json")
    mirrored(30).held_out.save(held)
    for run, right in ((taught.parent, "right_before"), (taught.run, "right_after")):
        found = taught.studio.call("evaluate", run.id, "--hand", str(held))
        assert (found["drawings"], found["right"]) == (10, told[right])
        assert len(found["wrong"]) == 10 - told[right]


def test_the_drawings_that_were_taught_are_read_better(taught: Taught) -> None:
    images, labels = mirrored(30).taught.images()
    before, after = (
        classification.log_loss(Predictor(run).probabilities(images), labels)
        for run in (taught.parent, taught.run)
    )
    assert after < 0.9 * before


def test_the_network_that_is_kept_goes_a_part_of_the_way(taught: Taught) -> None:
    with np.load(taught.run.path / "checkpoint" / "last.npz") as file:
        best = [file[f"best_weights/{i}"] for i in range(sum("best_" in n for n in file.files))]
    before = load(taught.run, runs.START_NETWORK).get_weights()
    kept = load(taught.run).get_weights()
    for old, learned, found in zip(before, best, kept, strict=True):
        np.testing.assert_allclose(found, old + 0.7 * (learned - old), atol=1e-6)


def test_the_same_hand_gives_the_same_weights_and_another_one_others(taught: Taught) -> None:
    again = taught.studio.call("teach", taught.parent.id, str(taught.file))
    assert network(Run(taught.studio.models / again["run"])) == network(taught.run)
    other = taught.file.with_name("other.json")
    mirrored(30, seed=1).save(other)
    found = taught.studio.call("teach", taught.parent.id, str(other))
    assert network(Run(taught.studio.models / found["run"])) != network(taught.run)


def test_what_was_taught_goes_on_without_its_parent(taught: Taught) -> None:
    copy = taught.studio.models / "20260101-000000-copy-0001"
    shutil.copytree(taught.run.path, copy)
    child = taught.studio.call("resume", copy.name, "--epochs", "2")
    run = Run(taught.studio.models / child["run"])
    assert child["status"] == "finished"
    assert child["hand"]["taught"] == 20
    assert [name for name in runs.BEGINNINGS if (run.path / name).exists()] == [*runs.BEGINNINGS]


def test_a_hand_is_learned_only_beside_the_digits_that_were_learned_before(taught: Taught) -> None:
    copy = taught.studio.models / "20260101-000000-strange-0001"
    shutil.copytree(taught.parent.path, copy)
    metrics = json.loads((copy / "metrics.json").read_text())
    (copy / "metrics.json").write_text(json.dumps({**metrics, "data_checksum": "other"}))
    found = taught.studio.call("teach", copy.name, str(taught.file), status=1)
    assert found["status"] == "failed"
    assert "not on this machine" in found["message"]


@pytest.mark.parametrize(
    ("run", "text", "said"),
    [
        (None, "{}", "not a file of drawings"),
        (None, Hand().to_json(), "at least one drawing"),
        (None, mirrored(3).held_out.to_json(), "at least one drawing"),
        ("no-such-run", mirrored(3).to_json(), "no run of that name"),
    ],
)
def test_what_cannot_be_taught_is_refused_in_a_sentence(
    run: str | None, text: str, said: str, taught: Taught, tmp_path: Path
) -> None:
    (tmp_path / "hand.json").write_text(text)
    before = len(taught.studio.runs())
    found = taught.studio.call(
        "teach", run or taught.parent.id, str(tmp_path / "hand.json"), status=1
    )
    assert said in found["error"]
    assert len(taught.studio.runs()) == before


def test_a_run_that_waits_or_was_never_tested_learns_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITCORE_MODELS_DIR", str(tmp_path / "models"))
    run = runs.create(Recipe.load("fast"))
    with pytest.raises(RunError, match="Only a run that has ended"):
        queue.teach(run, mirrored(3))
    run.stop()
    with pytest.raises(RunError, match="no network"):
        queue.teach(run, mirrored(3))
    assert runs.list_runs() == [run]
    with pytest.raises(HandError):
        Hand().added(3, [])
