"""Makes the run that the project ships, `models/reader`, so that Draw and Explore work at once.

    DIGITCORE_DATA_DIR=... python docs/shipped_run.py               # trains the recipe `reader`
    DIGITCORE_DATA_DIR=... python docs/shipped_run.py models/RUN    # takes a run that there is

What says where and by which process it was trained is left out, and so is what only a
training needs. Of the points of its curves within an epoch every fourth stays, so that the folder is small.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from digitcore import Recipe, follow, runs, submit  # noqa: E402
from digitcore.runs import Run  # noqa: E402

NAME = "reader"
FILES = ("recipe.toml", "model.keras", "model.tflite", "probabilities.npz")


def main() -> None:
    run = Run(Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else trained()
    if run.status != "finished" or run.metrics is None or run.metrics.data_notice:
        sys.exit(f"A finished run on MNIST is needed. Received: {run.id}, {run.state.message}")
    place = ROOT / "models" / NAME
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(run.path / name, place / name)
    events = (run.path / "events.jsonl").read_text().splitlines(keepends=True)
    (place / "events.jsonl").write_text("".join(thinned(events)))
    metrics = {**json.loads((run.path / "metrics.json").read_text()), "data_source": "MNIST"}
    (place / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    state = dataclasses.replace(
        run.state, number=0, turn=0, pid=None, data_folder=None, parent=None, title=""
    )
    (place / "state.json").write_text(json.dumps(dataclasses.asdict(state), indent=1) + "\n")
    size = sum(path.stat().st_size for path in place.iterdir())
    sys.stdout.write(f"{place.relative_to(ROOT)}: {size / 1e6:.2f} MB\n")


def thinned(lines: list[str]) -> list[str]:
    """The events without three of four of the batches between two others."""
    kept, batches = [], 0
    for line in lines:
        batches = batches + 1 if json.loads(line)["kind"] == "batch" else 0
        if batches % 4 == 0:
            kept.append(line)
    return kept


def trained() -> Run:
    run = submit(Recipe.load(NAME))
    for event in follow(run):
        if event["kind"] == "epoch":
            sys.stdout.write(f"epoch {event['epoch']}: {event['validation_accuracy']:.4f}\n")
    return runs.load(run.id)


if __name__ == "__main__":
    main()
