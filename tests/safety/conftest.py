"""A run with nothing in it but its recipe."""

from __future__ import annotations

import pytest

from digitcore import runs
from digitcore.recipes import Recipe
from digitcore.runs import Run

RECIPE = Recipe(name="small", layers=[{"kind": "flatten"}])


@pytest.fixture
def run() -> Run:
    return runs.create(RECIPE)
