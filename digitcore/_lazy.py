"""Rooms load their modules when their names are first used, so that importing one loads few."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def submodule(package: str, name: str) -> Any:
    """The module of that name in the package, for the package's `__getattr__`.

    Raises:
        AttributeError: it has none.
    """
    if name.startswith("_") or find_spec(f"{package}.{name}") is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return import_module(f"{package}.{name}")
