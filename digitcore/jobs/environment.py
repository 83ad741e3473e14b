"""What a job runs on: versions, processor and cores."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path


def versions() -> dict[str, str]:
    """Of Python and of the packages on which a training's figures depend."""
    packages = {name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")}
    return {"python": platform.python_version(), **packages}


def machine() -> str:
    """Processor, cores that this process may use, and operating system."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {cores()} cores, {platform.system()}"


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
