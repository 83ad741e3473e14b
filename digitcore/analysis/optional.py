"""What is there only if a person installed it."""

from __future__ import annotations

from importlib import util


def is_installed(package: str) -> bool:
    """Whether that package can be imported; does not import it."""
    try:
        return util.find_spec(package) is not None
    except ValueError:  # as where a module is None in sys.modules
        return False
