"""Metrics, explanations and rankings of networks. Arrays in, numbers out."""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return submodule(__name__, name)
