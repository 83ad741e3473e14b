"""What people send: names that are paths, and files that are no pictures, or far too large."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faults.conftest import SMALL, Warm
from PIL import Image
from studio import SECONDS

from digitcore import runs
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError

MEGABYTES = 700  # with Python, NumPy and LiteRT in it
SIDE = 30_000
# Says at the end how much memory it took at the most, in KiB. The system tells whoever waits for
# a process, too, but counts what its parent had when it was forked.
PREDICT = """
import sys
from pathlib import Path
from digitcore.__main__ import main
status = main(sys.argv[1:])
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
sys.exit(status)
"""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb() -> bytes:
    """A PNG of a hundred kilobytes that says it has 900 million pixels, and has."""
    packer = zlib.compressobj()
    rows = bytes(100 * (1 + SIDE // 8))
    pixels = b"".join(packer.compress(rows) for _ in range(SIDE // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Files that nobody can read a digit in."""
    whole = np.full((60, 60), 255, np.uint8)
    whole[10:50, 28:33] = 0
    Image.fromarray(whole).save(tmp_path / "one.png")
    contents = {
        "bomb.png": bomb(),
        "empty.png": b"",
        "text.png": b"not a picture\n" * 1000,
        "garbage.jpg": os.urandom(100_000),
        "half.png": (tmp_path / "one.png").read_bytes()[:60],
        "head.gif": b"GIF89a\xff\xff\xff\xff\x00\x00\x00",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    with open(tmp_path / "huge.png", "wb") as file:
        file.truncate(20_000_000_000)  # without a byte on the disk
    (tmp_path / "folder.png").mkdir()
    names = (*contents, "huge.png", "folder.png", "missing.png")
    return {name: tmp_path / name for name in names}


def test_each_file_that_is_no_digit_is_told_in_a_sentence_in_bounded_time_and_memory(
    warm: Warm, alone: Callable[[Recipe], Run], files: dict[str, Path], tmp_path: Path
) -> None:
    run = alone(SMALL)
    pictures = [*map(str, files.values()), str(tmp_path / "one.png")]
    process = warm.python("-c", PREDICT, "predict", run.id, *pictures, "--json")
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert "Traceback" not in err
    answer, most = out.splitlines()
    assert int(most) < MEGABYTES * 1024
    result = json.loads(answer)
    assert [row["image"] for row in result["images"]] == [str(tmp_path / "one.png")]
    assert {row["image"] for row in result["refused"]} == set(map(str, files.values()))
    lines = [line for line in err.splitlines() if line.startswith(str(tmp_path))]
    assert len(lines) == len(files)
    for path in files.values():
        assert any(line.startswith(f"{path}: ") for line in lines)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../models", "/etc", "a/b", "~", "a\0b", "x" * 300, ".locks", "é"]
)
def test_a_name_that_is_a_path_is_no_run(name: str) -> None:
    runs.create(SMALL)
    with pytest.raises(RunError, match="There is no run of that name"):
        runs.load(name)
