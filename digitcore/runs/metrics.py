"""What `metrics.json` of a run says: what its network reaches, and how its training went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from digitcore import files
from digitcore.runs.state import MOST_TEXT_BYTES

_NUMBERS = (
    *(f"{split}_{what}" for split in ("test", "validation") for what in ("accuracy", "loss")),
    *("fit_seconds", "images_per_second", "parameters", "epochs"),
)
# Names in files of earlier versions, and what they are called now.
_EARLIER = {"hand": "fine_tuning"}
_EARLIER_FINE_TUNING = {
    "taught": "samples",
    "right_before": "correct_before",
    "right_after": "correct_after",
}


def read_metrics(path: Path) -> dict[str, Any]:
    """What a `metrics.json` holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or lacks what every reader counts on.
    """
    try:
        metrics = json.loads(files.read(path, MOST_TEXT_BYTES))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(metrics, dict):
        raise ValueError("it must hold an object")
    metrics = _renamed(metrics, _EARLIER)
    if isinstance(fine_tuning := metrics.get("fine_tuning"), dict):
        metrics["fine_tuning"] = _renamed(fine_tuning, _EARLIER_FINE_TUNING)
    for key in _NUMBERS:
        if not isinstance(metrics.get(key), int | float):
            raise ValueError(f"{key} must be a number. Received: {metrics.get(key)!r}")
    for key in ("test_interval", "validation_interval"):
        ends = metrics.get(key)
        if not isinstance(ends, list) or [isinstance(e, int | float) for e in ends] != [True] * 2:
            raise ValueError(f"{key} must be two numbers. Received: {ends!r}")
    return metrics


def _renamed(values: dict[str, Any], earlier: dict[str, str]) -> dict[str, Any]:
    return {earlier.get(name, name): value for name, value in values.items()}
