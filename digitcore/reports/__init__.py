"""What is said of runs in files to give away: one document, as HTML, PDF, CSV and LaTeX."""

from typing import TYPE_CHECKING, Any

from digitcore._lazy import submodule

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return submodule(__name__, name)
