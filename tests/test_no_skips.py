"""No run that must have every test can end well with one that was skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = {
    "mark": "@pytest.mark.skip(reason='reasons')\ndef test_one(): pass",
    "condition": "@pytest.mark.skipif(True, reason='reasons')\ndef test_one(): pass",
    "call": "def test_one(): pytest.skip('reasons')",
    "fixture": "@pytest.fixture\ndef skips(): pytest.skip('reasons')\ndef test_one(skips): pass",
    "file": "pytest.skip('reasons', allow_module_level=True)",
    "xfail": "@pytest.mark.xfail(reason='reasons')\ndef test_one(): assert False",
}


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Exit status and output of pytest on these tests alone, with the hooks."""
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "no:cacheprovider"]
    command += ["-p", "no_skips", "-p", "no:randomly", "-rfE", f"--rootdir={folder}", *arguments]
    surroundings = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    surroundings.pop("DIGITCORE_REQUIRE_ALL", None)
    surroundings |= {"PYTHONPATH": str(Path(__file__).parent), **environment}
    done = subprocess.run(
        [*command, str(folder)], env=surroundings, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A test that passes, and a file for each way to skip one."""
    for name, content in TESTS.items():
        (tmp_path / f"test_{name}.py").write_text(f"import pytest\n{content}\n")
    (tmp_path / "test_sound.py").write_text("def test_one(): pass\n")
    return tmp_path


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "side by side"])
def test_where_all_are_required_each_way_to_skip_fails_with_the_reason(
    arguments: tuple[str, ...], folder: Path
) -> None:
    go_on = "--continue-on-collection-errors"
    status, out = run(folder, go_on, *arguments, DIGITCORE_REQUIRE_ALL="1")
    assert status == 1
    bad = [line for line in out.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    assert len(bad) == len(TESTS)
    for name in TESTS:
        assert any(f"test_{name}.py" in line for line in bad), name
    told = [line for line in out.splitlines() if line.startswith("DIGITCORE_REQUIRE_ALL=1, but ")]
    assert len(told) == len(TESTS)
    assert all(line.endswith("reasons") for line in told)
    assert "1 passed" in out.splitlines()[-1]


def test_elsewhere_they_are_skipped(folder: Path) -> None:
    status, out = run(folder)
    assert status == 0
    assert "1 passed, 5 skipped, 1 xfailed" in out.splitlines()[-1]
