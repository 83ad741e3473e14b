"""Fine-tuning on a person's drawings: real trainings in real processes, from the shell."""

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
from digitcore.drawing.samples import HandwritingSamples, SamplesError
from digitcore.jobs import fine_tuning, request
from digitcore.jobs.networks import load
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError
from digitcore.runs.predictor import Predictor


def mirrored(count: int, seed: int = 0) -> HandwritingSamples:
    """Drawings of mirrored digits, which a network that was not fine-tuned gets wrong."""
    random = np.random.default_rng(seed)
    kept = HandwritingSamples()
    for number in range(count):
        strokes = synthetic.write(number % 10, random)
        kept = kept.added(number % 10, [s * [-2, 2] + 160 for s in strokes])
    return kept


class Tuned:
    """A trained run, and a run that was fine-tuned from it on thirty drawings."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.parent = Run(studio.models / studio.call("train", "--epochs", "3")["run"])
        self.file = studio.models.with_name("samples.json")
        mirrored(30).save(self.file)
        self.before = network(self.parent)
        self.result = studio.call("fine-tune", self.parent.id, str(self.file))
        self.run = Run(studio.models / self.result["run"])


@pytest.fixture(scope="module")
def tuned(studios: Callable[[], Studio]) -> Tuned:
    return Tuned(studios())


def test_fine_tuning_is_a_new_run_that_names_its_parent(tuned: Tuned) -> None:
    result = tuned.result
    assert result["status"] == "finished"
    assert result["parent"] == tuned.parent.id
    assert result["title"] == "fast + 20 drawings"
    assert network(tuned.parent) == tuned.before != network(tuned.run)
    assert tuned.run.recipe.layers == tuned.parent.recipe.layers


def test_metrics_say_what_is_gained_on_held_out_drawings_and_lost_on_test(
    tuned: Tuned,
) -> None:
    measured = tuned.result["fine_tuning"]
    assert (measured["samples"], measured["held_out"]) == (20, 10)
    assert tuned.parent.metrics
    assert measured["test_accuracy_before"] == tuned.parent.metrics.test_accuracy
    # The command measures both runs on the held-out drawings, too.
    held = tuned.file.with_name("held.json")
    mirrored(30).held_out.save(held)
    for run, key in ((tuned.parent, "correct_before"), (tuned.run, "correct_after")):
        found = tuned.studio.call("evaluate", run.id, "--handwriting", str(held))
        assert (found["drawings"], found["correct"]) == (10, measured[key])
        assert len(found["wrong"]) == 10 - measured[key]


def test_the_loss_falls_on_the_drawings_that_were_trained_on(tuned: Tuned) -> None:
    images, labels = mirrored(30).training.images()
    before, after = (
        classification.log_loss(Predictor(run).probabilities(images), labels)
        for run in (tuned.parent, tuned.run)
    )
    assert after < 0.9 * before


def test_the_kept_weights_lie_between_the_initial_and_the_trained_ones(tuned: Tuned) -> None:
    with np.load(tuned.run.path / "checkpoint" / "last.npz") as file:
        best = [file[f"best_weights/{i}"] for i in range(sum("best_" in n for n in file.files))]
    before = load(tuned.run, request.INITIAL_WEIGHTS).get_weights()
    kept = load(tuned.run).get_weights()
    for old, trained, found in zip(before, best, kept, strict=True):
        np.testing.assert_allclose(found, old + 0.7 * (trained - old), atol=1e-6)


def test_the_same_drawings_give_the_same_weights_and_others_give_others(tuned: Tuned) -> None:
    others = tuned.file.with_name("others.json")
    mirrored(30, seed=1).save(others)
    arguments = ("fine-tune", tuned.parent.id)
    started = [tuned.studio.start(*arguments, str(file), "--json") for file in (tuned.file, others)]
    same, other = (
        network(Run(tuned.studio.models / tuned.studio.end(process, 0)[0]["run"]))
        for process in started
    )
    assert same == network(tuned.run)
    assert other != network(tuned.run)


def test_a_fine_tuned_run_is_extended_without_its_parent(tuned: Tuned) -> None:
    copy = tuned.studio.models / "20260101-000000-copy-0001"
    shutil.copytree(tuned.run.path, copy)
    child = tuned.studio.call("resume", copy.name, "--epochs", "2")
    run = Run(tuned.studio.models / child["run"])
    assert child["status"] == "finished"
    assert child["fine_tuning"]["samples"] == 20
    assert request.read(run) == request.read(tuned.run)
    assert all((run.path / name).exists() for name in request.read(run).files)


def test_fine_tuning_needs_the_dataset_that_the_network_was_trained_on(tuned: Tuned) -> None:
    copy = tuned.studio.models / "20260101-000000-strange-0001"
    shutil.copytree(tuned.parent.path, copy)
    metrics = json.loads((copy / "metrics.json").read_text())
    (copy / "metrics.json").write_text(json.dumps({**metrics, "data_checksum": "other"}))
    found = tuned.studio.call("fine-tune", copy.name, str(tuned.file), status=1)
    assert found["status"] == "failed"
    assert "not on this machine" in found["message"]


@pytest.mark.parametrize(
    ("run", "text", "said"),
    [
        (None, "{}", "not a file of drawings"),
        (None, HandwritingSamples().to_json(), "at least one drawing"),
        (None, mirrored(3).held_out.to_json(), "at least one drawing"),
        ("no-such-run", mirrored(3).to_json(), "no run of that name"),
    ],
)
def test_what_cannot_be_fine_tuned_is_refused_in_a_sentence(
    run: str | None, text: str, said: str, tuned: Tuned, tmp_path: Path
) -> None:
    (tmp_path / "samples.json").write_text(text)
    before = len(tuned.studio.runs())
    found = tuned.studio.call(
        "fine-tune", run or tuned.parent.id, str(tmp_path / "samples.json"), status=1
    )
    assert said in found["error"]
    assert len(tuned.studio.runs()) == before


def test_a_run_that_waits_or_has_no_network_is_not_fine_tuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITCORE_MODELS_DIR", str(tmp_path / "models"))
    run = runs.create(Recipe.load("fast"))
    with pytest.raises(RunError, match="Only a run that has ended"):
        fine_tuning.fine_tune(run, mirrored(3))
    run.stop()
    with pytest.raises(RunError, match="no network"):
        fine_tuning.fine_tune(run, mirrored(3))
    assert runs.list_runs() == [run]
    with pytest.raises(SamplesError):
        HandwritingSamples().added(3, [])
