"""What a benchmark says of where it was run, and the file that it writes."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from digitcore.jobs import environment

ROOT = Path(__file__).parents[1]


def circumstances() -> dict[str, Any]:
    """Machine, versions, commit and date."""
    return {
        "machine": environment.machine(),
        "versions": environment.versions(),
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d"),
    }


def report() -> str:
    """The same as a line."""
    told = circumstances()
    versions = ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    return f"Machine: {told['machine']}. Versions: {versions}. Commit: {told['commit']}"


def write_json(path: Path, rows: list[dict[str, Any]]) -> None:
    """The figures of a table with where they come from."""
    path.write_text(json.dumps({**circumstances(), "rows": rows}, indent=1) + "\n")


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
