"""Run folders of the last version open, resume to the same bits, and answer as before.

`data/last_version` was written by the code of commit 9598057 on the made-up digits of
`made_up_digits()`: `stopped` in the midst of its second epoch, `fine-tuned` finished. `resumed.npz`
and `resumed.json` are what that code itself made of `stopped` when it resumed it, with today's synthetic
digits, because a stopped run goes on with the ways of writing of the version that resumes it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_up import made_up_digits, write_npz
from studio import Studio, epochs

from digitcore import runs
from digitcore.jobs import environment, networks, request
from digitcore.runs import Run
from digitcore.runs.predictor import Predictor

KEPT = Path(__file__).parent / "data" / "last_version"


@pytest.fixture(scope="module")
def resumed(studios: Callable[[], Studio]) -> Run:
    """The stopped run, resumed by the command."""
    studio = studios()
    data = studio.models.with_name("noise")
    data.mkdir()
    write_npz(data / "mnist.npz", made_up_digits())
    shutil.copytree(KEPT / "stopped", studio.models / "stopped")
    result = studio.call("resume", "stopped", DIGITCORE_DATA_DIR=str(data))
    assert (result["status"], result["epochs"]) == ("finished", 3)
    return Run(studio.models / "stopped")


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[str], Run]:
    """A copy of one of the folders among this session's runs."""

    def copy(name: str) -> Run:
        shutil.copytree(KEPT / name, tmp_path / "models" / name)
        return runs.load(name)

    return copy


def test_a_stopped_run_resumes_to_the_same_bits(resumed: Run) -> None:
    told = json.loads((KEPT / "resumed.json").read_text())
    weights = networks.load(resumed).get_weights()
    with np.load(KEPT / "resumed.npz") as file:
        expected = [file[f"weights/{i}"] for i in range(len(weights))]
    if (environment.machine(), environment.versions()) == (told["machine"], told["versions"]):
        digest = hashlib.sha256(b"".join(array.tobytes() for array in weights)).hexdigest()
        assert digest == told["weights"]
    # Another processor or TensorFlow sums in another order.
    for now, then in zip(weights, expected, strict=True):
        np.testing.assert_allclose(now, then, atol=2e-4)


def test_a_resumed_run_keeps_its_curves_and_answers_as_then(resumed: Run) -> None:
    assert [epoch["epoch"] for epoch in epochs(resumed)] == [1, 2, 3]
    assert epochs(resumed)[0]["validation_loss"] == 2.353738024830818
    with np.load(KEPT / "resumed.npz") as file:
        for split, table in resumed.probabilities().items():
            np.testing.assert_allclose(table, file[split], atol=1e-3)


def test_a_recipe_with_the_earlier_field_names_opens(kept: Callable[[str], Run]) -> None:
    recipe = kept("stopped").recipe
    text = (KEPT / "stopped" / "recipe.toml").read_text()
    assert "validation_share = 0.08" in text
    assert "unwarped_epochs = 1" in text
    assert recipe.validation_split == 0.08
    assert (recipe.synthetic_digits, recipe.synthetic_outliers) == (40, 20)
    assert (recipe.warmup_ratio, recipe.ema_decay) == (0.3, 0.9)
    assert recipe.epochs_without_augmentation == 1


@pytest.mark.parametrize("name", ["stopped", "fine-tuned"])
def test_a_network_answers_as_it_did(kept: Callable[[str], Run], name: str) -> None:
    run = kept(name)
    assert run.status == json.loads((KEPT / name / "state.json").read_text())["status"]
    answers = Predictor(run).probabilities(made_up_digits()[2])
    np.testing.assert_allclose(answers, run.probabilities()["test"], atol=1e-5)


def test_a_fine_tuned_run_without_a_request_is_fine_tuned_again_to_the_same_weights(
    studios: Callable[[], Studio],
) -> None:
    studio = studios()
    data = studio.models.with_name("noise")
    data.mkdir()
    write_npz(data / "mnist.npz", made_up_digits())
    shutil.copytree(KEPT / "fine-tuned", studio.models / "fine-tuned")
    run = Run(studio.models / "fine-tuned")
    before = networks.load(run).get_weights()
    run.update(status="failed")
    result = studio.call("resume", "fine-tuned", DIGITCORE_DATA_DIR=str(data))
    assert result["status"] == "finished"
    for now, then in zip(networks.load(run).get_weights(), before, strict=True):
        np.testing.assert_allclose(now, then, atol=2e-4)


def test_what_a_fine_tuned_run_measured_has_its_present_names(kept: Callable[[str], Run]) -> None:
    run = kept("fine-tuned")
    earlier = json.loads((KEPT / "fine-tuned" / "metrics.json").read_text())["hand"]
    assert run.metrics
    measured = run.metrics.fine_tuning
    assert measured
    assert measured.samples == earlier["taught"]
    assert measured.correct_before == earlier["right_before"]
    assert measured.correct_after == earlier["right_after"]
    assert request.read(run).kind == "fine-tune"
    assert request.is_personal(run)
