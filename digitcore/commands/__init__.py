"""The commands of `python -m digitcore`: each takes its options, and gives a result and a text."""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return submodule(__name__, name)
