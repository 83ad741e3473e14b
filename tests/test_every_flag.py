"""A training from the shell with every flag, stopped by Ctrl-C."""

from __future__ import annotations

import json
import signal

import numpy as np
from studio import Json, Studio, wait_for_epoch

from digitcore.recipes import Recipe, hyperparameters
from digitcore.runs.predictor import Predictor

EVERY_FLAG: Json = {
    "name": "every-flag",
    "description": "Every flag once.",
    "dataset": "mnist",
    "layers": [{"kind": "flatten"}, {"kind": "dense", "units": 12}],
    "epochs": 199,
    "batch_size": 7,
    "learning_rate": 0.002,
    "training_images": 1200,
    "validation_split": 0.2,
    "epoch_images": 200,
    "synthetic_digits": 30,
    "synthetic_outliers": 20,
    "optimizer": "sgd",
    "momentum": 0.8,
    "schedule": "step",
    "warmup_ratio": 0.3,
    "step_epochs": 3,
    "step_factor": 0.9,
    "ema_decay": 0.9,
    "rotation": 5.0,
    "shift": 1.0,
    "scale": 0.05,
    "shear": 3.0,
    "elastic": 0.5,
    "epochs_without_augmentation": 3,
    "weight_decay": 0.0001,
    "label_smoothing": 0.05,
    "distillation": 0.1,
    "early_stopping": 99,
    "seed": 7,
    "precision": "mixed_bfloat16",
}


def test_ctrl_c_stops_the_training_keeps_the_best_and_every_flag_counts(studio: Studio) -> None:
    # A shell that ran the tests in its background may have made them deaf to Ctrl-C.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        values = {k: v if isinstance(v, str) else json.dumps(v) for k, v in EVERY_FLAG.items()}
        flags = [part for k, v in values.items() for part in (f"--{k.replace('_', '-')}", v)]
        refused = studio.start("train", "--recipe", "two-conv", *flags, "--json")
        _, lines = studio.end(refused, 1)
        assert "Distillation needs validation images" in lines[-1]  # so that flag counts as well
        flags += ["--distillation", "0"]
        process = studio.start("train", "--recipe", "two-conv", *flags, "--json")
    finally:
        signal.signal(signal.SIGINT, heard)
    run = wait_for_epoch(studio)
    process.send_signal(signal.SIGINT)
    result, lines = studio.end(process, 130)
    assert (result["run"], result["status"]) == (run.id, "stopped")
    assert any("the best epoch is kept" in line for line in lines)
    assert run.metrics
    assert result["test_accuracy"] == run.metrics.test_accuracy
    assert Predictor(run).probabilities(np.zeros((1, 28, 28), np.uint8)).shape == (1, 10)
    assert run.recipe == Recipe(**{**EVERY_FLAG, "distillation": 0.0})


def test_every_hyperparameter_is_among_the_flags_tried_above_with_another_value() -> None:
    assert list(EVERY_FLAG) == list(Recipe.model_fields)
    for parameter in hyperparameters():
        assert EVERY_FLAG[parameter.name] != parameter.default
