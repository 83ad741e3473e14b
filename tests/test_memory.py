"""What is freed is given back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A block of 30 MB that is freed lets glibc keep blocks below that in its heap from then on, and a
# small one that stays keeps all pages before it.
ALLOCATE = """
import psutil
from ui.memory import give_back

give_back()
large = b"x" * 30_000_000
del large
before = psutil.Process().memory_info().rss
large, small = [], []
for _ in range(200):
    large.append(b"x" * 1_000_000)
    small.append(b"x" * 50_000)
del large
print((psutil.Process().memory_info().rss - before) // 1_000_000)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other systems do this themselves")
def test_large_blocks_that_are_freed_take_no_memory_though_small_ones_beside_them_stay() -> None:
    command = [sys.executable, "-c", ALLOCATE]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert int(told) < 50, "200 without `give_back`"
