"""DIGITCORE_REQUIRE_ALL=1: what would be skipped fails, however it was skipped.

pytest counts a skipped test as well as a passed one: a run in which half of them are skipped ends
with exit status 0. conftest.py imports these hooks.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


def required() -> bool:
    return os.environ.get("DIGITCORE_REQUIRE_ALL") == "1"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _strict((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _strict((yield))


def _strict(report: Any) -> Any:
    if report.skipped and required():
        # A skip is (file, line, reason); of an expected failure, wasxfail is the reason.
        reason = report.__dict__.pop("wasxfail", None)
        reason = report.longrepr[2] if reason is None else f"Expected to fail: {reason}"
        report.outcome = "failed"
        report.longrepr = f"DIGITCORE_REQUIRE_ALL=1, but {reason}"
    return report
